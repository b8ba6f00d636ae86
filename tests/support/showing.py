"""Records to show, and what a page shows of them."""

import numpy as np
import pytest
from selenium.webdriver.common.by import By

from fairseq_plugin.analysis.records import AttentionRecord

HOSTILE = (
    "</script>",
    "<img src=x onerror=document.title='hit'>",
    "&lt;",
    "a\u2028b",
    "\u202eabc",
    "",
    "\n",
    "\u200b",
    "</s>",
)
KOREAN = ("▁안녕", "하세요", "▁세계", "</s>")
ARABIC = ("مرحبا", "بكم", "</s>")


def record(number, source, target, reference=None):
    random = np.random.default_rng(number)
    weights = random.dirichlet(np.full(len(source), 0.5), size=len(target))
    return AttentionRecord(number, tuple(source), tuple(target), weights, score=-0.5, reference=reference)


RECORDS = [
    record(0, KOREAN, ("Hello", "world", "</s>"), ("Hello", "world", "</s>")),
    record(1, ("Hello", "all", "of", "you", "</s>"), ARABIC, ("مرحبا", "لكم", "</s>")),
    record(2, HOSTILE, HOSTILE[::-1]),
    record(7, [f"s{s}" for s in range(60)], [f"t{t}" for t in range(50)]),
]


def texts(browser, selector):
    """What the elements hold as text, the marks that isolate a token's direction left out."""
    found = browser.execute_script(
        "return [...document.querySelectorAll(arguments[0])].map(e => e.textContent)", selector
    )
    return [text.replace("\u2068", "").replace("\u2069", "") for text in found]


def text(browser, selector):
    (found,) = texts(browser, selector)
    return found


def open_sentence(browser, number):
    box = browser.find_element(By.ID, "search")
    box.clear()
    box.send_keys(f"#{number}")
    assert text(browser, "#title") == f"Sentence {number}"


def shown_ids(browser):
    return [int(facts.split(" ", 1)[0][1:]) for facts in texts(browser, "#rows .facts")]


def lit_numbers(browser):
    return [float(number or 0) for number in texts(browser, "#source small")]


def rounded(weights):
    return pytest.approx(np.round(weights.astype(float), 4), abs=1.01e-4)
