"""Decode a dataset and write the attention of every hypothesis to a file.

    python scripts/extract_attention.py DATA --path checkpoint_best.pt --output attention.npz

Every option of fairseq-generate is understood as well (--task, --lenpen, --max-tokens, ...). The last line tells how
many letters were read off their own position.
"""

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

if not __package__:  # run as a file, from any folder: the packages are in the folder above
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tqdm import tqdm

from data_gen.errors import UserError, run_command
from fairseq_plugin.analysis.extraction import extract, generation_config, load
from fairseq_plugin.analysis.formats import FORMATS, format_of, write_records
from fairseq_plugin.analysis.merging import check_scheme, merge
from fairseq_plugin.analysis.records import AttentionRecord, diagonal_hits

NAME = "extract_attention.py"


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(
        prog=NAME,
        description="Decode a dataset and write the attention of every hypothesis to a file.",
        epilog="Every option of fairseq-generate is understood as well.",
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
    options.add_argument("--format", help="format of all the files, whatever their endings: npz, jsonl, ...")
    options.add_argument(
        "--merge",
        default="none",
        help="subwords put together to words: sentencepiece, bpe or none (default: %(default)s)",
    )
    options.add_argument("--gen-subset", default="test", help="split to decode (default: %(default)s)")
    options.add_argument("--batch-size", type=int, default=128, help="sentences a batch (default: %(default)s)")
    options.add_argument("--beam", type=int, default=5, help="beam size (default: %(default)s)")
    options.add_argument("--nbest", type=int, default=1, help="hypotheses to keep a sentence (default: %(default)s)")
    options.add_argument(
        "--forced", action="store_true", help="attention over the reference (teacher forcing) instead of decoding"
    )
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command. :returns: 0, 2 after wrong use, 1 if sentences are missing or a file cannot be written."""
    options, fairseq_arguments = parser().parse_known_args(argv)
    return run_command(NAME, lambda: extract_to_files(options, fairseq_arguments))


def extract_to_files(options: argparse.Namespace, fairseq_arguments: Sequence[str]) -> int:
    """Do what the options say; ``fairseq_arguments`` go to fairseq as they are."""
    for path in options.output:
        if format_of(path, options.format).best_only and options.nbest > 1:
            raise UserError(
                f"--nbest {options.nbest}: {str(path)!r} has one line a sentence: write .jsonl, or --nbest 1"
            )
    check_scheme(options.merge)
    if not 1 <= options.nbest <= options.beam:
        raise UserError(f"--nbest must be from 1 to --beam {options.beam}, but is {options.nbest}")
    cfg = fairseq_config(options, fairseq_arguments)
    records = [merge(record, options.merge) for record in extract(load(cfg), cfg, progress=show_progress)]
    for path in options.output:
        write_records(records, path, options.format)
    print(f"{len(records)} hypotheses written to {', '.join(map(str, options.output))}")
    print(diagonal_line(records))
    return 0


def fairseq_config(options: argparse.Namespace, fairseq_arguments: Sequence[str]) -> Any:
    """fairseq's configuration of a generation run with these options."""
    return generation_config(
        [
            options.data,
            *("--path", options.path, "--gen-subset", options.gen_subset, "--batch-size", str(options.batch_size)),
            *("--beam", str(options.beam), "--nbest", str(options.nbest)),
            *(["--score-reference"] if options.forced else []),
            *fairseq_arguments,
        ]
    )


def show_progress(batches: Iterable[Any]) -> Iterable[Any]:
    """A bar over the batches on a terminal, nothing otherwise."""
    return tqdm(batches, desc="extract", unit="batch", disable=None)


def diagonal_line(records: Iterable[AttentionRecord]) -> str:
    """How many letters of the best hypotheses were read off their own position."""
    counts = [diagonal_hits(record) for record in records if record.rank == 0]
    hits, letters = (sum(column) for column in zip(*counts, strict=True))
    share = hits / letters if letters else 0.0
    return f"attention on the diagonal: {share:.4f} of {letters} letters"


if __name__ == "__main__":
    sys.exit(main())
