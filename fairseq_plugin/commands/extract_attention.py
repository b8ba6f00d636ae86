"""Decode a dataset and write the attention of every hypothesis to a file.

    python scripts/extract_attention.py DATA --path checkpoint_best.pt --output attention.npz
    python scripts/extract_attention.py DATA --path checkpoint_best.pt --output mine.npz --text "b a d" --text "c a b"

The command takes the options of fairseq-generate as well (--task, --lenpen, --max-tokens, ...). An option without
effect is refused. Memory does not grow with the corpus: hypotheses wait in temporary files beside the output. If each
reference repeats its source, as in the copy task, the last line tells how many tokens the model read off their own
position.
"""

import argparse
import functools
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from data_gen.errors import ArgumentParser, UserError, run_command
from data_gen.files import require_not_read, require_place
from fairseq_plugin.analysis import sentences
from fairseq_plugin.analysis.extraction import Loaded, decoded, generation_config, load, sentences_of, skipped
from fairseq_plugin.analysis.formats import FORMATS, format_of, write_records
from fairseq_plugin.analysis.measures import diagonal_hits
from fairseq_plugin.analysis.merging import check_scheme, merge, scheme_of
from fairseq_plugin.analysis.records import END, AttentionRecord
from fairseq_plugin.commands import HYPOTHESES, counted, program_name, typed
from fairseq_plugin.program import memory_shortage

NAME = program_name("extract_attention")
BEAM = 5  # fairseq's own default
SPLIT = "test"


def parser() -> argparse.ArgumentParser:
    """Options of the command."""
    options = ArgumentParser(
        prog=typed(NAME),
        description="Decode a dataset and write the attention of every hypothesis to a file.",
        epilog="The command also takes the options of fairseq-generate (fairseq-generate --help).",
    )
    options.add_argument("data", help="dataset folder")
    options.add_argument("--path", required=True, help="checkpoint; several with ':' between them make an ensemble")
    options.add_argument(
        "--output",
        required=True,
        type=Path,
        nargs="+",
        help=f"files to write; the ending chooses the format: {', '.join('.' + name for name in FORMATS)}",
    )
    options.add_argument("--format", help="one format for all files, in place of their endings: npz, jsonl, ...")
    options.add_argument(
        "--merge",
        default="none",
        help="join subwords to words: sentencepiece, bpe or none (default: %(default)s)",
    )
    options.add_argument("--gen-subset", metavar="SPLIT", help=f"split to decode (default: {SPLIT})")
    options.add_argument("--batch-size", type=int, default=128, help="sentences in a batch (default: %(default)s)")
    search = options.add_mutually_exclusive_group()
    search.add_argument("--beam", type=int, help=f"beam size (default: {BEAM})")
    search.add_argument("--greedy", dest="beam", action="store_const", const=1, help="the same as --beam 1")
    options.add_argument(
        "--nbest", type=int, default=1, help="hypotheses to keep for each sentence (default: %(default)s)"
    )
    options.add_argument(
        "--forced", action="store_true", help="attention over the reference (teacher forcing) instead of decoding"
    )
    sentences.add_options(options)
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command. :returns: 0, 2 after wrong use, 1 if sentences are missing or a file cannot be written."""
    return run_command(NAME, lambda: extract_to_files(*parser().parse_known_args(argv)))


def extract_to_files(options: argparse.Namespace, fairseq_arguments: Sequence[str]) -> int:
    """Do what the options say; ``fairseq_arguments`` go to fairseq as they are."""
    read = files_read(options)
    for number, path in enumerate(options.output):
        if path in options.output[:number]:
            raise UserError(f"--output names {str(path)!r} twice: name each file once")
        if format_of(path, options.format).best_only and options.nbest > 1:
            raise UserError(
                f"--nbest {options.nbest}: {str(path)!r} has one line a sentence: write .jsonl, or --nbest 1"
            )
        require_place(path)
        require_not_read("--output", path, read)
        warn_of_ending(path, options.format)
    check_scheme(options.merge)
    beam = BEAM if options.beam is None else options.beam
    for name, value in (("--beam", beam), ("--batch-size", options.batch_size)):
        if value < 1:
            raise UserError(f"{name} must be at least 1, but is {value}")
    if not 1 <= options.nbest <= beam:
        raise UserError(f"--nbest must be from 1 to --beam {beam}, but is {options.nbest}")
    if options.forced and options.nbest > 1:
        raise UserError(f"--nbest {options.nbest} with --forced: a sentence has one reference; leave --nbest out")
    if options.forced and options.beam is not None:
        raise UserError(f"--beam {beam} with --forced: a reference is not searched for; leave it out")
    own = sentences.given(options)
    if own is not None and options.forced:
        raise UserError("--forced needs references, which --text and --input do not have: leave one of them out")
    if own is not None and options.gen_subset is not None:
        raise UserError(f"--gen-subset {options.gen_subset} with --text or --input: leave one of them out")
    cfg = fairseq_config(options, fairseq_arguments)
    loaded = load(cfg, None if own is None else sentences.dataset_of(own, options.path))
    scheme = scheme_of(options.merge, *sentences_of(loaded), few=own is not None)
    check_lines(options, loaded, cfg)
    typed = None if own is None else sentences.as_typed(own, options.path, loaded.task)
    diagonal = Diagonal()

    def change(record: AttentionRecord) -> AttentionRecord:
        return diagonal.counted(merge(record if typed is None else typed(record), scheme))

    progress = functools.partial(bar, cfg=cfg, name="extract", unit="batch")
    decoding = decoded(loaded, cfg, folder=options.output[0].parent, progress=progress, change=change)
    with memory_shortage(), decoding as records:
        for path in options.output:
            written = functools.partial(bar, cfg=cfg, name=path.name, unit="hypothesis")
            write_records(records.watched(written), path, options.format)
        print(f"{counted(len(records), *HYPOTHESES)} written to {', '.join(map(str, options.output))}")
    if line := diagonal.line():
        print(line)
    return 0


def files_read(options: argparse.Namespace) -> list[Path]:
    """Checkpoints, files of the dataset, and the file of sentences."""
    folders = map(Path, options.data.split(":"))
    of_dataset = [path for folder in folders for ending in ("bin", "idx", "txt") for path in folder.glob(f"*.{ending}")]
    sentences_in = [] if options.input is None else [Path(options.input)]
    return [*map(Path, options.path.split(":")), *of_dataset, *sentences_in]


def check_lines(options: argparse.Namespace, loaded: Loaded, cfg: Any) -> None:
    """Check that no sentence is left out where a file has a line for each.

    :raises UserError: naming the file.
    """
    for path in options.output:
        if format_of(path, options.format).best_only and (left_out := skipped(loaded, cfg)).size:
            raise UserError(
                f"{left_out.size} sentences are skipped as too long, but {str(path)!r} has one line a sentence: write "
                ".jsonl, or raise the limits"
            )


def warn_of_ending(path: Path, name: str | None) -> None:
    """Print a line where the format of a file is not that of its ending: the other scripts go by the ending."""
    ending = path.suffix.lower().removeprefix(".")
    if name is not None and ending in FORMATS and ending != name:
        print(
            f"{NAME}: warning: {str(path)!r} will hold {name}, not {ending}: the other scripts could not read it",
            file=sys.stderr,
        )


def fairseq_config(options: argparse.Namespace, fairseq_arguments: Sequence[str]) -> Any:
    """fairseq's configuration of a generation run with these options."""
    search = ["--nbest", str(options.nbest), *([] if options.beam is None else ["--beam", str(options.beam)])]
    split, size = options.gen_subset or SPLIT, str(options.batch_size)
    return generation_config(
        [
            options.data,
            *("--path", options.path, "--gen-subset", split, "--batch-size", size),
            *(["--score-reference"] if options.forced else search),
            *fairseq_arguments,
        ]
    )


def bar(items: Iterable[Any], cfg: Any, name: str, unit: str) -> Iterable[Any]:
    """A progress bar over the items on a terminal, unless ``--no-progress-bar`` is given; nothing otherwise."""
    return tqdm(items, desc=name, unit=unit, disable=cfg.common.no_progress_bar or None)


class Diagonal:
    """How many tokens of the best hypotheses were read off their own position, where the task is to copy."""

    def __init__(self) -> None:
        self.hits = self.tokens = 0
        self.copies = True

    def counted(self, record: AttentionRecord) -> AttentionRecord:
        """Count a record, and hand it back."""
        self.copies = self.copies and repeats_source(record)
        if self.copies and record.rank == 0:
            hits, tokens = diagonal_hits(record)
            self.hits += hits
            self.tokens += tokens
        return record

    def line(self) -> str | None:
        """What was counted; None if some reference was not its source, so that the diagonal means nothing."""
        if not self.copies or not self.tokens:
            return None
        return f"attention on the diagonal: {self.hits / self.tokens:.4f} of {self.tokens} tokens without {END}"


def repeats_source(record: AttentionRecord) -> bool:
    """Whether the reference is the source, whichever of them shows its end."""
    if record.reference is None:
        return False
    source, reference = (
        (*tokens, END) if tokens[-1:] != (END,) else tokens for tokens in (record.source, record.reference)
    )
    return source == reference


if __name__ == "__main__":
    sys.exit(main())
