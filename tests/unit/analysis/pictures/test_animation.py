"""An animation is read back frame by frame."""

import re

import matplotlib
import numpy as np
import pytest
from matplotlib import pyplot
from PIL import Image

from data_gen.errors import UserError
from fairseq_plugin.analysis.pictures.heatmap import Colours, draw, draw_frames
from fairseq_plugin.analysis.pictures.panel import Panel
from fairseq_plugin.analysis.pictures.picture import FRAME, LAST, save_gif

SOURCE, TARGET = ("a", "b", "</s>"), ("b", "</s>")


def panels(count):
    """Weights that move from the first column to the last, under titles that grow."""
    ends = np.array([[1.0, 0, 0], [1, 0, 0]]), np.array([[0.0, 0, 1], [0, 0, 1]])
    steps = np.linspace(0, 1, count)
    return [Panel(ends[0] * (1 - x) + ends[1] * x, SOURCE, TARGET, f"update {10**n}") for n, x in enumerate(steps)]


def frames(path):
    """Pixels, duration and endlessness of each frame."""
    with Image.open(path) as gif:
        for number in range(gif.n_frames):
            gif.seek(number)
            yield np.asarray(gif.convert("RGB")).astype(int), gif.info["duration"], gif.info["loop"]


def test_a_frame_for_each_panel_and_a_rest_at_the_end(tmp_path):
    save_gif(draw_frames(panels(5)), tmp_path / "a.gif")
    pixels, durations, loops = zip(*frames(tmp_path / "a.gif"), strict=True)
    assert durations == (*[FRAME] * 4, LAST)
    assert set(loops) == {0}  # for ever
    assert len({frame.shape for frame in pixels}) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a.gif"]


def test_only_cells_and_title_change_and_colours_are_those_of_the_weights(tmp_path):
    given = panels(4)
    save_gif(draw_frames(given), tmp_path / "a.gif")
    figure = draw(given[0].weights, SOURCE, TARGET, title=given[-1].title)
    axes, pixels = figure.axes[0], [frame for frame, *_ in frames(tmp_path / "a.gif")]
    height = pixels[0].shape[0]
    for frame, panel in zip(pixels, given, strict=True):
        for t, s in np.ndindex(panel.weights.shape):
            x, y = axes.transData.transform((s, t)).round().astype(int)
            expected = matplotlib.colormaps["viridis"](panel.weights[t, s], bytes=True)[:3]
            assert np.abs(frame[height - y, x] - expected).max() <= 8  # a GIF has 256 colours
    box, title = axes.get_window_extent(), axes.title.get_window_extent()
    below = height - int(box.y0) + 2  # tick labels and axis name
    np.testing.assert_allclose(pixels[0][below:], pixels[-1][below:], atol=24)
    rows = slice(height - int(title.y1) - 1, height - int(title.y0) + 1)
    assert (pixels[0][rows] != pixels[-1][rows]).any()


def test_nothing_is_cut_off_the_longest_title(tmp_path):
    given = panels(4)
    save_gif(draw_frames(given), tmp_path / "a.gif")
    for frame, *_ in frames(tmp_path / "a.gif"):
        border = np.concatenate([frame[:4].ravel(), frame[-4:].ravel(), frame[:, :4].ravel(), frame[:, -4:].ravel()])
        assert border.min() >= 247


def test_numbers_in_cells_are_those_of_the_frame(tmp_path):
    first, last = panels(2)
    save_gif(draw_frames([first, last], colours=Colours(annotate=True)), tmp_path / "two.gif")
    save_gif(
        draw_frames([last._replace(title=first.title), last], colours=Colours(annotate=True)), tmp_path / "same.gif"
    )
    (_, changed), (_, kept) = ([frame for frame, *_ in frames(tmp_path / name)] for name in ("two.gif", "same.gif"))
    np.testing.assert_allclose(changed, kept, atol=24)  # nothing is left of the first frame's numbers


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "an animation of nothing: give at least one heatmap"),
        (
            [*panels(2), panels(1)[0]._replace(target=("c", "</s>"))],
            "the heatmaps of an animation need the same source and target tokens",
        ),
        ([panels(1)[0]._replace(weights=np.full((2, 3), np.nan))], "heatmap: a weight is NaN or infinite"),
    ],
)
def test_what_is_no_animation(given, message, tmp_path):
    with pytest.raises(UserError, match="^" + re.escape(message)):
        save_gif(draw_frames(given), tmp_path / "a.gif")
    assert list(tmp_path.iterdir()) == []


def test_settings_of_matplotlib_stay_and_no_figure_is_left_open(tmp_path):
    before = dict(matplotlib.rcParams)
    save_gif(draw_frames(panels(2)), tmp_path / "a.gif")
    assert dict(matplotlib.rcParams) == before
    assert pyplot.get_fignums() == []
