"""The options of ``python -m data_gen copy``, and what is printed."""

import argparse
import re
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Final

from data_gen.copy.dataset import PASSES, Shards, make_copy_dataset, make_copy_shards, make_online_folder
from data_gen.copy.manifest import CopyManifest, describe_overlaps
from data_gen.copy.spec import DEFAULT, LENGTHS, PRESETS, SYMBOLS, TRANSFORMS, CopySpec, find_preset, usage
from data_gen.errors import UserError
from data_gen.progress import Progress, progress_on_stderr

NO_LENGTHS: Final = "none"
"""What ``--test-lengths`` is without any."""

NOT_GIVEN: Final = argparse.SUPPRESS
"""The default of an option that has a value in every preset: only a value that is given replaces that of the preset."""


def add_parser(routes: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the route ``copy`` to the command line."""
    copy = routes.add_parser(
        "copy",
        help="random sequences to copy, reverse, sort, ...",
        description="Make data of a copy task: random sequences, and the target that a model must write for each.",
        allow_abbrev=False,
    )
    copy.add_argument("destdir", metavar="DESTDIR", help="the folder to make")
    copy.add_argument(
        "--preset",
        metavar="NAME",
        default=DEFAULT,
        help=f"a known benchmark; its values replace the defaults below: {', '.join(PRESETS)} ({DEFAULT})",
    )
    _add_numbers(copy)
    _add_words(copy)
    copy.add_argument("--unique", action="store_true", default=NOT_GIVEN, help="no symbol twice in a sequence")
    copy.add_argument(
        "--no-overlap", action="store_true", default=NOT_GIVEN, help="no sequence of valid or test occurs in train"
    )
    copy.add_argument(
        "--test-lengths",
        metavar="N,N,...",
        default=NOT_GIVEN,
        help=f"more test sets, test1, test2, ..., each with sequences of one length ({NO_LENGTHS})",
    )
    copy.add_argument("--overwrite", action="store_true", help="replace the dataset in DESTDIR")
    copy.add_argument("--text", action="store_true", help="also write the sequences as lines of text")
    copy.add_argument(
        "--online", action="store_true", help="write no sequences, only what fairseq-train --online needs to make them"
    )
    add_shard_options(copy)
    copy.set_defaults(run=_run)


def _add_numbers(copy: argparse.ArgumentParser) -> None:
    for option, meaning in (
        ("num-symbols", "different symbols: a to z, then s0, s1, ..."),
        ("min-len", "symbols in the shortest sequence"),
        ("max-len", "symbols in the longest sequence"),
        ("train", "sequences to train on"),
        ("valid", "sequences to validate on"),
        ("test", "sequences to test on, in each test set"),
        ("seed", "the same seed and options give the same bytes"),
    ):
        default = getattr(PRESETS[DEFAULT], option.replace("-", "_"))
        help_line = f"{meaning} ({default})"
        copy.add_argument(f"--{option}", type=int, metavar="N", default=NOT_GIVEN, help=help_line)


def _add_words(copy: argparse.ArgumentParser) -> None:
    for option, words, meaning in (
        ("transform", TRANSFORMS, "what the target is"),
        ("lengths", LENGTHS, "how lengths are drawn: fixed: all of --max-len; zipf: short ones most often"),
        ("symbols", SYMBOLS, "how symbols are drawn; zipf: a most often"),
    ):
        default = getattr(PRESETS[DEFAULT], option)
        help_line = f"{meaning}; {', '.join(usage(words))} ({default})"
        copy.add_argument(f"--{option}", metavar="WORD", default=NOT_GIVEN, help=help_line)


def specification(arguments: argparse.Namespace) -> CopySpec:
    """Build the specification that the options describe.

    :raises UserError: if a value is none that the option takes.
    """
    given = {field.name: getattr(arguments, field.name) for field in fields(CopySpec) if field.name in arguments}
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
        source_share, target_share = (
            split.unknown_tokens / split.tokens,
            split.unknown_target_tokens / split.target_tokens,
        )
        if source_share != target_share:
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


def add_shard_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--shards`` and ``--shard-id``."""
    parser.add_argument(
        "--shards", type=int, metavar="N", help="divide train into N folders, DESTDIR/shard0 and so on (none)"
    )
    parser.add_argument("--shard-id", type=int, metavar="I", help="make DESTDIR/shardI alone (none)")


def make_shards(spec: CopySpec, arguments: argparse.Namespace, progress: Progress) -> Shards | None:
    """Make shards if that is what the options of :func:`add_shard_options` say.

    :returns: None if they say nothing.
    :raises UserError: if they make no sense, or if a shard cannot be made.
    """
    if arguments.shards is None:
        if arguments.shard_id is not None:
            raise UserError(f"--shard-id {arguments.shard_id} needs --shards, which says how many shards there are")
        return None
    return make_copy_shards(
        spec,
        arguments.destdir,
        arguments.shards,
        only=arguments.shard_id,
        overwrite=arguments.overwrite,
        text=arguments.text,
        progress=progress,
    )


def shards_summary(destdir: str, shards: Shards) -> str:
    """The line that says what was done."""
    first = shards.manifests[0]
    sequences: dict[str, int] = {}
    for manifest in shards.manifests:
        for name, split in manifest.splits.items():
            sequences[name] = sequences.get(name, 0) + split.sequences
    counts = ", ".join(f"{count} {name}" for name, count in sequences.items())
    overlap = describe_overlaps(first)
    made = len(shards.manifests) - shards.kept
    return (
        f"wrote {made} and kept {shards.kept} of the {first.shard.of} shards of {destdir!r}: {counts} sequences, "
        f"dictionary of {first.dictionary_size}" + (f"; also in train: {overlap} sequences" if overlap else "")
    )


def make_online(spec: CopySpec, arguments: argparse.Namespace) -> str:
    """Make the folder that the options ask for.

    :returns: the line that says what was done.
    :raises UserError: if an option makes no sense beside ``--online``, or if the folder cannot be made.
    """
    for option, given in (
        ("--text", arguments.text),
        ("--shards", arguments.shards is not None),
        ("--shard-id", arguments.shard_id is not None),
    ):
        if given:
            raise UserError(f"--online writes no sequences, so it does not go with {option}: leave one of them out")
    manifest = make_online_folder(spec, arguments.destdir, overwrite=arguments.overwrite)
    return (
        f"wrote {arguments.destdir!r}: dictionary of {manifest.dictionary_size}, no sequences; "
        f"fairseq-train --task copy --online makes {spec.train} in each epoch"
    )
