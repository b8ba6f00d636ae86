"""Draw the attention of one sentence as a heatmap and print the sentence, or of all as the pages of a PDF.

    python scripts/plot_attention.py attention.npz --output heatmap.png --id 3
    python scripts/plot_attention.py attention.npz --output all.pdf --all

Reads what extract_attention.py writes (.npz or .jsonl). Prints SRC, TRG (if there is a reference) and PRED one under
the other, and last the path of the picture.
"""

import argparse
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from matplotlib.figure import Figure
from tqdm import tqdm

if not __package__:  # run as a file, from any folder: the packages are in the folder above
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from data_gen.errors import UserError, run_command
from fairseq_plugin.analysis import heatmap
from fairseq_plugin.analysis.fonts import MissingGlyphWarning
from fairseq_plugin.analysis.formats import iterate_records, read_records
from fairseq_plugin.analysis.pages import save_pages
from fairseq_plugin.analysis.records import END, AttentionRecord

NAME = "plot_attention.py"


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(prog=NAME, description="Draw attention as a heatmap, of one sentence or of all.")
    options.add_argument("attention", type=Path, help="attention file, .npz or .jsonl, from extract_attention.py")
    options.add_argument("--output", type=Path, required=True, help="picture to write: .png, .pdf or .svg")
    which = options.add_mutually_exclusive_group()
    which.add_argument("--all", action="store_true", help="draw all sentences, a page of a .pdf each")
    which.add_argument("--id", type=int, help="sentence to draw, counted from 0 in the corpus (default: first in file)")
    options.add_argument(
        "--rank", type=int, default=0, help="hypothesis to draw, 0 for the best (default: %(default)s)"
    )
    options.add_argument("--title", help='title of the picture (default: "Attention, sentence ID")')
    options.add_argument("--cmap", default="viridis", help="matplotlib colour map (default: %(default)s)")
    options.add_argument("--vmin", type=float, default=0.0, help="weight of the lowest colour (default: %(default)s)")
    options.add_argument("--vmax", type=float, default=1.0, help="weight of the highest colour (default: %(default)s)")
    options.add_argument("--annotate", action="store_true", help="write each weight into its cell")
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command. :returns: 0, 2 after wrong use, 1 if the picture cannot be written."""
    options = parser().parse_args(argv)
    return run_command(NAME, lambda: plot(options))


def plot(options: argparse.Namespace) -> int:
    """Do what the options of :func:`parser` say."""
    heatmap.check_ending(options.output)
    if options.all:
        return plot_all(options)
    record = select(read_records(options.attention), options.id, options.rank, options.attention)
    with glyph_warnings_printed():
        heatmap.save(draw(record, options), options.output)
    for line in (*sentence_lines(record), str(options.output)):
        print(printable(line))
    return 0


def plot_all(options: argparse.Namespace) -> int:
    """Draw every sentence's hypothesis of the wanted rank on a page of its own, reading one after the other."""
    records = tqdm(iterate_records(options.attention), unit=" records", disable=None)
    figures = (draw(record, options) for record in records if record.rank == options.rank)
    with glyph_warnings_printed():
        count = save_pages(figures, options.output)
    print(f"{count} pages\n{printable(str(options.output))}")
    return 0


def draw(record: AttentionRecord, options: argparse.Namespace) -> Figure:
    """The heatmap of a record with the title and colours of the command line."""
    return heatmap.draw(
        record.weights,
        record.source,
        record.target,
        title=default_title(record) if options.title is None else options.title,
        cmap=options.cmap,
        vmin=options.vmin,
        vmax=options.vmax,
        annotate=options.annotate,
    )


@contextmanager
def glyph_warnings_printed() -> Iterator[None]:
    """Characters without a font are told in a line each time pictures are saved."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", MissingGlyphWarning)
        yield
    for warning in caught:
        print(f"{NAME}: warning: {warning.message}", file=sys.stderr)


def select(records: Sequence[AttentionRecord], sentence: int | None, rank: int, path: Path) -> AttentionRecord:
    """Find the record of a sentence and rank; without a sentence the first of the file.

    :raises UserError: if the file does not have it, saying what it has.
    """
    if not records:
        raise UserError(f"{str(path)!r} holds no sentence: extract attention again")
    ids = sorted({record.id for record in records})
    sentence = ids[0] if sentence is None else sentence
    of_sentence = [record for record in records if record.id == sentence]
    if not of_sentence:
        raise UserError(f"no sentence {sentence} in {str(path)!r}, which has {len(ids)} from {ids[0]} to {ids[-1]}")
    for record in of_sentence:
        if record.rank == rank:
            return record
    ranks = ", ".join(str(record.rank) for record in of_sentence)
    raise UserError(f"sentence {sentence} in {str(path)!r} has no rank {rank}: give --rank as one of {ranks}")


def default_title(record: AttentionRecord) -> str:
    """Attention, sentence 3; the rank is named if it is not the best."""
    return f"Attention, sentence {record.id}" + (f", rank {record.rank}" if record.rank else "")


def sentence_lines(record: AttentionRecord) -> list[str]:
    """Source, reference and hypothesis one under the other, without the end symbol."""
    rows = [("SRC", record.source), ("TRG", record.reference), ("PRED", record.target)]
    return [
        f"{name:<4} {' '.join(heatmap.label(token) for token in tokens if token != END)}"
        for name, tokens in rows
        if tokens is not None
    ]


def printable(line: str) -> str:
    """The line with escapes for what the terminal's encoding cannot show."""
    encoding = sys.stdout.encoding or "utf-8"
    return line.encode(encoding, "backslashreplace").decode(encoding)


if __name__ == "__main__":
    sys.exit(main())
