"""Pictures of sentences in attention files: one, several in a grid, two models side by side, all as pages."""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from tqdm import tqdm

from data_gen.errors import UserError, listed
from fairseq_plugin.analysis.formats import iterate_records, read_records
from fairseq_plugin.analysis.labels import visible
from fairseq_plugin.analysis.pictures import picture
from fairseq_plugin.analysis.pictures.grid import draw_grid
from fairseq_plugin.analysis.pictures.heatmap import Colours
from fairseq_plugin.analysis.pictures.pages import save_pages
from fairseq_plugin.analysis.pictures.panel import Panel, parts
from fairseq_plugin.analysis.records import AttentionRecord
from fairseq_plugin.commands.plots.printing import print_lines, sentence_lines, warnings_printed


def plot_all(options: argparse.Namespace) -> int:
    """Draw every sentence's hypothesis of the wanted rank on pages of its own, reading one after the other."""
    records = tqdm(iterate_records(options.attention), unit=" records", disable=None)
    empty: list[int] = []

    def pieces() -> Iterator[Panel]:
        for record in records:
            if record.rank == options.rank and not record.weights.size:
                empty.append(record.id)
            elif record.rank == options.rank:
                yield from parts(panel_of(record, options.attention, options))

    with warnings_printed():
        count = save_pages((draw_grid([piece], colours=colours_of(options)) for piece in pieces()), options.output)
    left_out = [f"{len(empty)} sentences have no weight to draw, such as sentence {empty[0]}"] if empty else []
    print_lines([f"{count} pages", *left_out, str(options.output)])
    return 0


def plot_chosen(options: argparse.Namespace) -> int:
    """Draw chosen sentences in one picture, for each file beside one another; a long one alone as pages of a PDF."""
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
        panels += [panel_of(record, path, options) for record, path in zip(found, paths, strict=True)]
        lines += sentence_lines(found[0])
        if options.compare is not None:
            lines.append(sentence_lines(found[1])[-1])
    columns = options.columns if options.columns is not None or options.compare is None else 2
    pieces = parts(panels[0]) if len(panels) == 1 and picture.check_ending(options.output) == ".pdf" else []
    with warnings_printed():
        if len(pieces) > 1:
            save_pages((draw_grid([piece], colours=colours_of(options)) for piece in pieces), options.output)
            lines.append(f"{len(pieces)} pages")
        else:
            picture.save(draw_grid(panels, columns=columns, colours=colours_of(options)), options.output)
    print_lines([*lines, str(options.output)])
    return 0


def panel_of(record: AttentionRecord, path: Path, options: argparse.Namespace) -> Panel:
    """What a heatmap shows of a record from the file ``path``; what tells it from others stands in the title."""
    if options.compare is not None:
        name = str(path) if options.attention.name == options.compare.name else path.name
        title = f"{visible(name)}, sentence {record.id}"
    elif options.title is None:
        title = f"Attention, sentence {record.id}" + (f", rank {record.rank}" if record.rank else "")
    else:
        title = options.title if options.ids is None else f"{options.title}, sentence {record.id}"
    return Panel(record.weights, record.source, record.target, title)


def colours_of(options: argparse.Namespace) -> Colours:
    """The colours of the command line."""
    return Colours(options.cmap, options.vmin, options.vmax, options.annotate)


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
    ranks = listed([record.rank for record in of_sentence])
    raise UserError(f"sentence {sentence} in {str(path)!r} has no rank {rank}: it has {ranks}")
