"""Figures as files: one as a PNG, PDF or SVG, several as the pages of a PDF or the frames of a GIF.

Files appear whole, and are the same for the same figures. Of several figures only one is in memory at a time. Neither
pyplot nor matplotlib's settings are touched, so a figure lives only as long as somebody holds it.
"""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure
from PIL import Image

from data_gen.errors import UserError
from data_gen.files import whole_file
from fairseq_plugin.analysis.pictures import fonts

POINTS = 72  # a typographic point is 1/72 inch
DPI = 144  # two pixels a point
FRAME, LAST = 500, 2500  # milliseconds for which a frame of a GIF is shown
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


def save_pages(figures: Iterable[Figure], path: str | Path) -> int:
    """Write figures as the pages of a PDF, each page of its figure's size. The file appears once it is complete.

    :param figures: drawn one after the other as they are asked for.
    :returns: the number of pages.
    :raises UserError: if the path does not end in .pdf, cannot be written, or there is no figure.

    Warns once of text on any page that cannot be drawn as it should be; see :func:`fonts.warn`.
    """
    path = Path(path)
    if check_ending(path) != ".pdf":
        raise UserError(f"pages cannot be written to {str(path)!r}: give a path that ends in .pdf")
    characters: set[str] = set()
    count = 0
    with whole_file(path) as stream, matplotlib.rc_context(SAVING), fonts.without_glyph_warnings():
        with PdfPages(stream, metadata=METADATA[".pdf"]) as pages:
            for figure in figures:
                characters |= fonts.characters_of(figure)
                pages.savefig(figure, dpi=DPI)
                count += 1
        if not count:
            raise UserError(f"no sentence to draw in {str(path)!r}: extract attention again or give another --rank")
    fonts.warn(characters)
    return count


def save_gif(figures: Iterable[Figure], path: str | Path) -> None:
    """Write figures of one size as the frames of a GIF that runs for ever, and rests on the last of them.

    :param figures: drawn one after the other as they are asked for; at least one.
    :raises UserError: if a figure cannot be drawn or is too large, or the file cannot be written.

    Warns once of text on any frame that cannot be drawn as it should be; see :func:`fonts.warn`.
    """
    path = Path(path)
    characters: set[str] = set()
    images = []
    with whole_file(path) as stream, fonts.without_glyph_warnings():
        for figure in figures:
            check_pixels(figure, path)
            characters |= fonts.characters_of(figure)
            figure.canvas.draw()
            pixels = np.asarray(figure.canvas.buffer_rgba())  # type: ignore[attr-defined]  # the canvas is Agg
            images.append(Image.fromarray(pixels[..., :3]).quantize(256))
        durations = [FRAME] * (len(images) - 1) + [LAST]
        images[0].save(stream, format="GIF", save_all=True, append_images=images[1:], duration=durations, loop=0)
    fonts.warn(characters)


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
    """Check that a figure has at most ``MOST_PIXELS`` pixels.

    :raises UserError: if it has more.
    """
    width, height = figure.get_size_inches() * DPI
    if width * height > MOST_PIXELS:
        raise UserError(
            f"{str(path)!r} would have {width:.0f} x {height:.0f} pixels, more than {MOST_PIXELS}: write .pdf or .svg"
        )
