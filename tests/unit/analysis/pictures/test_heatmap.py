"""What a figure shows is read back from the figure and from the files."""

import re
import warnings
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.style import library
from matplotlib.text import Text
from PIL import Image

from data_gen.errors import UserError
from fairseq_plugin.analysis.pictures import fonts, heatmap, picture
from fairseq_plugin.analysis.pictures.heatmap import Colours, draw_grid
from fairseq_plugin.analysis.pictures.panel import Panel

SOURCE = ("a", "$x$", "a_b", "</s>")
TARGET = ("$x$", "c", "</s>")
WEIGHTS = np.array([[0.1, 0.7, 0.1, 0.1], [0.25, 0.25, 0.25, 0.25], [0.0, 0.0, 0.0, 1.0]])
PRIVATE = "\U0010f123"  # a character that no font has


@pytest.fixture
def figure():
    return heatmap.draw(WEIGHTS, SOURCE, TARGET, title="Attention, sentence 3")


def labels(axis):
    return [tick.get_text() for tick in axis.get_ticklabels()]


def test_axes_ticks_and_labels(figure):
    axes, bar = figure.axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Source", "Target")
    assert axes.get_title() == "Attention, sentence 3"
    assert bar.get_ylabel() == "Attention weight"
    assert axes.get_xticks().tolist() == [0, 1, 2, 3]
    assert axes.get_yticks().tolist() == [0, 1, 2]
    assert labels(axes.xaxis) == list(SOURCE)
    assert labels(axes.yaxis) == list(TARGET)


def test_the_first_target_token_is_the_top_row_and_the_first_source_token_the_left_column(figure):
    axes = figure.axes[0]
    to_pixels = axes.transData.transform
    assert to_pixels((0, 0))[1] > to_pixels((0, 2))[1]
    assert to_pixels((0, 0))[0] < to_pixels((3, 0))[0]
    (image,) = axes.images
    np.testing.assert_array_equal(image.get_array(), WEIGHTS.astype(np.float32))
    assert image.get_extent() == [-0.5, 3.5, 2.5, -0.5]


def test_colours_are_viridis_from_0_to_1_whatever_the_weights(figure):
    (image,) = figure.axes[0].images
    assert image.get_cmap().name == "viridis"
    assert image.get_clim() == (0.0, 1.0)
    (other,) = heatmap.draw(WEIGHTS, SOURCE, TARGET, colours=Colours("Greys", -1, 2)).axes[0].images
    assert (other.get_cmap().name, other.get_clim()) == ("Greys", (-1, 2))


def test_the_picture_has_the_colours_of_the_weights(figure, tmp_path):
    picture.save(figure, tmp_path / "a.png")
    pixels = np.asarray(Image.open(tmp_path / "a.png"))
    height = pixels.shape[0]
    for t, s in np.ndindex(WEIGHTS.shape):
        x, y = figure.axes[0].transData.transform((s, t)).round().astype(int)
        expected = matplotlib.colormaps["viridis"](np.float32(WEIGHTS[t, s]), bytes=True)
        assert tuple(pixels[height - y, x]) == expected


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (1, 12), (12, 1), (40, 30)])
@pytest.mark.parametrize("token", ["a", "internationalisation"])
def test_cells_keep_their_size_and_nothing_is_cut(rows, columns, token):
    figure = heatmap.draw(np.ones((rows, columns)), [token] * columns, [token] * rows, title="A title " * 5)
    box = figure.axes[0].get_window_extent()
    assert box.width == pytest.approx(50 * columns)
    assert box.height == pytest.approx(50 * rows)
    FigureCanvasAgg(figure).draw()
    texts = [text.get_window_extent() for text in figure.findobj(Text) if text.get_text()]
    assert min(text.x0 for text in texts) >= 0
    assert min(text.y0 for text in texts) >= 0
    assert max(text.x1 for text in texts) <= figure.bbox.x1
    assert max(text.y1 for text in texts) <= figure.bbox.y1


def test_source_labels_turn_only_where_they_would_touch():
    def rotations(source):
        axes = heatmap.draw(np.ones((1, len(source))), source, ["a"]).axes[0]
        return {tick.get_rotation() for tick in axes.get_xticklabels()}

    assert rotations(["a", "b", "</s>"]) == {0}
    assert rotations(["a", "longer", "words"]) == {45}
    assert rotations(["internationalisation"]) == {0}


def test_tokens_are_shown_as_they_are_but_for_what_cannot_be_seen(tmp_path):
    source, target = ("a\u200bb", "\u202eabc", ""), ("10\xa0000", "\ud800", "\uffff", "\f", "$x^2$")
    drawn = heatmap.draw(np.ones((5, 3)), source, target)
    assert labels(drawn.axes[0].xaxis) == [r"a\u200bb", r"\u202eabc", "∅"]
    assert labels(drawn.axes[0].yaxis) == [r"10\xa0000", r"\ud800", r"\uffff", r"\x0c", "$x^2$"]
    picture.save(drawn, tmp_path / "a.svg")
    ElementTree.parse(tmp_path / "a.svg")  # well-formed, whatever the tokens hold


@pytest.mark.parametrize(
    "token", ["abcdefghij" * 20, "W" * 200, "漢字" * 100, "كتاب" * 50, "\u200b" * 50, "a" + "\u0301" * 200]
)
def test_a_long_token_does_not_blow_the_picture_up(token):
    with fonts.without_glyph_warnings():
        figure = heatmap.draw(np.ones((2, 3)), [token, "b", token], [token, "c"])
    width, height = figure.get_size_inches() * picture.DPI
    assert width < 1100
    assert height < 800
    assert labels(figure.axes[0].xaxis)[0] == labels(figure.axes[0].yaxis)[0]
    assert "…" in labels(figure.axes[0].xaxis)[0]


def test_text_is_no_markup(figure):
    own = [text for text in figure.axes[0].findobj(Text) if text.get_text()]
    assert not any(text.get_parse_math() or text.get_usetex() for text in own)


def test_an_svg_holds_every_token_as_text(figure, tmp_path):
    picture.save(figure, tmp_path / "a.svg")
    texts = [element.text for element in ElementTree.parse(tmp_path / "a.svg").iter("{http://www.w3.org/2000/svg}text")]
    for token in (*SOURCE, *TARGET, "Source", "Target", "Attention weight", "Attention, sentence 3"):
        assert token in texts


@pytest.mark.parametrize(
    ("ending", "start"), [(".png", b"\x89PNG"), (".pdf", b"%PDF"), (".svg", b"<?xml"), (".PNG", b"\x89PNG")]
)
def test_the_same_attention_gives_the_same_file(ending, start, tmp_path):
    first, second = tmp_path / f"1{ending}", tmp_path / f"2{ending}"
    for path in (first, second):
        picture.save(heatmap.draw(WEIGHTS, SOURCE, TARGET), path)
    assert first.read_bytes().startswith(start)
    assert first.read_bytes() == second.read_bytes()
    assert not re.search(rb"CreationDate|<dc:date>", first.read_bytes())
    assert sorted(tmp_path.iterdir()) == [first, second]


@pytest.mark.parametrize(
    "mine",
    [
        {"figure.autolayout": True, "axes.grid": True, "image.origin": "lower", "savefig.bbox": "tight"},
        {"xtick.labelbottom": False, "ytick.alignment": "top", "axes.titley": 0.5, "text.usetex": True},
        {"savefig.facecolor": "black", "savefig.edgecolor": "red"},
        *(library[name] for name in ("dark_background", "ggplot", "seaborn-v0_8-talk")),
    ],
    ids=["layout", "labels", "colours", "dark", "ggplot", "talk"],
)
@pytest.mark.parametrize("grid", [False, True], ids=["alone", "grid"])
def test_settings_of_matplotlib_stay_and_do_not_disturb(mine, grid, tmp_path):
    def drawn():
        colours = Colours(annotate=True)
        if grid:
            return draw_grid([Panel(WEIGHTS, SOURCE, TARGET, "Attention")], colours=colours)
        return heatmap.draw(WEIGHTS, SOURCE, TARGET, colours=colours)

    with matplotlib.rc_context(mine):
        before = dict(matplotlib.rcParams)
        picture.save(drawn(), tmp_path / "a.png")
        assert dict(matplotlib.rcParams) == before
    picture.save(drawn(), tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_a_notebook_shows_the_picture_that_is_saved(tmp_path):
    drawn = heatmap.draw(WEIGHTS, SOURCE, TARGET)
    picture.save(drawn, tmp_path / "a.png")
    with matplotlib.rc_context({"savefig.bbox": "tight", "savefig.facecolor": "black"}):
        assert drawn._repr_png_() == (tmp_path / "a.png").read_bytes()


@pytest.mark.parametrize("ending", [".png", ".pdf"])
def test_missing_glyphs_give_one_warning(ending, tmp_path):
    drawn = heatmap.draw(np.ones((2, 2)), [PRIVATE, "a"], [PRIVATE * 3, "b"])
    with pytest.warns(fonts.MissingGlyphWarning, match=f"no installed font has {PRIVATE}: drawn as boxes") as caught:
        picture.save(drawn, tmp_path / f"a{ending}")
    assert len(caught) == 1


def test_an_svg_leaves_glyphs_to_the_viewer(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        picture.save(heatmap.draw(np.ones((1, 1)), [PRIVATE], [PRIVATE]), tmp_path / "a.svg")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((WEIGHTS.T, SOURCE, TARGET), "heatmap: attention of shape (4, 3) does not fit 3 target and 4 source tokens"),
        ((WEIGHTS, SOURCE[:-1], TARGET), "heatmap: attention of shape (3, 4) does not fit 3 target and 3 source"),
        ((np.zeros((0, 4)), SOURCE, ()), "heatmap: attention of shape (0, 4) has no cell to draw"),
        (
            (np.full((1, 1), np.nan), ["a"], ["a"]),
            "heatmap: a weight is NaN or infinite: check the model that produced it",
        ),
    ],
)
def test_what_cannot_be_drawn(arguments, message):
    with pytest.raises(UserError, match="^" + re.escape(message)):
        heatmap.draw(*arguments)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"cmap": "virdis"},
            "unknown colour map 'virdis': use viridis, cividis, magma, Greys or another of matplotlib's",
        ),
        ({"vmin": 1.0}, "colours from 1.0 to 1.0 are no range: vmin must be less than vmax"),
        ({"vmax": float("nan")}, "colours from 0.0 to nan are no range: vmin must be less than vmax"),
    ],
)
def test_colours_that_are_no_range(options, message):
    with pytest.raises(UserError, match="^" + re.escape(message)):
        heatmap.draw(WEIGHTS, SOURCE, TARGET, colours=Colours(**options))


def test_places_that_cannot_be_written(figure, tmp_path):
    with pytest.raises(UserError, match=r"picture '.*a\.jpg' must end in \.png, \.pdf or \.svg"):
        picture.save(figure, tmp_path / "a.jpg")
    with pytest.raises(
        UserError, match=r"folder '.*lost' does not exist: make it, or choose another place for 'a.png'"
    ):
        picture.save(figure, tmp_path / "lost" / "a.png")
    (tmp_path / "a.png").mkdir()
    with pytest.raises(UserError, match=r"cannot write '.*a\.png': Is a directory") as caught:
        picture.save(figure, tmp_path / "a.png")
    assert caught.value.exit_code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_a_png_beyond_all_measure_is_refused(figure, tmp_path):
    figure.set_size_inches(100, 100)
    with pytest.raises(UserError, match=r"would have 14400 x 14400 pixels, more than 100000000: write \.pdf or \.svg"):
        picture.save(figure, tmp_path / "a.png")


def test_annotated_cells_hold_their_weights_in_a_colour_that_stands_out():
    axes = heatmap.draw(WEIGHTS, SOURCE, TARGET, colours=Colours(annotate=True)).axes[0]
    cells = {text.get_position(): (text.get_text(), text.get_color()) for text in axes.texts}
    assert {place: number for place, (number, _) in cells.items()} == {
        (s, t): f"{weight:.2f}" for (t, s), weight in np.ndenumerate(WEIGHTS.astype(np.float32))
    }
    assert cells[0, 2] == ("0.00", "white")  # on viridis' dark violet
    assert cells[3, 2] == ("1.00", "black")  # on its yellow
