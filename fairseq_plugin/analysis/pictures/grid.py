"""Several heatmaps in one picture, row by row, with one range of colours and one colour bar."""

import math
from collections.abc import Sequence

from matplotlib.figure import Figure

from data_gen.errors import UserError
from fairseq_plugin.analysis.pictures.arrangement import arrange
from fairseq_plugin.analysis.pictures.heatmap import PLAIN, Colours, add_bar, add_matrix
from fairseq_plugin.analysis.pictures.panel import Panel
from fairseq_plugin.analysis.pictures.picture import new_figure, plain_style


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
