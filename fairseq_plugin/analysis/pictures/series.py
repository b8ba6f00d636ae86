"""Many matrices in one file: a PDF with a page each, or a GIF with a frame each.

Of the pages, only one figure is in memory at a time. The frames are states of one matrix.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure
from PIL import Image

from data_gen.errors import UserError
from data_gen.files import whole_file
from fairseq_plugin.analysis.pictures import fonts
from fairseq_plugin.analysis.pictures.heatmap import PLAIN, Colours, annotate, draw, shown
from fairseq_plugin.analysis.pictures.panel import Panel
from fairseq_plugin.analysis.pictures.picture import DPI, METADATA, SAVING, check_ending, check_pixels


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


FRAME, LAST = 500, 2500  # milliseconds for which a frame is shown


def save_gif(panels: Sequence[Panel], path: str | Path, *, colours: Colours = PLAIN) -> None:
    """Write panels of the same tokens as the frames of a GIF that runs for ever, and rests on the last of them.

    All frames have one size and one range of colours: only cells and title change. The file appears once it is
    complete.

    :raises UserError: there is no panel, their tokens differ, one cannot be drawn, or the file cannot be written.

    Warns of text that cannot be drawn as it should be; see :func:`fonts.warn`.
    """
    path = Path(path)
    if not panels:
        raise UserError("an animation of nothing: give at least one heatmap")
    if len({(tuple(panel.source), tuple(panel.target)) for panel in panels}) > 1:
        raise UserError("the heatmaps of an animation need the same source and target tokens")
    panels = [shown(panel, colours) for panel in panels]
    widest = max((panel.title for panel in panels), key=len)  # the figure has room for it
    figure = draw(panels[0].weights, panels[0].source, panels[0].target, title=widest, colours=colours)
    check_pixels(figure, path)
    fonts.warn(fonts.characters_of(figure))
    with whole_file(path) as stream, fonts.without_glyph_warnings():
        first, *rest = _frames(figure, panels, colours)
        durations = [FRAME] * len(rest) + [LAST]
        first.save(stream, format="GIF", save_all=True, append_images=rest, duration=durations, loop=0)


def _frames(figure: Figure, panels: Sequence[Panel], colours: Colours) -> Iterator[Image.Image]:
    """The figure of a heatmap with the weights and title of each panel in turn, in at most 256 colours."""
    axes = figure.axes[0]
    (image,) = axes.get_images()
    for panel in panels:
        image.set_data(panel.weights)
        axes.title.set_text(panel.title)
        if colours.annotate:
            annotate(image)
        figure.canvas.draw()
        pixels = np.asarray(figure.canvas.buffer_rgba())  # type: ignore[attr-defined]  # the canvas is Agg
        yield Image.fromarray(pixels[..., :3]).quantize(256)
