"""The page as a person meets it, in a headless Chromium: pointer, keys, search, order, themes, and nothing asked of a
network."""

import numpy as np
import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select

from fairseq_plugin.analysis.records import AttentionRecord
from tests.support.chromium import BROWSER, DRIVER
from tests.support.showing import (
    ARABIC,
    HOSTILE,
    RECORDS,
    lit_numbers,
    open_sentence,
    record,
    rounded,
    shown_ids,
    text,
    texts,
)

pytestmark = pytest.mark.skipif(
    not (BROWSER and DRIVER), reason="no Chromium with its driver: apt-get install chromium chromium-driver"
)


def press(browser, *keys):
    browser.switch_to.active_element.send_keys(*keys)


@pytest.mark.parametrize("place", range(len(RECORDS)))
def test_one_cell_a_weight_in_the_colour_of_its_size(opened, place):
    one = RECORDS[place]
    browser = opened(RECORDS)
    open_sentence(browser, one.id)
    pixels = browser.execute_script(
        "const h = document.getElementById('heat');"
        "return [...h.getContext('2d').getImageData(0, 0, h.width, h.height).data]"
    )
    colours = np.array(pixels).reshape(len(one.target), len(one.source), 4)
    assert (colours[..., 3] == 255).all()
    green = colours[..., 1]  # rises with the weight, in viridis
    order = one.weights.ravel().argsort()
    assert (np.diff(green.ravel()[order]) >= 0).all()
    box = browser.find_element(By.ID, "heat").size
    side = max(22, min(44, 440 // max(len(one.source), len(one.target))))
    assert (box["width"], box["height"]) == (side * len(one.source), side * len(one.target))
    assert len(texts(browser, "#columns span")) == len(one.source)
    assert len(texts(browser, "#names span")) == len(one.target)


def test_the_pointer_on_a_cell_tells_its_number(opened):
    browser = opened(RECORDS)
    one = RECORDS[0]
    heat = browser.find_element(By.ID, "heat")
    for t, s in [(0, 0), (2, 3), (1, 2)]:
        x, y = (44 * (place + 0.5) - 44 * count / 2 for place, count in ((s, len(one.source)), (t, len(one.target))))
        ActionChains(browser).move_to_element_with_offset(heat, int(x), int(y)).perform()
        assert text(browser, "#hover") == f"{one.target[t]} reads {one.source[s]}: {one.weights[t, s]:.4f}"
        assert lit_numbers(browser) == rounded(one.weights[t])
        assert texts(browser, "#names .lit") == [one.target[t]]
        assert texts(browser, "#columns .lit") == [one.source[s]]
    ActionChains(browser).move_to_element(browser.find_element(By.ID, "title")).perform()
    assert not browser.find_element(By.ID, "hover").is_displayed()


def test_single_letters_stand_upright_and_words_are_turned(opened):
    browser = opened([record(0, ["a", "한", "word"], ["a"])])
    modes = "return [...document.querySelectorAll('#columns span')].map(e => getComputedStyle(e).writingMode)"
    assert browser.execute_script(modes) == ["horizontal-tb", "horizontal-tb", "vertical-rl"]


def test_a_long_sentence_keeps_small_cells(opened):
    browser = opened([record(0, ["a"] * 30, ["a"] * 12)])
    assert browser.find_element(By.ID, "heat").size == {"width": 22 * 30, "height": 22 * 12}


def test_entropy_is_explained_to_the_pointer_and_to_a_screen_reader(opened):
    browser = opened(RECORDS)
    entropy = browser.find_element(By.ID, "entropy")
    meaning = browser.find_element(By.ID, entropy.get_attribute("aria-describedby"))
    assert " ".join(meaning.get_attribute("textContent").split()) == entropy.get_attribute("title")
    assert entropy.get_attribute("title").startswith("Entropy says how widely the model looks")


def test_the_pointer_on_a_target_token_lights_the_source(opened):
    browser = opened(RECORDS)
    for t, token in enumerate(browser.find_elements(By.CSS_SELECTOR, "#target .token")):
        ActionChains(browser).move_to_element(token).perform()
        row = RECORDS[0].weights[t]
        assert lit_numbers(browser) == rounded(row)
        best = sorted(range(len(row)), key=lambda s: -row[s])[:3]
        reads = ", ".join(f"{RECORDS[0].source[s]} {row[s]:.4f}" for s in best)
        assert text(browser, "#lit") == f"Target {t + 1} of 3, {RECORDS[0].target[t]}, reads {reads}"
        shares = browser.execute_script(
            "return [...document.querySelectorAll('#source .token')].map(e => e.style.getPropertyValue('--share'))"
        )
        assert [float(share) for share in shares] == rounded(row)


def test_the_keyboard_alone_reaches_everything(opened):
    browser = opened(RECORDS)
    reached = []
    for _ in range(7):
        press(browser, Keys.TAB)
        element = browser.switch_to.active_element
        reached.append(element.get_attribute("id") or element.get_attribute("class").split()[0])
        outline = element.value_of_css_property("outline-style")
        assert outline != "none", reached
    assert reached == ["theme", "search", "sort", "list", "token", "scroll", "numbers"]

    browser.find_element(By.ID, "search").send_keys(Keys.TAB, Keys.TAB)
    press(browser, Keys.ARROW_DOWN)
    assert text(browser, "#title") == "Sentence 1"
    active = browser.find_element(By.ID, "list").get_attribute("aria-activedescendant")
    row = browser.find_element(By.ID, active)
    wanted = [row.get_attribute(f"aria-{name}") for name in ("selected", "posinset", "setsize")]
    assert wanted == ["true", "2", "4"]
    press(browser, Keys.END)
    assert text(browser, "#title") == "Sentence 7"
    press(browser, Keys.HOME)
    assert text(browser, "#title") == "Sentence 0"

    press(browser, Keys.TAB)
    for keys, t in [((Keys.ARROW_RIGHT,), 1), ((Keys.END,), 2), ((Keys.ARROW_RIGHT,), 2), ((Keys.ARROW_LEFT,), 1)]:
        press(browser, *keys)
        assert browser.switch_to.active_element.get_attribute("aria-selected") == "true"
        assert texts(browser, "#target [aria-selected=true]") == [RECORDS[0].target[t]]
        assert lit_numbers(browser) == rounded(RECORDS[0].weights[t])


def test_in_arabic_the_next_token_is_to_the_left(opened):
    browser = opened(RECORDS)
    open_sentence(browser, 1)
    tokens = browser.find_elements(By.CSS_SELECTOR, "#target .token")
    assert texts(browser, "#target .text") == list(ARABIC)
    assert tokens[0].location["x"] > tokens[1].location["x"] > tokens[2].location["x"]
    tokens[0].click()
    press(browser, Keys.ARROW_LEFT)
    assert browser.switch_to.active_element == tokens[1]
    assert texts(browser, "#target .wrong .text") == [ARABIC[1]]
    press(browser, Keys.ARROW_RIGHT)
    assert browser.switch_to.active_element == tokens[0]


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("hello", [0, 1]),
        ("HELLO W", [0]),
        ("안녕하세요 세계", [0]),
        ("بكم", [1]),
        ("لكم", [1]),
        ("</script>", [2]),
        ("s59", [7]),
        ("#7", [7]),
        ("nowhere", []),
        ("", [0, 1, 2, 7]),
    ],
)
def test_search(opened, query, ids):
    browser = opened(RECORDS)
    browser.find_element(By.ID, "search").send_keys(query)
    assert shown_ids(browser) == ids
    assert text(browser, "#found") == f"{len(ids)} of 4 shown"
    if ids:
        assert text(browser, "#title") == f"Sentence {ids[0]}"


def test_sort(opened):
    sharp, flat = np.eye(2), np.full((2, 2), 0.5)
    made = [("ab", flat, "xb"), ("ab", sharp, "ab"), ("abc", np.full((3, 2), 0.5), None), ("a", np.eye(2)[:1], "b")]
    records = [
        AttentionRecord(n, ("x", "y"), tuple(target), weights, 0.0, None if gold is None else tuple(gold))
        for n, (target, weights, gold) in enumerate(made)
    ]
    browser = opened(records)
    orders = {
        "as in the corpus": [0, 1, 2, 3],
        "longest first": [2, 0, 1, 3],
        "shortest first": [3, 0, 1, 2],
        "lowest entropy first": [1, 3, 0, 2],
        "highest entropy first": [0, 2, 1, 3],
        "least exact first": [3, 0, 1, 2],  # without a reference: last
        "most exact first": [1, 0, 3, 2],
    }
    choice = Select(browser.find_element(By.ID, "sort"))
    assert [option.text for option in choice.options] == list(orders)
    for name, ids in orders.items():
        choice.select_by_visible_text(name)
        assert shown_ids(browser) == ids, name


def test_hostile_tokens_are_text(opened):
    browser = opened(RECORDS)
    open_sentence(browser, 2)
    shown = ["</script>", HOSTILE[1], "&lt;", "a\\u2028b", "\\u202eabc", "∅", "\\n", "\\u200b", "</s>"]
    assert texts(browser, "#source .text") == shown
    assert texts(browser, "#target .text") == shown[::-1]
    assert browser.title == "mine.npz · Attention"
    assert browser.find_elements(By.TAG_NAME, "img") == []


def test_numbers_on_demand(opened):
    browser = opened(RECORDS)
    button = browser.find_element(By.ID, "numbers")
    assert texts(browser, "#table td") == []
    button.click()
    assert (button.get_attribute("aria-expanded"), button.text) == ("true", "Hide the numbers")
    for one in RECORDS[:2]:
        open_sentence(browser, one.id)
        numbers = [float(number) for number in texts(browser, "#table tbody td")]
        assert np.array(numbers).reshape(one.weights.shape) == rounded(one.weights)
        assert texts(browser, "#table thead th") == list(one.source)
        assert texts(browser, "#table tbody th") == list(one.target)
    button.click()
    assert texts(browser, "#table td") == []


def test_one_sentence(opened):
    browser = opened([record(5, ("a",), ("b",))], total=3)
    assert text(browser, "#about") == "mine.npz, the first 1 of 3 hypotheses"
    assert text(browser, "#lit") == "Target 1 of 1, b, reads a 1.0000"
    assert shown_ids(browser) == [5]
    assert not browser.find_element(By.ID, "reference-line").is_displayed()
    exactness = browser.find_elements(By.CSS_SELECTOR, "#sort option[value^=exactness]")
    assert [option.is_enabled() for option in exactness] == [False, False]


def test_empty_sides(opened):
    browser = opened([record(0, ("a",), ()), AttentionRecord(1, (), ("b",), np.zeros((1, 0)), 0.0)])
    assert text(browser, "#lit") == ""
    assert text(browser, "#measures") == "1 source and 0 target tokens · no token · no reference · score -0.5000"
    open_sentence(browser, 1)
    assert text(browser, "#lit") == "Target 1 of 1, b, reads nothing with a weight of 0.0001 or more"


def test_light_and_dark(opened):
    browser = opened(RECORDS)

    def prefer(scheme):
        feature = {"name": "prefers-color-scheme", "value": scheme}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})

    def page_colour():
        return browser.execute_script("return getComputedStyle(document.body).backgroundColor")

    light, dark = "rgb(255, 255, 255)", "rgb(21, 24, 28)"
    button = browser.find_element(By.ID, "theme")
    for scheme, colours, names in [
        ("light", (light, dark), ("Dark theme", "Light theme")),
        ("dark", (dark, light), ("Light theme", "Dark theme")),
    ]:
        prefer(scheme)
        browser.refresh()
        button = browser.find_element(By.ID, "theme")
        assert (page_colour(), button.text) == (colours[0], names[0])
        button.click()
        assert (page_colour(), button.text) == (colours[1], names[1])
    prefer("")


def test_a_phone_shows_it_without_scrolling_sideways(opened):
    browser = opened(RECORDS)
    size = {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        for one in RECORDS:
            open_sentence(browser, one.id)
            assert browser.execute_script("return [document.documentElement.scrollWidth, innerWidth]") == [360, 360]
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_a_long_sentence_is_thinned_with_a_note(opened):
    browser = opened([record(0, [f"s{s}" for s in range(600)], ("a", "b"))])
    assert text(browser, "#thinned") == "one token in 2 is named; point at a cell for the others"
    labels = texts(browser, "#columns span")
    assert (len(labels), labels[:4]) == (600, ["s0", "", "s2", ""])


def test_two_thousand_sentences(opened, capsys):
    letters = [f"letter{n}" for n in range(30)]
    records = [record(n, letters[: 10 + n % 20], letters[: 10 + n % 20]) for n in range(2000)]
    browser = opened(records)
    measure = "const done = arguments[0]; const look = () => { const [m] = performance.getEntriesByName('ready');"
    took = browser.execute_async_script(f"{measure} m ? done(m.duration) : setTimeout(look, 20); }}; look();")
    with capsys.disabled():
        print(f" 2000 sentences shown after {took:.0f} ms ", end="")
    assert len(shown_ids(browser)) < 50  # those in view, no more
    browser.find_element(By.ID, "list").send_keys(Keys.END)
    assert text(browser, "#title") == "Sentence 1999"
    assert shown_ids(browser)[-1] == 1999
    browser.find_element(By.ID, "search").send_keys("letter28")
    assert text(browser, "#found") == "100 of 2000 shown"
