"""Several heatmaps in one picture."""

import re

import matplotlib
import numpy as np
import pytest
from matplotlib import pyplot
from PIL import Image

from fairseq_plugin.analysis.pictures import heatmap, picture
from fairseq_plugin.analysis.pictures.fonts import without_glyph_warnings
from fairseq_plugin.analysis.pictures.heatmap import CELL, Colours, draw_frames, draw_grid
from fairseq_plugin.analysis.pictures.panel import Panel
from fairseq_plugin.analysis.pictures.picture import save_gif, save_pages
from tests.support.errors import message_of


def panel(number: int, targets: int = 3, sources: int = 4, token: str = "a") -> Panel:
    weights = np.random.default_rng(number).random((targets, sources), dtype=np.float32)
    return Panel(
        weights, [f"{token}{n}" for n in range(sources)], [f"{token}{n}" for n in range(targets)], f"p{number}"
    )


PANELS = [panel(0), panel(1, 2, 6), panel(2, 8, 1, "longer"), panel(3, 1, 1), panel(4, 5, 5, "한국")]


def inches(figure, axes):
    box = axes.get_position()
    width, height = figure.get_size_inches()
    return np.array([box.x0 * width, box.y0 * height, box.x1 * width, box.y1 * height])


@pytest.mark.parametrize("columns", [None, 1, 2, 5, 9])
def test_panels_hold_their_numbers_and_keep_the_size_of_cells(columns):
    figure = draw_grid(PANELS, columns=columns)
    *matrices, bar = figure.axes
    assert len(matrices) == len(PANELS)
    for axes, given in zip(matrices, PANELS, strict=True):
        image = axes.get_images()[0]
        np.testing.assert_array_equal(image.get_array(), given.weights)
        assert image.get_clim() == (0.0, 1.0)
        assert axes.get_title() == given.title
        assert [tick.get_text() for tick in axes.get_xticklabels()] == list(given.source)
        assert [tick.get_text() for tick in axes.get_yticklabels()] == list(given.target)
        left, bottom, right, top = inches(figure, axes)
        assert (right - left, top - bottom) == pytest.approx((CELL * len(given.source), CELL * len(given.target)))
    assert bar.get_ylabel() == "Attention weight"


@pytest.mark.parametrize("columns", [None, 1, 2, 5])
def test_the_colour_bar_stands_beside_the_whole_grid(columns):
    *matrices, bar = draw_grid(PANELS, columns=columns).axes
    boxes = np.array([inches(bar.figure, axes) for axes in matrices])
    left, low, _, top = inches(bar.figure, bar)
    assert (low, top) == pytest.approx((boxes[:, 1].min(), boxes[:, 3].max()))
    assert left > boxes[:, 2].max()


@pytest.mark.parametrize(
    ("panels", "columns"),
    [(PANELS, None), (PANELS, 1), (PANELS, 2), (PANELS, 5), ([panel(0, 1, 1)], 1), ([panel(0, 2, 1, "a\nb")], 1)],
)
def test_nothing_overlaps_and_nothing_is_cut(panels, columns):
    figure = draw_grid(panels, columns=columns)
    renderer = figure.canvas.get_renderer()
    with without_glyph_warnings():  # a machine may lack a Korean font: boxes take room as letters do
        boxes = [axes.get_tightbbox(renderer) for axes in figure.axes]
    for place, box in enumerate(boxes):
        assert min(box.x0, box.y0) >= 0
        assert box.x1 <= figure.bbox.width
        assert box.y1 <= figure.bbox.height
        for other in boxes[place + 1 :]:
            assert box.x1 <= other.x0 or other.x1 <= box.x0 or box.y1 <= other.y0 or other.y1 <= box.y0


def test_order_is_from_left_to_right_and_top_to_bottom():
    figure = draw_grid(PANELS, columns=2)
    places = [inches(figure, axes) for axes in figure.axes[:-1]]
    assert places[0][0] == pytest.approx(places[2][0])
    assert places[0][3] == pytest.approx(places[1][3])
    assert places[0][2] < places[1][0]
    assert places[2][3] < places[0][1]


def test_one_range_of_colours_for_all():
    figure = draw_grid(PANELS[:2], colours=Colours("Greys", 0.25, 0.5, annotate=True))
    for axes, given in zip(figure.axes[:2], PANELS[:2], strict=True):
        image = axes.get_images()[0]
        assert (image.get_cmap().name, image.get_clim()) == ("Greys", (0.25, 0.5))
        assert [text.get_text() for text in axes.texts] == [f"{weight:.2f}" for weight in given.weights.ravel()]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"panels": []}, "a grid of no sentence: name at least one"),
        ({"panels": PANELS, "columns": 0}, "a grid needs at least 1 column, but is given 0"),
    ],
)
def test_what_is_no_grid(arguments, message):
    assert message_of(draw_grid, **arguments) == message


def test_settings_of_matplotlib_stay_and_no_figure_is_left_open(tmp_path):
    before = dict(matplotlib.rcParams)
    picture.save(draw_grid(PANELS[:2]), tmp_path / "a.png")
    save_pages((draw_grid([panel]) for panel in PANELS[:2]), tmp_path / "a.pdf")
    assert dict(matplotlib.rcParams) == before
    assert pyplot.get_fignums() == []


def test_a_grid_of_one_is_the_single_heatmap(tmp_path):
    (weights, source, target, title) = PANELS[0]
    picture.save(draw_grid(PANELS[:1]), tmp_path / "grid.png")
    picture.save(heatmap.draw(weights, source, target, title=title), tmp_path / "one.png")
    assert (tmp_path / "grid.png").read_bytes() == (tmp_path / "one.png").read_bytes()


def test_long_tokens_do_not_blow_up_a_grid_a_page_or_an_animation(tmp_path):
    long = "abcdefghij" * 20
    panels = [Panel(np.ones((2, 2)), (long, long), (long, "a"), str(number)) for number in range(4)]
    figure = draw_grid(panels)
    assert max(figure.get_size_inches()) < 12
    save_pages((draw_grid([panel]) for panel in panels), tmp_path / "a.pdf")
    sizes = re.findall(rb"MediaBox \[ 0 0 ([\d.]+) ([\d.]+) \]", (tmp_path / "a.pdf").read_bytes())
    assert len(sizes) == 4
    assert max(float(side) for size in sizes for side in size) < 12 * 72
    save_gif(draw_frames(panels), tmp_path / "a.gif")
    with Image.open(tmp_path / "a.gif") as animation:
        assert max(animation.size) < 12 * 144
