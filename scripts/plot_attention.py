"""Draw the attention of one sentence as a heatmap and print the sentence; of several side by side; of all as a PDF.

    python scripts/plot_attention.py attention.npz --output heatmap.png --id 3
    python scripts/plot_attention.py attention.npz --output grid.png --ids 0,3,7,9
    python scripts/plot_attention.py attention.npz --output models.png --id 3 --compare other.npz
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
from fairseq_plugin.analysis.grid import Panel, draw_grid
from fairseq_plugin.analysis.pages import save_pages
from fairseq_plugin.analysis.records import END, AttentionRecord

NAME = "plot_attention.py"


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(prog=NAME, description="Draw attention as a heatmap, of one sentence or of all.")
    options.add_argument("attention", type=Path, help="attention file, .npz or .jsonl, from extract_attention.py")
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
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command. :returns: 0, 2 after wrong use, 1 if the picture cannot be written."""
    options = parser().parse_args(argv)
    return run_command(NAME, lambda: plot(options))


def plot(options: argparse.Namespace) -> int:
    """Do what the options of :func:`parser` say."""
    heatmap.check_ending(options.output)
    if options.columns is not None and options.ids is None and options.compare is None:
        raise UserError(f"--columns {options.columns} without --ids or --compare: there is one heatmap")
    if options.all:
        if options.compare is not None:
            raise UserError("--compare draws chosen sentences: give --id or --ids in place of --all")
        return plot_all(options)
    if options.ids is not None or options.compare is not None:
        return plot_grid(options)
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


def plot_grid(options: argparse.Namespace) -> int:
    """Draw chosen sentences in one picture, for each file beside one another."""
    paths = [options.attention, *([] if options.compare is None else [options.compare])]
    files = [read_records(path) for path in paths]
    panels, lines = [], []
    for sentence in [options.id] if options.ids is None else options.ids:
        found = [select(records, sentence, options.rank, path) for records, path in zip(files, paths, strict=True)]
        if found[0].source != found[-1].source or found[0].id != found[-1].id:
            raise UserError(
                f"sentence {found[0].id} of {str(paths[0])!r} is not sentence {found[-1].id} of {str(paths[1])!r}: "
                "compare attention of the same data, and name a sentence with --id"
            )
        panels += [
            Panel(record.weights, record.source, record.target, title_of(record, path, options))
            for record, path in zip(found, paths, strict=True)
        ]
        lines += sentence_lines(found[0])
        if options.compare is not None:
            lines.append(sentence_lines(found[1])[-1])
    columns = options.columns if options.columns is not None or options.compare is None else 2
    with glyph_warnings_printed():
        heatmap.save(draw_grid(panels, columns=columns, colours=colours_of(options)), options.output)
    for line in (*lines, str(options.output)):
        print(printable(line))
    return 0


def title_of(record: AttentionRecord, path: Path, options: argparse.Namespace) -> str:
    """The title of a heatmap of several: what tells it from the others stands in it."""
    title = default_title(record) if options.title is None else f"{options.title}, sentence {record.id}"
    if options.compare is None:
        return title
    return f"{path if options.attention.name == options.compare.name else path.name}, sentence {record.id}"


def colours_of(options: argparse.Namespace) -> heatmap.Colours:
    """The colours of the command line."""
    return heatmap.Colours(options.cmap, options.vmin, options.vmax, options.annotate)


def sentence_ids(text: str) -> list[int]:
    """Numbers of sentences, separated by commas."""
    try:
        return [int(number) for number in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} must be numbers of sentences, as in 0,3,7") from None


def draw(record: AttentionRecord, options: argparse.Namespace) -> Figure:
    """The heatmap of a record with the title and colours of the command line."""
    return heatmap.draw(
        record.weights,
        record.source,
        record.target,
        title=default_title(record) if options.title is None else options.title,
        **colours_of(options)._asdict(),
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
