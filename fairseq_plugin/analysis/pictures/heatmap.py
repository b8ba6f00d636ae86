"""Attention as a figure: source tokens along x, target tokens down y, one cell of fixed size a weight.

:func:`draw` shows one matrix, :func:`draw_grid` several with one colour bar, :func:`draw_frames` one after the other.
The functions write nothing; :mod:`picture` writes figures to files.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.transforms import Bbox

from data_gen.errors import UserError
from fairseq_plugin.analysis.labels import label, shortened, visible
from fairseq_plugin.analysis.pictures import fonts
from fairseq_plugin.analysis.pictures.panel import Panel, thinned
from fairseq_plugin.analysis.pictures.picture import DPI, POINTS, new_figure, plain_style
from fairseq_plugin.analysis.records import check_shape

FONT_SIZE = 10  # points
NUMBER_SIZE = 7  # points: 0.25 fits into a cell
LUMA = (0.299, 0.587, 0.114)  # brightness of red, green and blue, ITU-R BT.601


class Colours(NamedTuple):
    """How weights are shown.

    :param cmap: the name of a matplotlib colour map.
    :param vmin: the weight at the lower end of the colour bar.
    :param vmax: the weight at its upper end.
    :param annotate: write each weight into its cell, with two decimals.
    """

    cmap: str = "viridis"  # of even brightness, and told apart by the colour-blind
    vmin: float = 0.0
    vmax: float = 1.0
    annotate: bool = False


PLAIN = Colours()


@plain_style()
def draw(
    weights: np.ndarray,
    source: Sequence[str],
    target: Sequence[str],
    *,
    title: str = "Attention",
    colours: Colours = PLAIN,
) -> Figure:
    """Draw attention as a heatmap. Its size grows with the matrix, up to 100 tokens a side.

    Every token is a tick with its own label, shown as it is: ``</s>``, ``$x$`` and ``a_b`` are no markup. What cannot
    be seen is shown as its code, and a long token without its middle (:mod:`labels`). A longer matrix is
    thinned, with a warning; :func:`panel.parts` cuts it instead.

    :param weights: (T, S), target x source.
    :param source: the S source tokens, drawn left to right.
    :param target: the T target tokens with ``</s>`` if it was predicted, drawn top to bottom.
    :raises UserError: if the shape does not fit the tokens, a weight is not finite, there is nothing to draw, or the
        colours are not a known map over a rising range.
    """
    figure = new_figure()
    image = add_matrix(figure, Panel(weights, source, target, title), colours)
    arrange(figure, [image.axes], add_bar(figure, image), columns=1)
    return figure


def add_matrix(figure: Figure, panel: Panel, colours: Colours) -> AxesImage:
    """Add axes with one matrix, its ticks and labels; :func:`arrange` positions them.

    :raises UserError: as :func:`draw`.
    """
    panel = shown(panel, colours)
    columns, rows = ([shortened(label(token)) for token in tokens] for tokens in (panel.source, panel.target))
    text = _text([*columns, *rows, panel.title])
    axes = figure.add_axes((0, 0, 1, 1), label=str(len(figure.axes)))
    axes.grid(visible=False)
    limits: dict[str, Any] = {"cmap": colours.cmap, "vmin": colours.vmin, "vmax": colours.vmax}
    image = axes.imshow(panel.weights, aspect="auto", interpolation="nearest", origin="upper", **limits)
    if colours.annotate:
        annotate(image)
    axes.set_xticks(range(len(columns)), columns, minor=False, **text)
    axes.set_yticks(range(len(rows)), rows, minor=False, **text)
    axes.set_xlabel("Source", **text)
    axes.set_ylabel("Target", **text)
    axes.set_title(panel.title, pad=FONT_SIZE, loc="center", **text | {"size": FONT_SIZE + 2})
    return image


def add_bar(figure: Figure, image: AxesImage) -> Axes:
    """Add axes with the colour bar; :func:`arrange` positions them."""
    axes = figure.add_axes((0, 0, 1, 1), label="bar")
    figure.colorbar(image, cax=axes).set_label("Attention weight", **_text([]))
    axes.tick_params(labelsize=FONT_SIZE)
    axes.grid(visible=False)
    return axes


@plain_style()
def annotate(image: AxesImage) -> None:
    """Write the weights of a matrix into its cells, in place of earlier ones: black on light, white on dark colours."""
    axes: Any = image.axes
    for text in list(axes.texts):
        text.remove()
    weights: Any = image.get_array()
    light = image.to_rgba(weights)[..., :3] @ LUMA > 0.5  # (T, S)
    for (t, s), weight in np.ndenumerate(np.asarray(weights)):
        style = {"size": NUMBER_SIZE, "color": "black" if light[t, s] else "white"}
        axes.text(s, t, f"{weight:.2f}", ha="center", va="center", parse_math=False, usetex=False, **style)


def _text(shown: Sequence[str]) -> dict[str, Any]:
    family = list(fonts.choose(shown).families)
    return {"family": family, "size": FONT_SIZE, "parse_math": False, "usetex": False, "color": "black"}


def shown(panel: Panel, colours: Colours) -> Panel:
    """The panel as it is drawn: float32, thinned where it is long, its title with codes for what cannot be seen.

    :raises UserError: as :func:`draw`.
    """
    weights = np.asarray(panel.weights, dtype=np.float32)
    check_shape(weights.shape, panel.source, panel.target, "heatmap")
    if not weights.size:
        raise UserError(f"heatmap: attention of shape {weights.shape} has no cell to draw")
    if not np.isfinite(weights).all():
        raise UserError("heatmap: a weight is NaN or infinite: check the model that produced it")
    cmap, vmin, vmax = colours.cmap, colours.vmin, colours.vmax
    if cmap not in matplotlib.colormaps:
        raise UserError(f"unknown colour map {cmap!r}: use viridis, cividis, magma, Greys or another of matplotlib's")
    if not vmin < vmax:
        raise UserError(f"colours from {vmin} to {vmax} are no range: vmin must be less than vmax")
    title = "\n".join(map(visible, panel.title.split("\n")))
    return thinned(panel._replace(weights=weights, title=title))


@plain_style()
def draw_grid(panels: Sequence[Panel], *, columns: int | None = None, colours: Colours = PLAIN) -> Figure:
    """Draw panels from left to right and top to bottom; cells have the size that a single heatmap has.

    :param columns: panels in a row; by default as many as make the grid about square.
    :raises UserError: there is no panel, ``columns`` is below 1, or a panel cannot be drawn.
    """
    if not panels:
        raise UserError("a grid of no sentence: name at least one")
    if columns is not None and columns < 1:
        raise UserError(f"a grid needs at least 1 column, but is given {columns}")
    columns = min(len(panels), columns or math.ceil(math.sqrt(len(panels))))
    figure = new_figure()
    images = [add_matrix(figure, panel, colours) for panel in panels]
    arrange(figure, [image.axes for image in images], add_bar(figure, images[0]), columns)
    return figure


def draw_frames(panels: Sequence[Panel], *, colours: Colours = PLAIN) -> Iterator[Figure]:
    """Draw panels of the same tokens one after the other in the same figure: only its cells and its title change.

    :raises UserError: there is no panel, their tokens differ, or one cannot be drawn.
    """
    if not panels:
        raise UserError("an animation of nothing: give at least one heatmap")
    if len({(tuple(panel.source), tuple(panel.target)) for panel in panels}) > 1:
        raise UserError("the heatmaps of an animation need the same source and target tokens")
    panels = [shown(panel, colours) for panel in panels]
    widest = max((panel.title for panel in panels), key=len)  # the figure has room for it
    figure = draw(panels[0].weights, panels[0].source, panels[0].target, title=widest, colours=colours)
    axes = figure.axes[0]
    (image,) = axes.get_images()
    for panel in panels:
        image.set_data(panel.weights)
        axes.title.set_text(panel.title)
        if colours.annotate:
            annotate(image)
        yield figure


# All in inches.
CELL = 25 / POINTS  # side of a cell, room for a short token: 50 pixels
PAD = 8 / POINTS  # white border of the picture
GAP = 16 / POINTS  # between what belongs to a matrix and the next matrix, or the colour bar
BAR_WIDTH = 12 / POINTS  # of the colour bar
LABEL_GAP = 4 / POINTS  # least space between labels that are not turned

Box = tuple[float, float, float, float]  # x and y of the lower left corner, width, height


class Extent(NamedTuple):
    """How far axes reach with their labels, from the lower left corner of their box."""

    left: float
    bottom: float
    right: float
    top: float


def arrange(figure: Figure, matrices: Sequence[Axes], bar: Axes, columns: int) -> None:
    """Position matrices in rows of ``columns`` and the colour bar to their right; the figure gets the size they need.

    Matrices of a column share their left edge, those of a row their upper one. The colour bar begins at the top of the
    first row and ends at the bottom of the last one. Nothing overlaps or is cut, whatever the length of labels and
    titles; source labels that would touch are turned.
    """
    with fonts.without_glyph_warnings():
        sizes = [_size(axes) for axes in matrices]
        extents = [_measured(figure, axes, size) for axes, size in zip(matrices, sizes, strict=True)]
        boxes, right, bottom = _grid(sizes, extents, columns)
        low = min(y for _, y, _, _ in boxes)
        bar_height = boxes[0][1] + boxes[0][3] - low
        bar_extent = _measured(figure, bar, (BAR_WIDTH, bar_height))
    boxes.append((right + GAP, low, BAR_WIDTH, bar_height))
    width = _whole(right + GAP + bar_extent.right) + PAD
    top = _whole(max(0.0, low + bar_extent.top))  # the label of a short bar is longer than the bar
    height = _whole(top - min(bottom, low + bar_extent.bottom)) + 2 * PAD
    _position(figure, dict(zip([*matrices, bar], boxes, strict=True)), (width, height), height - PAD - top)


def _size(axes: Axes) -> tuple[float, float]:
    rows, columns = axes.get_images()[0].get_size()
    return CELL * columns, CELL * rows


def _measured(figure: Figure, axes: Axes, size: tuple[float, float]) -> Extent:
    """The space that axes with a box of this size need with their labels; crowded labels are turned."""
    _position(figure, {axes: (0.0, 0.0, *size)}, size, 0.0)
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]  # the canvas is Agg
    if axes.get_images():
        _turn_crowded_labels(axes, renderer)
    labels = [axis.label.get_window_extent(renderer) for axis in (axes.xaxis, axes.yaxis) if axis.label.get_text()]
    whole: Any = axes.get_tightbbox(renderer)  # before matplotlib 3.11, without the length of labels
    box: Any = Bbox.union([whole, *labels])
    return Extent(*(edge / DPI for edge in box.extents))


def _turn_crowded_labels(axes: Axes, renderer: Any) -> None:
    """Turn source labels, one a cell, if two of them would touch."""
    widths = [tick.get_window_extent(renderer).width / DPI for tick in axes.get_xticklabels()]
    if any((left + right) / 2 > CELL - LABEL_GAP for left, right in pairwise(widths)):
        for tick in axes.get_xticklabels():
            tick.set(rotation=45, horizontalalignment="right", rotation_mode="anchor")


def _grid(
    sizes: Sequence[tuple[float, float]], extents: Sequence[Extent], columns: int
) -> tuple[list[Box], float, float]:
    """The box of each matrix, x to the right of the left border and y up from the upper one.

    :returns: the boxes, and how far the grid reaches to the right and down.
    """
    left_edges, x = [], PAD
    for column in range(min(columns, len(sizes))):
        own = extents[column::columns]
        x += _whole(max(-extent.left for extent in own))
        left_edges.append(x)
        x += _whole(max(extent.right for extent in own)) + GAP
    boxes: list[Box] = []
    y = 0.0
    for start in range(0, len(sizes), columns):
        row = list(zip(sizes[start : start + columns], extents[start : start + columns], strict=True))
        y -= _whole(max(extent.top - height for (_, height), extent in row))
        for left, (width, height) in zip(left_edges, sizes[start : start + columns], strict=False):
            boxes.append((left, y - height, width, height))
        y -= _whole(max(height - extent.bottom for (_, height), extent in row)) + GAP
    return boxes, x - GAP, y + GAP


def _whole(inches: float) -> float:
    """Rounded up to whole points, which keep the edges of cells on pixel edges."""
    return math.ceil(inches * POINTS) / POINTS


def _position(figure: Figure, boxes: dict[Axes, Box], size: tuple[float, float], rise: float) -> None:
    """Set the size of the figure and the boxes of its axes, lifted by ``rise``, all in inches."""
    figure.set_size_inches(*size)
    for axes, (x, y, width, height) in boxes.items():
        axes.set_position((x / size[0], (y + rise) / size[1], width / size[0], height / size[1]))
