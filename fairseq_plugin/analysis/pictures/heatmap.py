"""Attention as a picture: source tokens along x, target tokens down y, one cell of fixed size a weight.

:func:`draw` computes a figure and writes nothing; :func:`picture.save` writes it.

Several heatmaps in one picture, row by row, with one range of colours and one colour bar.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from data_gen.errors import UserError
from fairseq_plugin.analysis.labels import label, shortened, visible
from fairseq_plugin.analysis.pictures import fonts
from fairseq_plugin.analysis.pictures.panel import Panel, arrange, thinned
from fairseq_plugin.analysis.pictures.picture import new_figure, plain_style
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
    """Draw attention as a heatmap whose size grows with the matrix, up to 100 tokens a side.

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
    """Add axes with one matrix, its ticks and labels; their place is set later.

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
    """Add axes with the colour bar; their place is set later."""
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
