"""One training from start to end, and the same one killed again and again."""

import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from scripts.kills.comparison import Compared, compare_checkpoints, compare_logs
from scripts.kills.log import CHECKPOINT, PHASES, phase_at_the_end, updates_in
from scripts.kills.training import Moment, exists_since, follow, follow_until

HALF_WRITTEN: Final = ("*.tmp", "checkpoint_best.pt.*.tmp", "checkpoint_last.pt.*.tmp")
"""A write of a checkpoint takes a few milliseconds: to meet one, a kill waits for one of these to appear."""


@dataclass
class Outcome:
    """What became of the training that was killed.

    :param kills: by the phase in which its log says that it was.
    :param half_written: of the kills in a checkpoint, those that left a file half-written.
    :param starts: how often the command was started.
    :param updates: of the whole training.
    :param repeated: updates that were done again.
    :param compared: with the training that was not killed.
    """

    kills: Counter[str] = field(default_factory=Counter)
    half_written: int = 0
    starts: int = 0
    updates: int = 0
    repeated: int = 0
    compared: dict[str, Compared] = field(default_factory=dict)

    @property
    def different(self) -> list[str]:
        """What differs, in words."""
        return [f"{what}: {name}" for what, compared in self.compared.items() for name in compared.different]


def kill_and_compare(words: Sequence[str], folder: Path, kills: int, seed: int) -> Outcome:
    """Train twice with the same command.

    :param words: module and arguments of fairseq-train, without ``--save-dir``.
    :param folder: an empty one, for checkpoints and logs.
    :param kills: of the second training, each in the phase that has had the fewest.
    :param seed: of the moments.
    :raises UserError: a training fails by itself.
    """
    whole, killed = folder / "whole", folder / "killed"
    lines, seconds = follow([*words, "--save-dir", str(whole)], folder / "whole.log")
    outcome = Outcome(updates=max((updates_in(line) or 0 for line in lines), default=0))
    other = kill_repeatedly([*words, "--save-dir", str(killed)], killed, kills, seed, seconds, outcome)
    done = [update for update in map(updates_in, other) if update is not None]
    outcome.repeated = len(done) - len(set(done))
    outcome.compared = compare_checkpoints(whole / "checkpoint_last.pt", killed / "checkpoint_last.pt")
    best = compare_checkpoints(whole / "checkpoint_best.pt", killed / "checkpoint_best.pt")
    outcome.compared["parameters of the best"] = best["parameters"]
    outcome.compared["log"] = compare_logs(lines, other)
    names = [sorted(path.name for path in place.iterdir()) for place in (whole, killed)]
    outcome.compared["files"] = Compared(len(names[0]), sorted(set(names[0]) ^ set(names[1])))
    return outcome


def kill_repeatedly(
    words: Sequence[str], place: Path, kills: int, seed: int, seconds: dict[str, float], outcome: Outcome
) -> list[str]:
    """Start the command until it ends by itself, and count in ``outcome`` what was done to it.

    :param place: its ``--save-dir``.
    :param seconds: how long a phase takes.
    :returns: the lines of its logs, one after the other.
    """
    chance = random.Random(seed)
    updates = sorted(chance.randrange(outcome.updates) for _ in range(kills))
    lines: list[str] = []
    for update in updates:
        phase = min(PHASES, key=lambda each: (outcome.kills[each], chance.random()))
        half_written = place / chance.choice(HALF_WRITTEN) if phase == CHECKPOINT else None
        moment = Moment(phase, update, chance.uniform(0, seconds[phase]), half_written)
        began = time.time()
        said, killed = follow_until(moment, words, place.with_suffix(".log"))
        lines += said
        outcome.starts += 1
        if not killed:
            return lines
        hit = phase_at_the_end(said)
        outcome.kills[hit] += 1
        outcome.half_written += hit == CHECKPOINT and exists_since(began, place / HALF_WRITTEN[0])
    said, _ = follow(words, place.with_suffix(".log"))
    outcome.starts += 1
    return lines + said
