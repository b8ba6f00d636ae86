"""``python -m data_gen copy DESTDIR``: its options, and what it says when it is done."""

import argparse
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

from data_gen.copy.choice import usage
from data_gen.copy.dataset import PASSES, make_copy_dataset
from data_gen.copy.manifest import CopyManifest, describe_overlaps
from data_gen.copy.online_command import make_online
from data_gen.copy.presets import DEFAULT, PRESETS, find_preset
from data_gen.copy.shard_command import add_shard_options, make_shards, shards_summary
from data_gen.copy.spec import LENGTHS, SYMBOLS, TRANSFORMS, CopySpec
from data_gen.errors import UserError
from data_gen.progress import progress_on_stderr

NO_LENGTHS: Final = "none"
"""What ``--test-lengths`` is without any."""


class _Given(argparse.Action):
    """Stores a value and remembers that it was given, so that a preset's value gives way to it and to no default."""

    def __call__(self, parser: object, namespace: argparse.Namespace, values: object, option: object = None) -> None:
        value = True if self.nargs == 0 else values
        setattr(namespace, self.dest, value)
        namespace.given = {**namespace.given, self.dest: value}


def add_parser(routes: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the route ``copy`` to the command line."""
    copy = routes.add_parser(
        "copy",
        help="random sequences to copy, reverse, sort, ...",
        description="Make a task of the copy family: random sequences, and for each what a model has to make of it.",
        allow_abbrev=False,
    )
    copy.add_argument("destdir", metavar="DESTDIR", help="the folder to make")
    copy.add_argument(
        "--preset",
        metavar="NAME",
        default=DEFAULT,
        help=f"a known benchmark, {', '.join(PRESETS)}: its values replace the defaults below ({DEFAULT})",
    )
    _add_numbers(copy)
    _add_words(copy)
    copy.add_argument("--unique", action=_Given, nargs=0, default=False, help="no symbol twice in a sequence")
    copy.add_argument(
        "--no-overlap", action=_Given, nargs=0, default=False, help="no sequence of valid or test occurs in train"
    )
    copy.add_argument(
        "--test-lengths",
        action=_Given,
        metavar="N,N,...",
        default=NO_LENGTHS,
        help=f"more test sets, test1, test2, ..., each of sequences of one length ({NO_LENGTHS})",
    )
    copy.add_argument("--overwrite", action="store_true", help="replace the dataset in DESTDIR")
    copy.add_argument("--text", action="store_true", help="also write the sequences as lines of text")
    copy.add_argument(
        "--online", action="store_true", help="no sequences, only what fairseq-train --online makes them from"
    )
    add_shard_options(copy)
    copy.set_defaults(run=_run, given={})


def _add_numbers(copy: argparse.ArgumentParser) -> None:
    for option, meaning in (
        ("num-symbols", "different symbols: a to z, then s0, s1, ..."),
        ("min-len", "symbols in the shortest sequence"),
        ("max-len", "symbols in the longest sequence"),
        ("train", "sequences to train on"),
        ("valid", "sequences to validate on"),
        ("test", "sequences to test on, in each test set"),
        ("seed", "same seed and options, same bytes"),
    ):
        default = getattr(PRESETS[DEFAULT], option.replace("-", "_"))
        help_line = f"{meaning} ({default})"
        copy.add_argument(f"--{option}", action=_Given, type=int, metavar="N", default=default, help=help_line)


def _add_words(copy: argparse.ArgumentParser) -> None:
    for option, words, meaning in (
        ("transform", TRANSFORMS, "what the target is"),
        ("lengths", LENGTHS, "how lengths are drawn: fixed: all of --max-len; zipf: short ones most often"),
        ("symbols", SYMBOLS, "how symbols are drawn; zipf: a most often"),
    ):
        default = getattr(PRESETS[DEFAULT], option)
        help_line = f"{meaning}; {', '.join(usage(words))} ({default})"
        copy.add_argument(f"--{option}", action=_Given, metavar="WORD", default=default, help=help_line)


def specification(arguments: argparse.Namespace) -> CopySpec:
    """:raises UserError: if a value is none that the option takes."""
    given = dict(arguments.given)
    if "test_lengths" in given:
        given["test_lengths"] = _read_lengths(given["test_lengths"])
    return replace(find_preset(arguments.preset), **given)


def _read_lengths(listed: str) -> tuple[int, ...]:
    if listed == NO_LENGTHS:
        return ()
    if not re.fullmatch("[0-9]{1,9}(,[0-9]{1,9})*", listed, flags=re.ASCII):
        raise UserError(
            f"--test-lengths must be whole numbers with commas between, such as 8,10,15, or {NO_LENGTHS}, "
            f"but is {listed!r}"
        )
    return tuple(int(length) for length in listed.split(","))


def _run(arguments: argparse.Namespace) -> int:
    spec = specification(arguments)
    if arguments.online:
        print(make_online(spec, arguments))
        return 0
    with progress_on_stderr(PASSES * spec.all_sequences, "sequences") as progress:
        shards = make_shards(spec, arguments, progress)
        manifest = (
            shards.manifests[0]
            if shards
            else make_copy_dataset(
                spec, arguments.destdir, overwrite=arguments.overwrite, text=arguments.text, progress=progress
            )
        )
    if warning := _unknown_warning(manifest):
        print(f"data_gen: warning: {warning}", file=sys.stderr)
    print(shards_summary(arguments.destdir, shards) if shards else _summary(arguments.destdir, manifest))
    return 0


def _unknown_warning(manifest: CopyManifest) -> str:
    """The line about symbols that train lacks, or nothing."""
    lacking = []
    for name, split in manifest.splits.items():
        sides = [(split.unknown_tokens, split.tokens, "")]
        if split.unknown_target_tokens * split.tokens != split.unknown_tokens * split.target_tokens:
            sides = [
                (split.unknown_tokens, split.tokens, "source "),
                (split.unknown_target_tokens, split.target_tokens, "target "),
            ]
        lacking += [f"{unknown} of {tokens} {name} {side}tokens" for unknown, tokens, side in sides if unknown]
    if not lacking:
        return ""
    *others, last = lacking
    listed = f"{', '.join(others)} and {last}" if others else last
    return f"{listed} do not occur in train and are <unk>; a larger --train or fewer --num-symbols helps"


def _summary(destdir: str, manifest: CopyManifest) -> str:
    sequences = ", ".join(f"{summary.sequences} {split}" for split, summary in manifest.splits.items())
    size = sum(path.stat().st_size for path in Path(destdir).iterdir())
    return (
        f"wrote {destdir!r}: {sequences} sequences, dictionary of {manifest.dictionary_size}, {size} bytes; "
        f"also in train: {describe_overlaps(manifest)} sequences"
    )
