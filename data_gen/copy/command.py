"""``python -m data_gen copy DESTDIR``: its options, and what it says when it is done."""

import argparse
import sys
from pathlib import Path

from tqdm import tqdm

from data_gen.copy.dataset import PASSES, make_copy_dataset
from data_gen.copy.manifest import CopyManifest
from data_gen.copy.spec import SPLITS, CopySpec


def add_parser(routes: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the route ``copy`` to the command line."""
    copy = routes.add_parser(
        "copy",
        help="random sequences to copy",
        description="Make a copy task: random sequences, each of which is its own target.",
        allow_abbrev=False,
    )
    copy.add_argument("destdir", metavar="DESTDIR", help="the folder to make")
    defaults = CopySpec()
    for option, meaning in (
        ("num-symbols", "different symbols: a to z, then s0, s1, ..."),
        ("min-len", "symbols in the shortest sequence"),
        ("max-len", "symbols in the longest sequence"),
        ("train", "sequences to train on"),
        ("valid", "sequences to validate on"),
        ("test", "sequences to test on"),
        ("seed", "same seed and options, same bytes"),
    ):
        default = getattr(defaults, option.replace("-", "_"))
        copy.add_argument(f"--{option}", type=int, metavar="N", default=default, help=f"{meaning} ({default})")
    copy.add_argument("--overwrite", action="store_true", help="replace the dataset in DESTDIR")
    copy.add_argument("--text", action="store_true", help="also write the sequences as lines of text")
    copy.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    spec = CopySpec(
        num_symbols=arguments.num_symbols,
        min_len=arguments.min_len,
        max_len=arguments.max_len,
        train=arguments.train,
        valid=arguments.valid,
        test=arguments.test,
        seed=arguments.seed,
    )
    with tqdm(
        total=PASSES * spec.all_sequences, unit=" sequences", leave=False, disable=not sys.stderr.isatty()
    ) as bar:
        manifest = make_copy_dataset(
            spec, arguments.destdir, overwrite=arguments.overwrite, text=arguments.text, progress=bar.update
        )
    if warning := _unknown_warning(manifest):
        print(f"data_gen: warning: {warning}", file=sys.stderr)
    print(_summary(arguments.destdir, manifest))
    return 0


def _unknown_warning(manifest: CopyManifest) -> str:
    """The line about symbols that train lacks, or nothing."""
    lacking = [
        f"{summary.unknown_tokens} of {summary.tokens} {split} tokens"
        for split, summary in manifest.splits.items()
        if summary.unknown_tokens
    ]
    if not lacking:
        return ""
    return f"{' and '.join(lacking)} do not occur in train and are <unk>; a larger --train or fewer --num-symbols helps"


def _summary(destdir: str, manifest: CopyManifest) -> str:
    sequences = ", ".join(f"{manifest.splits[split].sequences} {split}" for split in SPLITS)
    overlap = ", ".join(
        f"{summary.also_in_train} of {summary.sequences} {split}"
        for split, summary in manifest.splits.items()
        if summary.also_in_train is not None
    )
    size = sum(path.stat().st_size for path in Path(destdir).iterdir())
    return (
        f"wrote {destdir!r}: {sequences} sequences, dictionary of {manifest.dictionary_size}, {size} bytes; "
        f"also in train: {overlap} sequences"
    )
