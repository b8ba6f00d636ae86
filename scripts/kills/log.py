"""What the log of fairseq-train tells, written with ``--log-format json --log-interval 1``: phases, and figures."""

import json
import re
from collections.abc import Iterable
from typing import Any, Final

START, UPDATE, VALIDATION, CHECKPOINT = PHASES = ("start-up", "update", "validation", "checkpoint")

# Where a phase begins, in the order in which a training goes through them.
BEGINNINGS: Final = (
    (re.compile(r"Start iterating over samples|\| train_inner \||Saved checkpoint "), UPDATE),
    (re.compile(r'begin validation on "'), VALIDATION),
    (re.compile(r"Preparing to save checkpoint "), CHECKPOINT),
)
OF_UPDATE, EPOCH = "train_inner", "train"
FIGURES: Final = re.compile(r"\| (train_inner|train|valid) \| (\{.*\})$")
OF_THE_CLOCK: Final = re.compile(r"(?:train_|valid_)?(?:wall|train_wall|wps|ups)")
"""Entries that differ between any two runs."""

Figures = dict[tuple[str, int], dict[str, Any]]
"""(``train_inner``, ``train`` or ``valid``; number of updates) to what was logged."""


def phase_that_begins(line: str) -> str | None:
    """:returns: the phase that the training is in from this line of the log on, None if the line tells of none."""
    return next((phase for pattern, phase in BEGINNINGS if pattern.search(line)), None)


def phase_at_the_end(lines: Iterable[str]) -> str:
    """:returns: the phase in which a training was when it wrote the last line."""
    phase = START
    for line in lines:
        phase = phase_that_begins(line) or phase
    return phase


def updates_in(line: str) -> int | None:
    """:returns: the number of the update that the line is the log of."""
    found = figures_in(line)
    return found[0][1] if found is not None and found[0][0] == OF_UPDATE else None


def figures_in(line: str) -> tuple[tuple[str, int], dict[str, Any]] | None:
    """:returns: figures, but for those of the clock, and what they are of; None if there are none in this line."""
    found = FIGURES.search(line)
    if found is None:
        return None
    kind, entries = found[1], json.loads(found[2])
    prefix = "" if kind == OF_UPDATE else f"{kind}_"
    update = int(entries[f"{prefix}num_updates"])
    return (kind, update), {name: value for name, value in entries.items() if not OF_THE_CLOCK.fullmatch(name)}
