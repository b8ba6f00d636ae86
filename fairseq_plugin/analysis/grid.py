"""Several heatmaps in one picture, row by row, with one range of colours and one colour bar."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from data_gen.errors import UserError
from fairseq_plugin.analysis import fonts
from fairseq_plugin.analysis.heatmap import (
    BAR_GAP,
    BAR_HEIGHT,
    BAR_WIDTH,
    CELL,
    DPI,
    PAD,
    POINTS,
    Colours,
    add_bar,
    add_matrix,
    new_figure,
    place,
    turn_crowded_labels,
)

PLAIN = Colours()
GAP = 16 / POINTS  # inches between a panel's labels and the next panel


class Panel(NamedTuple):
    """One heatmap of a grid; see :func:`heatmap.draw`."""

    weights: np.ndarray  # (T, S)
    source: Sequence[str]
    target: Sequence[str]
    title: str


class Extent(NamedTuple):
    """How far a panel reaches with its labels, in inches from the lower left corner of its matrix."""

    left: float
    bottom: float
    right: float
    top: float


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
    images = [
        add_matrix(figure, panel.weights, panel.source, panel.target, title=panel.title, colours=colours)
        for panel in panels
    ]
    with fonts.without_glyph_warnings():
        sizes = [(CELL * len(panel.source), CELL * len(panel.target)) for panel in panels]
        extents = [_extent(figure, image.axes, size) for image, size in zip(images, sizes, strict=True)]
        _arrange(figure, [image.axes for image in images], sizes, extents, columns, add_bar(figure, images[0]))
    return figure


def _extent(figure: Figure, axes: Axes, size: tuple[float, float]) -> Extent:
    """Measure a panel whose matrix has this size; crowded labels are turned."""
    place(figure, {axes: (0.0, 0.0, *size)}, size, (0.0, 0.0))
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]  # the canvas is Agg
    turn_crowded_labels(axes, renderer)
    box: Any = axes.get_tightbbox(renderer)
    return Extent(*(edge / DPI for edge in box.extents))


def _arrange(
    figure: Figure,
    panels: Sequence[Axes],
    sizes: Sequence[tuple[float, float]],
    extents: Sequence[Extent],
    columns: int,
    bar: Axes,
) -> None:
    """Matrices of a column share their left edge, those of a row their upper one; nothing overlaps."""

    def whole(inches: float) -> float:  # whole points keep the edges of cells on pixel edges
        return math.ceil(inches * POINTS) / POINTS

    starts = range(0, len(panels), columns)
    boxes: dict[Axes, tuple[float, float, float, float]] = {}
    left_edges, x = [], PAD
    for column in range(columns):
        own = extents[column::columns]
        x += whole(max(-extent.left for extent in own))
        left_edges.append(x)
        x += whole(max(extent.right for extent in own)) + GAP
    y = 0.0  # from the upper edge of the grid downwards
    for start in starts:
        row = range(start, min(start + columns, len(panels)))
        y -= whole(max(extents[n].top - sizes[n][1] for n in row))
        for n in row:
            boxes[panels[n]] = (left_edges[n - start], y - sizes[n][1], *sizes[n])
        y -= whole(max(sizes[n][1] - extents[n].bottom for n in row)) + GAP
    height = max(-y - GAP, BAR_HEIGHT)
    first = boxes[panels[0]]
    bar_top = first[1] + first[3]
    boxes[bar] = (x - GAP + BAR_GAP, bar_top - BAR_HEIGHT, BAR_WIDTH, BAR_HEIGHT)
    place(figure, {bar: (0.0, 0.0, BAR_WIDTH, BAR_HEIGHT)}, (BAR_WIDTH, BAR_HEIGHT), (0.0, 0.0))
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]  # the canvas is Agg
    box: Any = bar.get_tightbbox(renderer)
    width = boxes[bar][0] + whole(box.x1 / DPI) + PAD
    place(figure, boxes, (width, height + 2 * PAD), (0.0, height + PAD))
