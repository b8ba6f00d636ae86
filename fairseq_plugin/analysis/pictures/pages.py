"""Many heatmaps as one PDF, a page each; only one figure is in memory at a time."""

from collections.abc import Iterable
from pathlib import Path

import matplotlib
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure

from data_gen.errors import UserError
from data_gen.files import whole_file
from fairseq_plugin.analysis.pictures import fonts
from fairseq_plugin.analysis.pictures.picture import DPI, METADATA, SAVING, check_ending


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
