"""What one heatmap shows, and what becomes of a matrix too long for one picture: several panels, or a thinned one.

Cells have one size whatever the length, so a picture grows with its matrix. Up to :data:`LONGEST` tokens a side it can
still be read on a screen and printed.

Where matrices and their colour bar stand: cells of one size, and a figure as large as its labels need.
"""

import math
import warnings
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fairseq_plugin.analysis.merging import merge_weights
from fairseq_plugin.analysis.pictures import fonts
from fairseq_plugin.analysis.pictures.picture import DPI, POINTS

LONGEST = 100  # rows and columns of a picture: 5000 x 5000 pixels of cells


class ThinnedWarning(UserWarning):
    """A matrix has more tokens than a picture has cells: each cell stands for several."""


class Panel(NamedTuple):
    """A matrix with its tokens and title; see :func:`heatmap.draw`."""

    weights: np.ndarray  # (T, S)
    source: Sequence[str]
    target: Sequence[str]
    title: str


def parts(panel: Panel) -> list[Panel]:
    """Cut a panel into blocks of at most 100 x 100 tokens of about one size, row by row of blocks.

    The title of a part names its tokens, counted from 1, on each side that was cut. A short panel is its only part.
    """
    rows, columns = _cuts(len(panel.target)), _cuts(len(panel.source))
    cut = []
    for top, bottom in rows:
        for left, right in columns:
            names = [
                f"{side} {start + 1}-{stop} of {len(tokens)}"
                for side, tokens, start, stop, of in (
                    ("target", panel.target, top, bottom, rows),
                    ("source", panel.source, left, right, columns),
                )
                if len(of) > 1
            ]
            cut.append(
                Panel(
                    panel.weights[top:bottom, left:right],  # (T part, S part)
                    panel.source[left:right],
                    panel.target[top:bottom],
                    ", ".join([panel.title, *names]),
                )
            )
    return cut


def thinned(panel: Panel) -> Panel:
    """Put neighbouring tokens together until there are at most 100 a side: nothing is left out.

    A cell has the sum of the weights over its source tokens, averaged over its target tokens, as
    :mod:`~fairseq_plugin.analysis.merging` does for words: rows that sum to 1 still do. It is named by its first token
    with an ellipsis. A second line of the title says so, and a :class:`ThinnedWarning`. A short panel stays as it is.
    """
    rows, columns = (-(-len(tokens) // LONGEST) for tokens in (panel.target, panel.source))  # tokens a cell
    if rows <= 1 and columns <= 1:
        return panel
    warnings.warn(
        f"{len(panel.target)} target x {len(panel.source)} source tokens are more than the {LONGEST} x {LONGEST} cells"
        f" of a picture: each cell is {rows} x {columns} tokens, weights averaged over target and summed over source"
        " (a .pdf of one sentence, or --all, has every token)",
        ThinnedWarning,
        stacklevel=2,
    )
    target, source = range(0, len(panel.target), rows), range(0, len(panel.source), columns)
    return Panel(
        merge_weights(panel.weights, target, source),  # (T cells, S cells)
        _names(panel.source, columns),
        _names(panel.target, rows),
        f"{panel.title}\none cell: {rows} target x {columns} source tokens",
    )


def _cuts(length: int) -> list[tuple[int, int]]:
    """Where the parts of a side start and stop."""
    edges = np.linspace(0, length, -(-length // LONGEST) + 1).round().astype(int).tolist()
    return list(pairwise(edges))


def _names(tokens: Sequence[str], step: int) -> list[str]:
    """The first token of each cell, with an ellipsis if others follow in it."""
    starts = range(0, len(tokens), step)
    return [tokens[start] + ("…" if min(step, len(tokens) - start) > 1 else "") for start in starts]


# All in inches.
CELL = 25 / POINTS  # side of a cell, room for a short token: 50 pixels
PAD = 8 / POINTS  # white border of the picture
GAP = 16 / POINTS  # between what belongs to a matrix and the next matrix, or the colour bar
BAR_WIDTH, BAR_HEIGHT = 12 / POINTS, 125 / POINTS  # colour bar; its height is the least
LABEL_GAP = 4 / POINTS  # least space between labels that are not turned

Box = tuple[float, float, float, float]  # x and y of the lower left corner, width, height


class Extent(NamedTuple):
    """How far axes reach with their labels, from the lower left corner of their box."""

    left: float
    bottom: float
    right: float
    top: float


def arrange(figure: Figure, matrices: Sequence[Axes], bar: Axes, columns: int) -> None:
    """Place matrices in rows of ``columns`` and the colour bar to their right; the figure gets the size that they need.

    Matrices of a column share their left edge, those of a row their upper one. Nothing overlaps or is cut, whatever
    the length of labels and titles; source labels that would touch are turned.
    """
    with fonts.without_glyph_warnings():
        sizes = [_size(axes) for axes in matrices]
        extents = [_measured(figure, axes, size) for axes, size in zip(matrices, sizes, strict=True)]
        boxes, right, bottom = _grid(sizes, extents, columns)
        top = boxes[0][1] + boxes[0][3]  # of the first matrix
        bar_height = max(BAR_HEIGHT, *(height for _, height in sizes[:columns]), 0)
        bar_extent = _measured(figure, bar, (BAR_WIDTH, bar_height))
    boxes.append((right + GAP, top - bar_height, BAR_WIDTH, bar_height))
    width = _whole(right + GAP + bar_extent.right) + PAD
    height = _whole(max(-bottom, bar_height - bar_extent.bottom - top)) + 2 * PAD
    _place(figure, dict(zip([*matrices, bar], boxes, strict=True)), (width, height), height - PAD)


def _size(axes: Axes) -> tuple[float, float]:
    rows, columns = axes.get_images()[0].get_size()
    return CELL * columns, CELL * rows


def _measured(figure: Figure, axes: Axes, size: tuple[float, float]) -> Extent:
    """What axes whose box has this size need with their labels; crowded ones are turned."""
    _place(figure, {axes: (0.0, 0.0, *size)}, size, 0.0)
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]  # the canvas is Agg
    if axes.get_images():
        _turn_crowded_labels(axes, renderer)
    box: Any = axes.get_tightbbox(renderer)
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


def _place(figure: Figure, boxes: dict[Axes, Box], size: tuple[float, float], rise: float) -> None:
    """Set the size of the figure and the boxes of its axes, lifted by ``rise``, all in inches."""
    figure.set_size_inches(*size)
    for axes, (x, y, width, height) in boxes.items():
        axes.set_position((x / size[0], (y + rise) / size[1], width / size[0], height / size[1]))
