"""Two trainings that should be one: every bit of their checkpoints and every figure of their logs.

Logs are those of ``--log-format json --log-interval 1``, which tell phases and figures.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

START, UPDATE, VALIDATION, CHECKPOINT = PHASES = ("start-up", "update", "validation", "checkpoint")

# Where a phase begins, in the order in which a training goes through them.
BEGINNINGS: Final = (
    (re.compile(r"Start iterating over samples|\| train_inner \||Saved checkpoint "), UPDATE),
    (re.compile(r'begin validation on "'), VALIDATION),
    (re.compile(r"Preparing to save checkpoint "), CHECKPOINT),
)
OF_UPDATE, EPOCH = "train_inner", "train"
FIGURES: Final = re.compile(r"\| (train_inner|train|valid) \| (\{.*\})$")
LOG_OF_THE_CLOCK: Final = re.compile(r"(?:train_|valid_)?(?:wall|train_wall|wps|ups)")
"""Entries that differ between any two runs."""

Figures = dict[tuple[str, int], dict[str, Any]]
"""(``train_inner``, ``train`` or ``valid``; number of updates) to what was logged."""


def phase_that_begins(line: str) -> str | None:
    """Read the phase from a line of the log.

    :returns: the phase that the training is in from this line of the log on, None if the line tells of none.
    """
    return next((phase for pattern, phase in BEGINNINGS if pattern.search(line)), None)


def phase_at_the_end(lines: Iterable[str]) -> str:
    """Read the last phase from a log. :returns: the phase in which a training was when it wrote the last line."""
    phase = START
    for line in lines:
        phase = phase_that_begins(line) or phase
    return phase


def updates_in(line: str) -> int | None:
    """Read the number of updates from a line of the log.

    :returns: the number of the update that the line is the log of.
    """
    found = figures_in(line)
    return found[0][1] if found is not None and found[0][0] == OF_UPDATE else None


def figures_in(line: str) -> tuple[tuple[str, int], dict[str, Any]] | None:
    """Read the figures from a line of the log.

    :returns: figures, but for those of the clock, and what they are of; None if there are none in this line.
    """
    found = FIGURES.search(line)
    if found is None:
        return None
    kind, entries = found[1], json.loads(found[2])
    prefix = "" if kind == OF_UPDATE else f"{kind}_"
    update = int(entries[f"{prefix}num_updates"])
    return (kind, update), {name: value for name, value in entries.items() if not LOG_OF_THE_CLOCK.fullmatch(name)}


OF_THE_CLOCK: Final = ("metrics", "previous_training_time")
"""Entries of ``extra_state`` that hold times."""


@dataclass(frozen=True)
class Compared:
    """How many things were compared, and which of them differ."""

    count: int
    different: list[str]


def compare_checkpoints(whole: Path, other: Path) -> dict[str, Compared]:
    """Parameters, state of the optimizer, and the rest: place in the data, best score.

    :param whole: a checkpoint, as ``other``.
    """
    mine, theirs = (torch.load(path, map_location="cpu", weights_only=True) for path in (whole, other))
    for state in (mine, theirs):
        for name in OF_THE_CLOCK:
            state["extra_state"].pop(name, None)
    parts = {"parameters": "model", "optimizer": "last_optimizer_state", "place": "extra_state"}
    return {name: compare_values(mine[key], theirs[key]) for name, key in parts.items()}


def compare_values(mine: Any, theirs: Any) -> Compared:
    """Compare nested dictionaries and lists, value by value, tensors to the bit."""
    flat = [dict(_values(value)) for value in (mine, theirs)]
    names = list(dict.fromkeys([*flat[0], *flat[1]]))
    return Compared(len(names), [name for name in names if not _same(*(each.get(name) for each in flat))])


def _values(value: Any, name: str = "") -> Iterable[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, entry in value.items():
            yield from _values(entry, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list | tuple) and value:
        for place, entry in enumerate(value):
            yield from _values(entry, f"{name}[{place}]")
    else:
        yield name, value


def _same(mine: Any, theirs: Any) -> bool:
    if type(mine) is not type(theirs):
        return False
    if isinstance(mine, Tensor):
        same_kind = (mine.dtype, mine.shape) == (theirs.dtype, theirs.shape)
        return same_kind and mine.numpy().tobytes() == theirs.numpy().tobytes()
    return bool(mine == theirs)


def compare_logs(whole: Iterable[str], other: Iterable[str]) -> Compared:
    """Compare what was logged of each update, validation and epoch, however often it was logged.

    Only the line of an epoch may be missing: fairseq logs it after the checkpoint, and a kill can come in between.

    :param whole: lines of a training from start to end.
    """
    expected = dict(filter(None, map(figures_in, whole)))
    seen, different = set(), []
    for found in filter(None, map(figures_in, other)):
        of_what, figures = found
        seen.add(of_what)
        if expected.get(of_what) != figures:
            different.append("{} at update {}".format(*of_what))
    for kind, update in expected.keys() - seen:
        if kind != EPOCH:
            different.append(f"{kind} at update {update}, which is missing,")
    return Compared(len(seen), sorted(set(different)))
