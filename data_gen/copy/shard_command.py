"""The options of ``python -m data_gen copy`` that divide a dataset, and what is said about them."""

import argparse

from data_gen.copy.manifest import describe_overlaps
from data_gen.copy.shards import Shards, make_copy_shards
from data_gen.copy.spec import CopySpec
from data_gen.errors import UserError
from data_gen.progress import Progress


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
