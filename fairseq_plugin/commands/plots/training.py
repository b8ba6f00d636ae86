"""A picture of one sentence over a training: small multiples, or an animation if its name ends in .gif."""

import argparse
from collections.abc import Sequence

from tqdm import tqdm

from data_gen.errors import UserError
from data_gen.files import require_place
from fairseq_plugin.analysis.evolution import Stage, checkpoints_in, evenly, stages
from fairseq_plugin.analysis.pictures import picture
from fairseq_plugin.analysis.pictures.animation import save_gif
from fairseq_plugin.analysis.pictures.grid import draw_grid
from fairseq_plugin.analysis.pictures.panel import Panel
from fairseq_plugin.commands.plots.printing import print_lines, sentence_lines, warnings_printed
from fairseq_plugin.commands.plots.sentences import colours_of

GIF = ".gif"
PANELS, FRAMES = 12, 30  # checkpoints in a picture and in an animation, if --panels does not say


def plot_evolution(options: argparse.Namespace, fairseq_arguments: Sequence[str]) -> int:
    """Draw one sentence as the checkpoints of a folder read it; ``fairseq_arguments`` go to fairseq as they are."""
    animated = picture.check_ending(options.output, (*picture.METADATA, GIF)) == GIF
    if animated and options.columns is not None:
        raise UserError(f"--columns {options.columns} with a {GIF}: an animation has one heatmap")
    require_place(options.output)
    found = checkpoints_in(options.evolution)
    most = FRAMES if animated else PANELS
    chosen = evenly(found, most if options.panels is None else options.panels)
    arguments = [str(options.attention), "--gen-subset", options.gen_subset or "test", *fairseq_arguments]
    reading = stages(chosen, arguments, options.id or 0)
    read = list(tqdm(reading, total=len(chosen), desc="read", unit="checkpoint", disable=None))
    panels = [panel_of(stage, options.title) for stage in read]
    with warnings_printed():
        if animated:
            save_gif(panels, options.output, colours=colours_of(options))
        else:
            figure = draw_grid(panels, columns=options.columns, colours=colours_of(options))
            picture.save(figure, options.output)
    share = f"{len(chosen)} of {len(found)} checkpoints, evenly chosen: --panels N draws at most N"
    drawn = share if len(chosen) < len(found) else f"{len(found)} checkpoints"
    print_lines([*sentence_lines(read[-1].record)[:2], drawn, str(options.output)])
    return 0


def panel_of(stage: Stage, title: str | None) -> Panel:
    """The heatmap of a checkpoint, titled by how far the training was."""
    when = f"epoch {stage.epoch}, update {stage.updates}"
    record = stage.record
    return Panel(record.weights, record.source, record.target, when if title is None else f"{title}, {when}")
