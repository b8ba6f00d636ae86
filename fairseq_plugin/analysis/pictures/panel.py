"""What one heatmap shows. A matrix too long for one picture becomes several panels, or a thinned one.

Cells have one size whatever the length, so a picture grows with its matrix. Up to :data:`MOST_CELLS` tokens a side it
can still be read on a screen and printed.
"""

import warnings
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from fairseq_plugin.analysis.merging import merge_weights

MOST_CELLS = 100  # rows and columns of a picture: 5000 x 5000 pixels of cells


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
    rows, columns = (-(-len(tokens) // MOST_CELLS) for tokens in (panel.target, panel.source))  # tokens a cell
    if rows <= 1 and columns <= 1:
        return panel
    warnings.warn(
        f"{len(panel.target)} target x {len(panel.source)} source tokens are more than the {MOST_CELLS} x {MOST_CELLS}"
        f" cells of a picture: each cell is {rows} x {columns} tokens, weights averaged over target and summed over"
        " source (a .pdf of one sentence, or --all, has every token)",
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
    edges = np.linspace(0, length, -(-length // MOST_CELLS) + 1).round().astype(int).tolist()
    return list(pairwise(edges))


def _names(tokens: Sequence[str], step: int) -> list[str]:
    """The first token of each cell, with an ellipsis if others follow in it."""
    starts = range(0, len(tokens), step)
    return [tokens[start] + ("…" if min(step, len(tokens) - start) > 1 else "") for start in starts]
