"""Figures as files: PNG, PDF and SVG that appear whole, and are the same for the same figure.

Neither pyplot nor matplotlib's settings are touched, so a figure lives only as long as somebody holds it.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from data_gen.errors import UserError
from data_gen.files import whole_file
from fairseq_plugin.analysis.pictures import fonts

POINTS = 72  # a typographic point is 1/72 inch
DPI = 144  # two pixels a point
MOST_PIXELS = 100_000_000  # 400 MB while a PNG is drawn, a square of 200 cells
# Metadata without dates, so that the same attention gives the same file.
METADATA: dict[str, dict[str, Any]] = {".png": {}, ".pdf": {"CreationDate": None}, ".svg": {"Date": None}}
SAVING: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text, which can be searched and copied
    "svg.hashsalt": "attention",  # ids that do not change from run to run
    "savefig.bbox": "standard",
    "savefig.edgecolor": "auto",  # the figure's own
    "savefig.facecolor": "auto",
    "savefig.transparent": False,
}


class Picture(Figure):
    """A figure that a notebook shows as a picture, as it does by itself only with those of pyplot."""

    def _repr_png_(self) -> bytes:
        stream = BytesIO()
        with matplotlib.rc_context(SAVING), fonts.without_glyph_warnings():
            self.savefig(stream, format="png", dpi=DPI)
        return stream.getvalue()


@contextmanager
def plain_style() -> Iterator[None]:
    """Draw with matplotlib's default settings, whatever style the user has chosen: it gets its settings back.

    A dark style would make the numbers of a colour bar white on white; others hide or move labels.
    """
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        yield


def new_figure() -> Figure:
    """An empty figure that nobody else knows of."""
    figure = Picture(dpi=DPI, facecolor="white")
    figure.set_layout_engine("none")
    FigureCanvasAgg(figure)
    return figure


def save(figure: Figure, path: str | Path) -> None:
    """Write a figure as PNG (144 dots an inch), PDF or SVG, as the ending says.

    The file appears once it is complete. The text of an SVG stays text and is shown in the viewer's fonts.

    :raises UserError: if the ending is unknown, the folder is missing, a PNG would be too large, or the file cannot be
        written.

    For a PNG or PDF, warns of text that cannot be drawn as it should be; see :func:`fonts.warn`.
    """
    path = Path(path)
    ending = check_ending(path)
    if ending == ".png":
        check_pixels(figure, path)
    if ending != ".svg":
        fonts.warn(fonts.characters_of(figure))
    with whole_file(path) as stream, matplotlib.rc_context(SAVING), fonts.without_glyph_warnings():
        figure.savefig(stream, format=ending[1:], dpi=DPI, metadata=METADATA[ending])


def check_ending(path: Path, endings: Collection[str] = METADATA.keys()) -> str:
    """The ending of a picture's path, in lower case.

    :param endings: those that are possible; by default those that :func:`save` knows.
    :raises UserError: if it is none of them.
    """
    ending = path.suffix.lower()
    if ending not in endings:
        *others, last = endings
        raise UserError(f"picture {str(path)!r} must end in {', '.join(others)} or {last}")
    return ending


def check_pixels(figure: Figure, path: Path) -> None:
    """:raises UserError: if a figure is larger than a picture of pixels can sensibly be."""
    width, height = figure.get_size_inches() * DPI
    if width * height > MOST_PIXELS:
        raise UserError(
            f"{str(path)!r} would have {width:.0f} x {height:.0f} pixels, more than {MOST_PIXELS}: write .pdf or .svg"
        )
