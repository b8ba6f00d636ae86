"""Draw the attention of one sentence as a heatmap and print the sentence; of several side by side; of all as a PDF.

    python scripts/plot_attention.py attention.npz --output heatmap.png --id 3
    python scripts/plot_attention.py attention.npz --output grid.png --ids 0,3,7,9
    python scripts/plot_attention.py attention.npz --output models.png --id 3 --compare other.npz
    python scripts/plot_attention.py attention.npz --output all.pdf --all
    python scripts/plot_attention.py DATA --path checkpoint_best.pt --text "b a d" --output mine.png
    python scripts/plot_attention.py DATA --evolution CHECKPOINTS --output evolution.gif --id 3

Reads what extract_attention.py writes. Prints SRC, TRG (if there is a reference) and PRED one under the other, and last
the path of the picture. With --evolution, the checkpoints of a training read one sentence of a dataset. With
--text, --input or --evolution, the command takes the options of fairseq-generate as well.
"""

import argparse
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tqdm import tqdm

from data_gen.errors import ArgumentParser, UserError, listed, run_command
from data_gen.files import require_place
from fairseq_plugin.analysis import sentences
from fairseq_plugin.analysis.evolution import Stage, checkpoints_in, evenly, stages
from fairseq_plugin.analysis.extraction import extract, generation_config, load, sentences_of
from fairseq_plugin.analysis.formats import iterate_records, read_records
from fairseq_plugin.analysis.labels import label, visible
from fairseq_plugin.analysis.merging import check_scheme, merge, scheme_of
from fairseq_plugin.analysis.pictures import picture
from fairseq_plugin.analysis.pictures.fonts import MissingGlyphWarning, RightToLeftWarning
from fairseq_plugin.analysis.pictures.heatmap import Colours, draw_frames, draw_grid
from fairseq_plugin.analysis.pictures.panel import MOST_CELLS, Panel, ThinnedWarning, parts
from fairseq_plugin.analysis.records import AttentionRecord, without_end
from fairseq_plugin.commands import counted, program_name, typed

NAME = program_name("plot_attention")
OF_PICTURES = (MissingGlyphWarning, RightToLeftWarning, ThinnedWarning)


@contextmanager
def warnings_printed(program: str = NAME) -> Iterator[None]:
    """What a picture cannot show as it should is told in a line, once; other warnings are dropped."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        for category in OF_PICTURES:
            warnings.simplefilter("always", category)
        yield
    for message in dict.fromkeys(str(warning.message) for warning in caught):
        print(f"{program}: warning: {message}", file=sys.stderr)


def sentence_lines(record: AttentionRecord) -> list[str]:
    """Source, reference and hypothesis one under the other, without the end symbol."""
    rows = [("SRC", record.source), ("TRG", record.reference), ("PRED", record.target)]
    return [f"{name:<4} {' '.join(map(label, without_end(tokens)))}" for name, tokens in rows if tokens is not None]


def print_lines(lines: Iterable[str]) -> None:
    """Print lines, with escapes for what the terminal's encoding cannot show."""
    for line in lines:
        print(printable(line))


def printable(line: str) -> str:
    """The line with escapes for what the terminal's encoding cannot show."""
    encoding = sys.stdout.encoding or "utf-8"
    return line.encode(encoding, "backslashreplace").decode(encoding)


def plot_all(options: argparse.Namespace) -> int:
    """Draw every sentence's hypothesis of the wanted rank on pages of its own, reading one after the other."""
    records = tqdm(iterate_records(options.attention), unit=" records", disable=None)
    empty: list[int] = []

    def panels() -> Iterator[Panel]:
        for record in records:
            if record.rank == options.rank and not record.weights.size:
                empty.append(record.id)
            elif record.rank == options.rank:
                yield from parts(panel_of(record, options.attention, options))

    with warnings_printed():
        pages = (draw_grid([panel], colours=colours_of(options)) for panel in panels())
        count = picture.save_pages(pages, options.output)
    without = counted(len(empty), "sentence has", "sentences have")
    left_out = [f"{without} no weight to draw, such as sentence {empty[0]}"] if empty else []
    print_lines([counted(count, "page", "pages"), *left_out, str(options.output)])
    return 0


def plot_chosen(options: argparse.Namespace) -> int:
    """Draw chosen sentences in one picture, for each file beside one another; a long one alone as pages of a PDF."""
    paths = [options.attention, *([] if options.compare is None else [options.compare])]
    return plot_records(options, paths, [read_records(path) for path in paths])


def plot_own(options: argparse.Namespace, own: Sequence[str], fairseq_arguments: Sequence[str]) -> int:
    """Decode the user's own sentences, and draw them; ``fairseq_arguments`` go to fairseq as they are."""
    cfg = generation_config([str(options.attention), "--path", options.path, *fairseq_arguments])
    require_place(options.output)
    loaded = load(cfg, sentences.dataset_of(own, options.path))
    scheme = scheme_of(options.merge or "none", *sentences_of(loaded), few=True)
    typed = sentences.as_typed(own, options.path, loaded.task)
    records = [merge(typed(record), scheme) for record in extract(loaded, cfg)]
    if options.id is None and options.ids is None and len(own) > 1:
        options.ids = list(range(len(own)))
    if options.title is None and len(own) == 1 and not options.rank:
        options.title = "Attention"
    return plot_records(options, [options.attention], [records])


def plot_records(options: argparse.Namespace, paths: Sequence[Path], files: Sequence[list[AttentionRecord]]) -> int:
    """Draw the chosen sentences of each file.

    :param paths: where the records of ``files`` are from, for titles and messages.
    """
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
    pages = parts(panels[0]) if len(panels) == 1 and picture.check_ending(options.output) == ".pdf" else []
    with warnings_printed():
        if len(pages) > 1:
            picture.save_pages((draw_grid([panel], colours=colours_of(options)) for panel in pages), options.output)
            lines.append(f"{len(pages)} pages")
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
        there = f"choose one of its {len(ids)}, from {ids[0]} to {ids[-1]}"
        raise UserError(f"no sentence {sentence} in {str(path)!r}: {there}")
    for record in of_sentence:
        if record.rank == rank:
            return record
    ranks = listed([record.rank for record in of_sentence])
    raise UserError(f"sentence {sentence} in {str(path)!r} has no rank {rank}: it has {ranks}")


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
    panels = [panel_of_checkpoint(stage, options.title) for stage in read]
    with warnings_printed():
        if animated:
            picture.save_gif(draw_frames(panels, colours=colours_of(options)), options.output)
        else:
            figure = draw_grid(panels, columns=options.columns, colours=colours_of(options))
            picture.save(figure, options.output)
    share = f"{len(chosen)} of {len(found)} checkpoints, evenly chosen: --panels N draws at most N"
    drawn = share if len(chosen) < len(found) else f"{len(found)} checkpoints"
    print_lines([*sentence_lines(read[-1].record)[:2], drawn, str(options.output)])
    return 0


def panel_of_checkpoint(stage: Stage, title: str | None) -> Panel:
    """The heatmap of a checkpoint, titled by how far the training was."""
    when = f"epoch {stage.epoch}, update {stage.updates}"
    record = stage.record
    return Panel(record.weights, record.source, record.target, when if title is None else f"{title}, {when}")


def parser() -> argparse.ArgumentParser:
    """Options of the command."""
    options = ArgumentParser(
        prog=typed(NAME),
        description="Draw attention as a heatmap, of one sentence or of all.",
        epilog=f"A sentence of more than {MOST_CELLS} tokens takes several pages of a .pdf. In other formats,"
        " neighbouring tokens share a cell.",
    )
    options.add_argument(
        "attention",
        type=Path,
        help="attention file from extract_attention.py; with --text, --input or --evolution the dataset folder",
    )
    options.add_argument("--output", type=Path, required=True, help="picture to write: .png, .pdf or .svg")
    which = options.add_mutually_exclusive_group()
    which.add_argument("--all", action="store_true", help="draw all sentences, one page of a .pdf for each")
    which.add_argument("--ids", type=sentence_ids, metavar="I,J,...", help="draw several sentences in one picture")
    which.add_argument("--id", type=int, help="sentence to draw, counted from 0 in the corpus (default: first in file)")
    options.add_argument(
        "--rank", type=int, default=0, help="hypothesis to draw, 0 for the best (default: %(default)s)"
    )
    options.add_argument(
        "--compare", type=Path, metavar="FILE", help="attention file of another model: both side by side"
    )
    options.add_argument("--columns", type=int, help="heatmaps in one row (default: about a square)")
    options.add_argument("--title", help='title of the picture (default: "Attention, sentence ID")')
    options.add_argument("--cmap", default="viridis", help="matplotlib colour map (default: %(default)s)")
    options.add_argument("--vmin", type=float, default=0.0, help="weight of the lowest colour (default: %(default)s)")
    options.add_argument("--vmax", type=float, default=1.0, help="weight of the highest colour (default: %(default)s)")
    options.add_argument("--annotate", action="store_true", help="write each weight into its cell")
    own = sentences.add_options(options)
    own.add_argument("--path", metavar="CHECKPOINT", help="the checkpoint that reads your own sentences")
    own.add_argument(
        "--merge", metavar="SUBWORDS", help="join subwords to words: sentencepiece, bpe or none (default: none)"
    )
    training = options.add_argument_group("one sentence over a training (--output may be a .gif)")
    training.add_argument(
        "--evolution", type=Path, metavar="FOLDER", help="folder with checkpoints of epochs or updates"
    )
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
    own = sentences.given(options)
    if fairseq_arguments and options.evolution is None and own is None:
        command.error(f"unrecognized arguments: {' '.join(fairseq_arguments)}")
    check_own(options, given=own is not None)
    if options.evolution is not None:
        check_evolution(options)
        return plot_evolution(options, fairseq_arguments)
    for name, value in (("--gen-subset", options.gen_subset), ("--panels", options.panels)):
        if value is not None:
            raise UserError(f"{name} {value} without --evolution: it is for a sentence over a training")
    picture.check_ending(options.output)
    if own is not None:
        return plot_own(options, own, fairseq_arguments)
    if options.columns is not None and options.ids is None and options.compare is None:
        raise UserError(f"--columns {options.columns} without --ids or --compare: there is one heatmap")
    if options.all:
        if options.compare is not None:
            raise UserError("--compare draws chosen sentences: give --id or --ids in place of --all")
        return plot_all(options)
    return plot_chosen(options)


def check_own(options: argparse.Namespace, *, given: bool) -> None:
    """Check the other options beside --text and --input.

    :raises UserError: if one contradicts them, or needs them.
    """
    if options.merge is not None:
        check_scheme(options.merge)
    if not given:
        if options.evolution is None and options.attention.is_dir():
            raise UserError(
                f"{str(options.attention)!r} is a folder: give an attention file, or draw your own sentence with --path"
                " and --text"
            )
        if options.path is not None:
            raise UserError(f"--path {options.path} without --text or --input: an attention file needs no model")
        if options.merge is not None and options.evolution is None:
            raise UserError(f"--merge {options.merge} without --text or --input: give it to extract_attention.py")
        return
    for name, value in (("--evolution", options.evolution), ("--compare", options.compare), ("--all", options.all)):
        if value:
            raise UserError(f"{name} with --text or --input, which draw your own sentences: leave one of them out")
    missing = [] if options.path is not None else ["name the model that reads the sentences with --path"]
    if options.attention.is_file():
        missing.insert(0, f"give the dataset folder in place of {str(options.attention)!r}")
    if missing:
        raise UserError(f"--text and --input decode sentences with a model: {', and '.join(missing)}")


def check_evolution(options: argparse.Namespace) -> None:
    """Check the other options beside --evolution.

    :raises UserError: if one contradicts it.
    """
    contradictions = {
        "--all": options.all,
        "--ids": options.ids is not None,
        "--compare": options.compare is not None,
        "--rank": options.rank != 0,
    }
    for name, given in contradictions.items():
        if given:
            raise UserError(f"{name} with --evolution, which draws one sentence and its reference: give --id alone")
    if options.merge is not None:
        raise UserError(f"--merge {options.merge} with --evolution, which draws the tokens of the data: leave it out")
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
