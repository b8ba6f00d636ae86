"""What ``python -m data_gen copy DESTDIR --online`` does, and what is said about it."""

import argparse

from data_gen.copy.online import make_online_folder
from data_gen.copy.spec import CopySpec
from data_gen.errors import UserError


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
