"""Attention that changes, as an animated GIF: one matrix, a frame for each state of it."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from data_gen.errors import UserError
from data_gen.files import whole_file
from fairseq_plugin.analysis.pictures import fonts
from fairseq_plugin.analysis.pictures.heatmap import PLAIN, Colours, annotate, draw, shown
from fairseq_plugin.analysis.pictures.panel import Panel
from fairseq_plugin.analysis.pictures.picture import check_pixels

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
