"""Attention as a picture: source tokens along x, target tokens down y, one cell of fixed size a weight.

:func:`draw` computes a figure and writes nothing; :func:`save` writes it. Neither uses pyplot or changes matplotlib's
settings, so a figure lives only as long as somebody holds it.
"""

import math
import unicodedata
import warnings
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.text import Text

from data_gen.errors import UserError
from fairseq_plugin.analysis import fonts
from fairseq_plugin.analysis.files import whole_file
from fairseq_plugin.analysis.records import check_shape

POINTS = 72  # a typographic point is 1/72 inch
CELL = 25 / POINTS  # inches: side of a cell, room for a short token at FONT_SIZE
PAD = 8 / POINTS  # inches: white border of the picture
BAR_GAP, BAR_WIDTH, BAR_HEIGHT = 16 / POINTS, 12 / POINTS, 125 / POINTS  # inches: colour bar; its height is the least
FONT_SIZE = 10  # points
NUMBER_SIZE = 7  # points: 0.25 fits into a cell
LUMA = (0.299, 0.587, 0.114)  # brightness of red, green and blue, ITU-R BT.601
LABEL_GAP = 4 / POINTS  # inches: least space between labels that are not turned
DPI = 144  # two pixels a point: 50 pixels a cell
MOST_PIXELS = 100_000_000  # 400 MB while a PNG is drawn, about 190 x 190 tokens
# Metadata without dates, so that the same attention gives the same file.
METADATA: dict[str, dict[str, Any]] = {".png": {}, ".pdf": {"CreationDate": None}, ".svg": {"Date": None}}
SAVING: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text, which can be searched and copied
    "svg.hashsalt": "attention",  # ids that do not change from run to run
    "savefig.bbox": "standard",
    "savefig.transparent": False,
}


def draw(
    weights: np.ndarray,
    source: Sequence[str],
    target: Sequence[str],
    *,
    title: str = "Attention",
    cmap: str = "viridis",
    vmin: float = 0.0,
    vmax: float = 1.0,
    annotate: bool = False,
) -> Figure:
    """Draw attention as a heatmap whose size grows with the matrix.

    Every token is a tick with its own label, shown as it is: ``</s>``, ``$x$`` and ``a_b`` are no markup. Control
    characters are shown as escapes.

    :param weights: (T, S), target x source.
    :param source: the S source tokens, drawn left to right.
    :param target: the T target tokens with ``</s>`` if it was predicted, drawn top to bottom.
    :param cmap: the name of a matplotlib colour map.
    :param vmin: the weight at the lower end of the colour bar.
    :param vmax: the weight at its upper end.
    :param annotate: write each weight into its cell, with two decimals.
    :raises UserError: if the shape does not fit the tokens, a weight is not finite, there is nothing to draw, or the
        colours are not a known map over a rising range.
    """
    figure = new_figure()
    height = CELL * len(target)
    overhang = max(0.0, BAR_HEIGHT - height) / 2  # of the colour bar above and below a short matrix
    colours = Colours(cmap, vmin, vmax, annotate)
    image = add_matrix(figure, weights, source, target, title=title, colours=colours, overhang=overhang)
    bar_axes = add_bar(figure, image)
    with fonts.without_glyph_warnings():
        _arrange(figure, image.axes, bar_axes, CELL * len(source), height, overhang)
    return figure


class Colours(NamedTuple):
    """How weights are shown; see :func:`draw`."""

    cmap: str = "viridis"
    vmin: float = 0.0
    vmax: float = 1.0
    annotate: bool = False


def new_figure() -> Figure:
    """An empty figure that nobody else knows of."""
    figure = Figure(dpi=DPI, facecolor="white")
    figure.set_layout_engine("none")
    FigureCanvasAgg(figure)
    return figure


def add_matrix(
    figure: Figure,
    weights: np.ndarray,
    source: Sequence[str],
    target: Sequence[str],
    *,
    title: str,
    colours: Colours,
    overhang: float = 0.0,
) -> AxesImage:
    """Add axes with one matrix, its ticks and labels; their place is set later.

    :param overhang: how far the title stays away from the matrix, in inches.
    :raises UserError: as :func:`draw`.
    """
    weights = np.asarray(weights, dtype=np.float32)
    check_shape(weights.shape, source, target, "heatmap")
    _check_drawable(weights, colours.cmap, colours.vmin, colours.vmax)
    columns, rows = [label(token) for token in source], [label(token) for token in target]
    text = _text([*columns, *rows, title])
    axes = figure.add_axes((0, 0, 1, 1), label=str(len(figure.axes)))
    axes.grid(visible=False)
    shown: dict[str, Any] = {"cmap": colours.cmap, "vmin": colours.vmin, "vmax": colours.vmax}
    image = axes.imshow(weights, aspect="auto", interpolation="nearest", origin="upper", **shown)
    if colours.annotate:
        _annotate(axes, image, weights)
    axes.set_xticks(range(len(columns)), columns, minor=False, **text)
    axes.set_yticks(range(len(rows)), rows, minor=False, **text)
    axes.set_xlabel("Source", **text)
    axes.set_ylabel("Target", **text)
    axes.set_title(title, pad=POINTS * overhang + FONT_SIZE, loc="center", **text | {"size": FONT_SIZE + 2})
    return image


def add_bar(figure: Figure, image: AxesImage) -> Axes:
    """Add axes with the colour bar; their place is set later."""
    axes = figure.add_axes((0, 0, 1, 1), label="bar")
    figure.colorbar(image, cax=axes).set_label("Attention weight", **_text([]))
    axes.tick_params(labelsize=FONT_SIZE)
    axes.grid(visible=False)
    return axes


def _text(shown: Sequence[str]) -> dict[str, Any]:
    family = list(fonts.choose(shown).families)
    return {"family": family, "size": FONT_SIZE, "parse_math": False, "usetex": False, "color": "black"}


def label(token: str) -> str:
    """The token as a tick shows it: control characters and line breaks as escapes, all else unchanged."""
    return "".join(
        character.encode("unicode_escape").decode()
        if unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")
        else character
        for character in token
    )


def save(figure: Figure, path: str | Path) -> None:
    """Write a figure as PNG (144 dots an inch), PDF or SVG, as the ending says.

    The file appears once it is complete. The text of an SVG stays text and is shown in the viewer's fonts.

    :raises UserError: if the ending is unknown, the folder is missing, a PNG would be too large, or the file cannot be
        written.

    Warns once with :class:`fonts.MissingGlyphWarning` if a PNG or PDF holds characters that no installed font has.
    """
    path = Path(path)
    ending = check_ending(path)
    if ending == ".png" and figure.get_figwidth() * figure.get_figheight() * DPI**2 > MOST_PIXELS:
        raise UserError(
            f"{str(path)!r} would have {figure.get_figwidth() * DPI:.0f} x {figure.get_figheight() * DPI:.0f} pixels,"
            f" more than {MOST_PIXELS}: write .pdf or .svg"
        )
    if ending != ".svg":
        missing = fonts.choose(text.get_text() for text in figure.findobj(Text)).missing
        if missing:
            warnings.warn(fonts.missing_message(missing), fonts.MissingGlyphWarning, stacklevel=2)
    with whole_file(path) as stream, matplotlib.rc_context(SAVING), fonts.without_glyph_warnings():
        figure.savefig(stream, format=ending[1:], dpi=DPI, metadata=METADATA[ending])


def check_ending(path: Path) -> str:
    """The ending of a picture's path, in lower case.

    :raises UserError: if it is none of those that :func:`save` knows.
    """
    ending = path.suffix.lower()
    if ending not in METADATA:
        raise UserError(f"picture {str(path)!r} must end in {', '.join(METADATA)}")
    return ending


def _check_drawable(weights: np.ndarray, cmap: str, vmin: float, vmax: float) -> None:
    if not weights.size:
        raise UserError(f"heatmap: attention of shape {weights.shape} has no cell to draw")
    if not np.isfinite(weights).all():
        raise UserError("heatmap: a weight is NaN or infinite: check the model that produced it")
    if cmap not in matplotlib.colormaps:
        raise UserError(f"unknown colour map {cmap!r}: use viridis, cividis, magma, Greys or another of matplotlib's")
    if not vmin < vmax:
        raise UserError(f"colours from {vmin} to {vmax} are no range: vmin must be less than vmax")


def _annotate(axes: Axes, image: AxesImage, weights: np.ndarray) -> None:
    """Write the weights into the cells, black on light colours and white on dark ones."""
    light = image.to_rgba(weights)[..., :3] @ LUMA > 0.5  # (T, S)
    for (t, s), weight in np.ndenumerate(weights):
        color = "black" if light[t, s] else "white"
        style: dict[str, Any] = {"size": NUMBER_SIZE, "color": color, "parse_math": False, "usetex": False}
        axes.text(s, t, f"{weight:.2f}", ha="center", va="center", **style)


def _arrange(figure: Figure, axes: Axes, bar_axes: Axes, width: float, height: float, overhang: float) -> None:
    """Give the matrix its size and the figure what its labels need: nothing is cut, whatever their length.

    :param width: of the matrix, in inches.
    :param height: of the matrix, in inches.
    :param overhang: of the colour bar above and below the matrix, in inches.
    """
    boxes = {
        axes: (0.0, 0.0, width, height),
        bar_axes: (width + BAR_GAP, -overhang, BAR_WIDTH, height + 2 * overhang),
    }
    place(figure, boxes, (width, height), (0.0, 0.0))
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]  # the canvas is Agg
    turn_crowded_labels(axes, renderer)
    needed = figure.get_tightbbox(renderer)  # inches from the matrix's lower left corner
    # Whole points keep the edges of cells on pixel edges.
    left, bottom = (math.floor((edge - PAD) * POINTS) / POINTS for edge in needed.min)
    right, top = (math.ceil((edge + PAD) * POINTS) / POINTS for edge in needed.max)
    place(figure, boxes, (right - left, top - bottom), (-left, -bottom))


def turn_crowded_labels(axes: Axes, renderer: Any) -> None:
    """Turn the source labels of placed axes where they would touch."""
    if _crowded([tick.get_window_extent(renderer).width / DPI for tick in axes.get_xticklabels()]):
        for tick in axes.get_xticklabels():
            tick.set(rotation=45, horizontalalignment="right", rotation_mode="anchor")


def _crowded(widths: Sequence[float]) -> bool:
    """Whether labels of these widths (inches), one a cell, would touch where they are not turned."""
    return any((left + right) / 2 > CELL - LABEL_GAP for left, right in pairwise(widths))


def place(
    figure: Figure,
    boxes: dict[Axes, tuple[float, float, float, float]],
    size: tuple[float, float],
    shift: tuple[float, float],
) -> None:
    """Set the size of the figure and the boxes (x, y, width, height) of its axes, all in inches."""
    figure.set_size_inches(*size)
    for axes, (x, y, width, height) in boxes.items():
        axes.set_position(((x + shift[0]) / size[0], (y + shift[1]) / size[1], width / size[0], height / size[1]))
