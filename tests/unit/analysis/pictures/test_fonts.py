"""Fonts are chosen by what they cover, also those installed after matplotlib cached its list."""

import warnings

import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib import font_manager

from fairseq_plugin.analysis.pictures import fonts, heatmap, picture

RARE = "\U0010f123"  # private use: no font of the machine should have it
RARER = "\U0010f124"


def build_font(path, family, characters):
    """Write a font whose every glyph is a square."""
    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    for corner in ((0, 700), (700, 700), (700, 0)):
        pen.lineTo(corner)
    pen.closePath()
    square = pen.glyph()
    names = [".notdef", *(f"u{ord(character):04X}" for character in characters)]
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap({ord(character): f"u{ord(character):04X}" for character in characters})
    builder.setupGlyf(dict.fromkeys(names, square))
    builder.setupHorizontalMetrics(dict.fromkeys(names, (800, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": family, "styleName": "Regular"})
    builder.setupOS2(sTypoAscender=800, usWeightClass=400)
    builder.setupPost()
    builder.save(path)


@pytest.fixture
def installed(monkeypatch):
    """Pretend that exactly these files are the system's fonts; matplotlib does not know them yet."""
    monkeypatch.setattr(font_manager.fontManager, "ttflist", list(font_manager.fontManager.ttflist))
    files = []
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: [str(file) for file in files])
    fonts._choose.cache_clear()
    yield files
    fonts._choose.cache_clear()


def test_latin_and_sentencepiece_marks_need_only_the_font_that_comes_with_matplotlib():
    assert fonts.choose(["abc", "</s>", "▁été", "$x$"]) == fonts.FontChoice(("DejaVu Sans",), ())


def test_nothing_to_draw_needs_no_other_font():
    assert fonts.choose([]) == fonts.choose(["", "\n\u200d\ufe0f"]) == fonts.FontChoice(("DejaVu Sans",), ())


def test_characters_without_a_font_are_named_and_fonts_that_are_not_for_text_do_not_count(installed):
    assert fonts.choose(["a" + RARER, RARE]) == fonts.FontChoice(("DejaVu Sans",), (RARE, RARER))


def test_a_newly_installed_font_is_found(installed, tmp_path):
    build_font(tmp_path / "one.ttf", "One", [RARE])
    (tmp_path / "broken.ttf").write_bytes(b"no font")
    installed += [tmp_path / "broken.ttf", tmp_path / "one.ttf", tmp_path / "gone.ttf"]
    assert fonts.choose(["a", RARE, RARER]) == fonts.FontChoice(("DejaVu Sans", "One"), (RARER,))


def test_the_font_that_covers_most_comes_first_and_noto_sans_among_equals(installed, tmp_path):
    for family, characters in (("A", [RARE]), ("Both", [RARE, RARER]), ("Noto Sans X", [RARE, RARER])):
        build_font(tmp_path / f"{family}.ttf", family, characters)
        installed.append(tmp_path / f"{family}.ttf")
    assert fonts.choose([RARE, RARER]).families == ("DejaVu Sans", "Noto Sans X")
    assert fonts.choose([RARE]).families == ("DejaVu Sans", "Noto Sans X")


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        (
            "한글",
            "no installed font has 한 글: drawn as boxes; install one (e.g. `apt-get install fonts-noto-cjk`), or",
        ),
        (
            "中か",
            "no installed font has 中 か: drawn as boxes; install one (e.g. `apt-get install fonts-noto-cjk`), or",
        ),
        ("🙂", "no installed font has 🙂: drawn as boxes; install one (e.g. `apt-get install fonts-symbola`), or"),
        ("አ漢", "no installed font has አ 漢: drawn as boxes; install one (e.g. `apt-get install fonts-noto-cjk fonts-"),
        (
            "\u06dd",
            "no installed font has \u06dd: drawn as boxes; install one (e.g. `apt-get install fonts-noto-core`)",
        ),
        ("가" * 12, "no installed font has 가 가 가 가 가 가 가 가 가 가 and 2 more: drawn as boxes"),
    ],
)
def test_the_message_says_what_to_install(missing, message):
    assert fonts.missing_message(missing).startswith(message)


def test_only_glyph_warnings_are_held_back():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with fonts.without_glyph_warnings():
            warnings.warn("Glyph 44032 (\\N{HANGUL SYLLABLE GA}) missing from font(s) DejaVu Sans.", stacklevel=1)
            warnings.warn("Matplotlib currently does not support Bengali natively.", stacklevel=1)
            warnings.warn("something else", stacklevel=1)
    assert [str(warning.message) for warning in caught] == ["something else"]


@pytest.mark.parametrize("ending", ["png", "pdf", "svg"])
def test_a_heatmap_is_drawn_with_the_font_that_was_found(ending, installed, tmp_path):
    build_font(tmp_path / "one.ttf", "One", [RARE])
    installed.append(tmp_path / "one.ttf")
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # no glyph is missing, no family unknown
        figure = heatmap.draw(np.ones((1, 2)), [RARE, "a"], ["b"], title=RARE)
        picture.save(figure, tmp_path / f"a.{ending}")
    assert figure.axes[0].get_xticklabels()[0].get_fontfamily() == ["DejaVu Sans", "One"]


@pytest.mark.parametrize("text", ["שלום", "السلام"])
def test_right_to_left_text_that_matplotlib_does_not_lay_out_gives_one_warning(text, monkeypatch):
    monkeypatch.setattr(fonts, "LAYS_OUT_TEXT", False)
    with pytest.warns(fonts.RightToLeftWarning, match="draws right-to-left text from left to right") as caught:
        fonts.warn(set(text + "abc"))
    assert len(caught) == 1
    fonts.warn(set("abc 1 é </s>"))  # a warning would be an error


@pytest.mark.skipif(not fonts.LAYS_OUT_TEXT, reason="matplotlib before 3.11 does not lay out text")
@pytest.mark.parametrize(("logical", "visual"), [("אב", "בא"), ("a</s>", "a</s>"), ("▁א", "א▁"), ("אבc", "cבא")])
def test_right_to_left_text_is_drawn_in_its_order(logical, visual, monkeypatch):
    """The picture is that of the letters as they stand from left to right, each forced to that direction."""
    forced = "\u202d" + visual + "\u202c"
    monkeypatch.setattr(heatmap, "label", str)  # which would show these marks as codes

    def pixels(text):
        return drawn_text(heatmap.draw(np.ones((1, 1)), ["x"], [text]))

    np.testing.assert_array_equal(pixels(logical), pixels(forced))


@pytest.mark.skipif(not fonts.LAYS_OUT_TEXT, reason="matplotlib before 3.11 does not lay out text")
def test_arabic_letters_are_joined():
    apart, joined = (
        drawn_text(heatmap.draw(np.ones((1, 1)), ["x"], [text])) for text in ("ب\u200cب\u200cب", "ببب")
    )  # with and without non-joiners between the letters
    assert (joined < 128).any(axis=0).sum() < (apart < 128).any(axis=0).sum()


def drawn_text(figure):
    """The pixels of the only target label, cut to its ink."""
    figure.canvas.draw()
    box = figure.axes[0].get_yticklabels()[0].get_window_extent()
    grey = np.asarray(figure.canvas.buffer_rgba())[..., 0]
    height = grey.shape[0]
    label = grey[height - int(box.y1) - 8 : height - int(box.y0) + 8, int(box.x0) - 1 : int(box.x1) + 1]
    ink = np.argwhere(label < 250)
    return label[ink[:, 0].min() : ink[:, 0].max() + 1, ink[:, 1].min() : ink[:, 1].max() + 1]
