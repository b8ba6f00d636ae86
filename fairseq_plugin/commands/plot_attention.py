"""Draw the attention of one sentence as a heatmap and print the sentence; of several side by side; of all as a PDF.

    python scripts/plot_attention.py attention.npz --output heatmap.png --id 3
    python scripts/plot_attention.py attention.npz --output grid.png --ids 0,3,7,9
    python scripts/plot_attention.py attention.npz --output models.png --id 3 --compare other.npz
    python scripts/plot_attention.py attention.npz --output all.pdf --all
    python scripts/plot_attention.py DATA --evolution CHECKPOINTS --output evolution.gif --id 3

Reads what extract_attention.py writes. Prints SRC, TRG (if there is a reference) and PRED one under
the other, and last the path of the picture. With --evolution, the checkpoints of a training read one sentence of a
dataset and its reference, so that all have the same rows; every option of fairseq-generate is understood as well.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from data_gen.errors import UserError, run_command
from fairseq_plugin.analysis.pictures import picture
from fairseq_plugin.analysis.pictures.panel import LONGEST
from fairseq_plugin.commands.plots.printing import NAME
from fairseq_plugin.commands.plots.sentences import plot_all, plot_chosen
from fairseq_plugin.commands.plots.training import FRAMES, PANELS, plot_evolution


def parser() -> argparse.ArgumentParser:
    """Options of the command."""
    options = argparse.ArgumentParser(
        prog=NAME,
        description="Draw attention as a heatmap, of one sentence or of all.",
        epilog=f"A sentence of more than {LONGEST} tokens is drawn on several pages of a .pdf, or thinned.",
    )
    options.add_argument(
        "attention", type=Path, help="attention file from extract_attention.py; with --evolution the dataset folder"
    )
    options.add_argument("--output", type=Path, required=True, help="picture to write: .png, .pdf or .svg")
    which = options.add_mutually_exclusive_group()
    which.add_argument("--all", action="store_true", help="draw all sentences, a page of a .pdf each")
    which.add_argument("--ids", type=sentence_ids, metavar="I,J,...", help="draw several sentences in one picture")
    which.add_argument("--id", type=int, help="sentence to draw, counted from 0 in the corpus (default: first in file)")
    options.add_argument(
        "--rank", type=int, default=0, help="hypothesis to draw, 0 for the best (default: %(default)s)"
    )
    options.add_argument(
        "--compare", type=Path, metavar="FILE", help="another model's attention file: both side by side"
    )
    options.add_argument("--columns", type=int, help="heatmaps in a row of several (default: about a square)")
    options.add_argument("--title", help='title of the picture (default: "Attention, sentence ID")')
    options.add_argument("--cmap", default="viridis", help="matplotlib colour map (default: %(default)s)")
    options.add_argument("--vmin", type=float, default=0.0, help="weight of the lowest colour (default: %(default)s)")
    options.add_argument("--vmax", type=float, default=1.0, help="weight of the highest colour (default: %(default)s)")
    options.add_argument("--annotate", action="store_true", help="write each weight into its cell")
    training = options.add_argument_group("one sentence over a training (--output may be a .gif)")
    training.add_argument("--evolution", type=Path, metavar="FOLDER", help="checkpoints of epochs or updates")
    training.add_argument("--gen-subset", metavar="SPLIT", help="split of the sentence (default: test)")
    training.add_argument(
        "--panels", type=int, metavar="N", help=f"checkpoints to draw at most (default: {PANELS}, {FRAMES} in a .gif)"
    )
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command. :returns: 0, 2 after wrong use, 1 if the picture cannot be written."""
    return run_command(NAME, lambda: plot(argv))


def plot(argv: Sequence[str] | None) -> int:
    """Do what the words of the command line say."""
    command = parser()
    options, fairseq_arguments = command.parse_known_args(argv)
    if fairseq_arguments and options.evolution is None:
        command.error(f"unrecognized arguments: {' '.join(fairseq_arguments)}")
    if options.evolution is not None:
        check_evolution(options)
        return plot_evolution(options, fairseq_arguments)
    for name, value in (("--gen-subset", options.gen_subset), ("--panels", options.panels)):
        if value is not None:
            raise UserError(f"{name} {value} without --evolution: it is for a sentence over a training")
    picture.check_ending(options.output)
    if options.columns is not None and options.ids is None and options.compare is None:
        raise UserError(f"--columns {options.columns} without --ids or --compare: there is one heatmap")
    if options.all:
        if options.compare is not None:
            raise UserError("--compare draws chosen sentences: give --id or --ids in place of --all")
        return plot_all(options)
    return plot_chosen(options)


def check_evolution(options: argparse.Namespace) -> None:
    """:raises UserError: if an option contradicts --evolution."""
    contradictions = {
        "--all": options.all,
        "--ids": options.ids is not None,
        "--compare": options.compare is not None,
        "--rank": options.rank != 0,
    }
    for name, given in contradictions.items():
        if given:
            raise UserError(f"{name} with --evolution, which draws one sentence and its reference: give --id alone")
    if options.attention.is_file():
        raise UserError(f"--evolution reads a dataset: give its folder in place of {str(options.attention)!r}")


def sentence_ids(text: str) -> list[int]:
    """Numbers of sentences, separated by commas."""
    try:
        return [int(number) for number in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} must be numbers of sentences, as in 0,3,7") from None


if __name__ == "__main__":
    sys.exit(main())
