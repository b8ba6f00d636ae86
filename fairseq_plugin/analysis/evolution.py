"""One sentence over a training: the checkpoints of a folder in their order, and the attention of each.

Each checkpoint reads the sentence and its reference (teacher forcing). So all have the same rows, whatever the model
would have written by then.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from fairseq import checkpoint_utils

from data_gen.errors import UserError
from fairseq_plugin.analysis.extraction import extract_forced, generation_config, load
from fairseq_plugin.analysis.records import AttentionRecord

Item = TypeVar("Item")
# As fairseq-train names what it saves after an epoch, and after a number of updates within one.
CHECKPOINT = re.compile(r"checkpoint(?:(?P<whole>\d+)|_(?P<epoch>\d+)_(?P<updates>\d+))\.pt")


class Stage(NamedTuple):
    """What a training had come to at a checkpoint."""

    epoch: int
    updates: int
    record: AttentionRecord


def checkpoints_in(folder: Path) -> list[Path]:
    """The checkpoints of epochs and of updates in a folder of fairseq-train, in the order in which they were saved.

    ``checkpoint_best.pt`` and ``checkpoint_last.pt`` are copies of some of them, or are nowhere in the order.

    :raises UserError: if there is none.
    """
    if not folder.is_dir():
        raise UserError(f"no folder {str(folder)!r}: give the --save-dir of a training")
    # The checkpoint of an epoch is saved after those of updates within it.
    order = {
        path: (int(name["whole"] or name["epoch"]), name["whole"] is not None, int(name["updates"] or 0))
        for path in folder.iterdir()
        if (name := CHECKPOINT.fullmatch(path.name))
    }
    if not order:
        raise UserError(
            f"no checkpoint of an epoch or an update in {str(folder)!r}: train without --no-epoch-checkpoints, or with"
            " --save-interval-updates"
        )
    return sorted(order, key=order.__getitem__)


def evenly(items: Sequence[Item], most: int) -> list[Item]:
    """At most ``most`` of the items, evenly spaced, the first and the last among them.

    :raises UserError: if ``most`` is below 2.
    """
    if most < 2:
        raise UserError(f"at least 2 checkpoints show a change, but {most} is given: take --panels 2 or more")
    if len(items) <= most:
        return list(items)
    return [items[round(number * (len(items) - 1) / (most - 1))] for number in range(most)]


def stages(paths: Sequence[Path], arguments: Sequence[str], sentence: int) -> Iterator[Stage]:
    """Load one checkpoint after the other and let it read a sentence and its reference.

    :param arguments: as on the command line of fairseq-generate, without ``--path``.
    :param sentence: its position in the split.
    :raises UserError: as :func:`load` and :func:`extract_forced`.
    """
    for path in paths:
        cfg = generation_config([*arguments, "--score-reference", "--path", str(path)])
        record = extract_forced(load(cfg), cfg, sentence)
        history = checkpoint_utils.load_checkpoint_to_cpu(str(path))["optimizer_history"]
        name = CHECKPOINT.fullmatch(path.name)
        assert name
        yield Stage(int(name["whole"] or name["epoch"]), history[-1]["num_updates"], record)
