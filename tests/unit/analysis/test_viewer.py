"""The page as a file: what it holds, its policy, escapes, the command's lines and errors. A browser: tests/browser."""

import base64
import hashlib
import io
import json
import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairseq_plugin.analysis.formats import write_records
from fairseq_plugin.analysis.records import AttentionRecord
from fairseq_plugin.analysis.viewer import STEPS, exactness, mean_entropy, write_page
from scripts import view_attention
from tests.support.errors import message_of

HOSTILE = ("</script>", "<!--", "&amp;", "\u2028", "\u2029", "<img src=x onerror=alert(1)>", "\0", "{data}", "{script}")
TOKENS = st.lists(st.text(max_size=4), min_size=1, max_size=5)


def record(number=0, source=("a", "</s>"), target=("b", "</s>"), reference=None, weights=None):
    if weights is None:
        weights = np.full((len(target), len(source)), 1 / len(source))
    return AttentionRecord(number, tuple(source), tuple(target), weights, score=-0.5, reference=reference)


def page_of(records, name="a.npz", total=None):
    stream = io.BytesIO()
    write_page(records, name, len(records) if total is None else total, stream)
    return stream.getvalue().decode()


def block(page, kind):
    """The content of the one inline script or style that starts with this tag."""
    (found,) = re.findall(rf"<{kind}>(.*?)</{kind.split()[0]}>", page, flags=re.S)
    return found


def data_of(page):
    return json.loads(block(page, 'script type="application/json" id="data"'))


def weights_of(sentence):
    steps = np.frombuffer(base64.b64decode(sentence["weights"]), dtype="<u2")
    return steps.reshape(len(sentence["target"]), len(sentence["source"])) / STEPS


def test_the_page_holds_the_records():
    weights = np.array([[0.12345, 0.87655], [1.0, 0.0]], dtype=np.float32)
    page = page_of([record(7, reference=("b", "</s>"), weights=weights)], "mine.npz", total=9)
    data = data_of(page)
    assert (data["name"], data["total"], data["steps"]) == ("mine.npz", 9, 10_000)
    (sentence,) = data["sentences"]
    assert np.abs(weights_of(sentence) - weights).max() <= 0.5 / STEPS
    entropy = -(0.12345 * math.log2(0.12345) + 0.87655 * math.log2(0.87655))  # of the row of b
    assert sentence.pop("entropy") == pytest.approx(entropy, abs=1e-6)
    del sentence["weights"]
    numbers = {"id": 7, "rank": 0, "score": -0.5, "exactness": 1.0}
    assert sentence == numbers | {"source": ["a", "</s>"], "target": ["b", "</s>"], "reference": ["b", "</s>"]}


def test_the_policy_names_the_one_style_and_the_one_script():
    page = page_of([record()])
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    rules = dict(rule.split(maxsplit=1) for rule in policy.split("; "))
    hashes = {
        f"{kind}-src": f"'sha256-{base64.b64encode(hashlib.sha256(block(page, kind).encode()).digest()).decode()}'"
        for kind in ("script", "style")
    }
    assert rules == {
        **hashes,
        "default-src": "'none'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }


def test_the_page_names_no_other_file_and_has_no_inline_handlers():
    page = page_of([record()])
    assert re.findall(r"(?:https?:)?//[\w.]+", page.replace(block(page, "script"), "")) == []
    assert re.findall(r'\b(?:src|href|action)\s*=\s*"([^"]*)"', page) == ["data:,"]
    assert re.findall(r'\son\w+="|\sstyle="', page) == []
    script = block(page, "script")
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|fetch\(|http", script)


@pytest.mark.parametrize("token", HOSTILE)
def test_no_token_ends_the_block(token):
    tame, hostile = page_of([record()]), page_of([record(source=(token, "</s>"), target=(token,))], name=token)
    assert data_of(hostile)["sentences"][0]["source"] == [token, "</s>"]
    for mark in ("<", "\u2028", "\u2029"):
        assert hostile.count(mark) == tame.count(mark)


def test_the_page_holds_what_is_shown_of_tokens_that_cannot_be_seen():
    long = "a" * 200
    one = record(source=("\u200b", "__proto__", long), target=("b", "\u200b"), reference=("\xa0", ""))
    data = data_of(page_of([one, record(1, target=("\u202e",))], name="\u202ea.npz"))
    assert data["labels"] == [["", "∅"], ["\xa0", r"\xa0"], ["\u200b", r"\u200b"], ["\u202e", r"\u202e"]]
    assert data["sentences"][0]["source"] == ["\u200b", "__proto__", long]
    assert data["name"] == r"\u202ea.npz"


@given(st.lists(st.tuples(TOKENS, TOKENS), max_size=3))
def test_any_tokens_come_back(pairs):
    records = [record(n, source, target) for n, (source, target) in enumerate(pairs)]
    sentences = data_of(page_of(records))["sentences"]
    assert [(sentence["source"], sentence["target"]) for sentence in sentences] == pairs
    for one, sentence in zip(records, sentences, strict=True):
        assert np.abs(weights_of(sentence) - one.weights).max() <= 0.5 / STEPS + 1e-9


def test_the_same_records_give_the_same_bytes():
    assert page_of([record(), record(1)]) == page_of([record(), record(1)])


@pytest.mark.parametrize("weight", [-0.01, 1.01, 7.0])
def test_weights_beyond_0_and_1_are_refused(weight):
    weights = np.array([[0.5, 0.5], [weight, 0.0]])
    assert message_of(page_of, [record(3, weights=weights)]) == (
        f"sentence 3, rank 0: the weight {weight:g} of target token 1 on source token 0 is not between 0 and 1:"
        " give attention after its softmax"
    )


@pytest.mark.parametrize(
    ("weights", "bits"),
    [([[1, 0], [0, 1]], 0), ([[0.5, 0.5], [0, 1]], 0.5), ([[0.5, 0.5], [0, 0]], 1), ([[0, 0], [0, 0]], None)],
)
def test_entropy_is_the_mean_over_letters(weights, bits):
    made = record(target=("a", "b", "</s>"), weights=np.array([*weights, [0.5, 0.5]]))
    assert mean_entropy(made) == bits


def test_no_letter_no_entropy():
    assert mean_entropy(record(target=("</s>",))) is None
    assert mean_entropy(record(source=(), weights=np.zeros((2, 0)))) is None


@pytest.mark.parametrize(
    ("reference", "target", "share"),
    [
        ("ab", "ab", 1),
        ("ab", "a", 1 / 3),
        ("ab", "abc", 2 / 3),
        ("ab", "ba", 1 / 3),
        ("", "", 1),
        ("abc", "xbc", 3 / 4),
    ],
)
def test_exactness_counts_the_end_as_a_token(reference, target, share):
    for ends in ((), ("</s>",)):
        assert exactness((*reference, *ends), (*target, "</s>")) == pytest.approx(share)


@pytest.fixture(params=[".npz", ".jsonl"])
def attention(request, tmp_path):
    path = tmp_path / f"attention{request.param}"
    write_records([record(n) for n in range(3)], path)
    return path


@pytest.mark.parametrize(
    ("limit", "count", "said"), [([], 3, "3"), (["--limit", "1"], 1, "the first 1 of 3"), (["--limit", "9"], 3, "3")]
)
def test_the_command_writes_the_page(attention, limit, count, said, tmp_path, capsys):
    output = tmp_path / "page.html"
    assert view_attention.main([str(attention), "-o", str(output), *limit]) == 0
    size = f"{output.stat().st_size / 1e3:,.0f} kB"
    assert capsys.readouterr() == (f"{said} hypotheses written to {output} ({size})\n", "")
    data = data_of(output.read_text(encoding="utf-8"))
    assert (data["name"], data["total"]) == (attention.name, 3)
    assert [sentence["id"] for sentence in data["sentences"]] == list(range(count))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["{file}", "-o", "a.pdf"], "page 'a.pdf' must end in .html or .htm"),
        (["{file}", "-o", "a.html", "--limit", "0"], "--limit must be at least 1, but is 0"),
        (["{file}", "-o", "x/a.html"], "folder 'x' does not exist: "),
        (["no.npz", "-o", "a.html"], "no attention file 'no.npz': "),
        (["empty.jsonl", "-o", "a.html"], "'empty.jsonl' holds no sentence: extract attention again"),
    ],
)
def test_wrong_use(attention, options, message, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_records([], "empty.jsonl")
    assert view_attention.main([word.format(file=attention) for word in options]) == 2
    printed, said = capsys.readouterr()
    assert (printed, said.count("\n")) == ("", 1)
    assert said.startswith(f"view_attention.py: error: {message}")
    assert {path.name for path in tmp_path.iterdir()} == {attention.name, "empty.jsonl"}


def test_nothing_is_left_of_a_page_that_fails(tmp_path, capsys):
    write_records([record(), record(1, weights=np.full((2, 2), 2.0))], tmp_path / "a.npz")
    (tmp_path / "a.html").write_text("before")
    assert view_attention.main([str(tmp_path / "a.npz"), "-o", str(tmp_path / "a.html")]) == 2
    assert "sentence 1, rank 0: the weight 2 of target token 0" in capsys.readouterr().err
    assert (tmp_path / "a.html").read_text() == "before"
    assert len(list(tmp_path.iterdir())) == 2
