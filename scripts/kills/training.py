"""A fairseq-train whose log is followed line by line, to its end or to the moment at which it is killed.

One training from start to end, and the same one killed again and again.
"""

import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Final

from scripts.common import failure, started
from scripts.kills.comparison import (
    CHECKPOINT,
    PHASES,
    START,
    Compared,
    compare_checkpoints,
    compare_logs,
    phase_at_the_end,
    phase_that_begins,
    updates_in,
)

POLL, LONGEST_POLL = 0.0002, 1.0  # seconds between two looks for a file, and until it is given up


@dataclass(frozen=True)
class Moment:
    """When to kill: so long after a phase has begun for the first time from an update on.

    :param update: as the log counts them.
    :param delay: seconds.
    :param file: kill as soon as this training has made such a file instead; ``*`` stands for anything.
    """

    phase: str
    update: int
    delay: float
    file: Path | None = None


def logged(process: "subprocess.Popen[str]", log: Path) -> Iterator[str]:
    """Lines as a process writes them, without their ends. One that was cut off by a kill is left out.

    :param log: is continued with all of them.
    """
    assert process.stdout is not None
    with log.open("a", encoding="utf-8") as stream:
        for line in process.stdout:
            stream.write(line)
            if line.endswith("\n"):
                yield line.rstrip("\n")


def follow(words: Sequence[str], log: Path) -> tuple[list[str], dict[str, float]]:
    """Train without a kill. :returns: the lines of its log, and how many seconds a phase usually took.

    :raises UserError: the training fails.
    """
    lines, phase, began = [], START, time.perf_counter()
    took: dict[str, list[float]] = {each: [] for each in PHASES}
    with started(words, threads=1) as process:
        for line in logged(process, log):
            lines.append(line)
            if (next_phase := phase_that_begins(line)) is not None:
                now = time.perf_counter()
                took[phase].append(now - began)
                phase, began = next_phase, now
        require_success(process.wait(), log)
    return lines, {each: median(seconds) for each, seconds in took.items() if seconds}


def follow_until(moment: Moment, words: Sequence[str], log: Path) -> tuple[list[str], bool]:
    """Train and send SIGKILL at a moment. :returns: the lines of its log, and whether it was killed before its end.

    :raises UserError: the training fails by itself.
    """
    lines, update, armed = [], 0, True
    began = time.time()
    with started(words, threads=1) as process:
        if moment.phase == START:
            _kill(process, moment, began)
            armed = False
        for line in logged(process, log):
            lines.append(line)
            update = max(update, updates_in(line) or 0)
            if armed and update >= moment.update and phase_that_begins(line) == moment.phase:
                _kill(process, moment, began)
                armed = False
        code = process.wait()
    if code == -signal.SIGKILL and not armed:
        return lines, True
    require_success(code, log)
    return lines, False


def _kill(process: "subprocess.Popen[str]", moment: Moment, began: float) -> None:
    if moment.file is None:
        time.sleep(moment.delay)
    else:
        give_up = time.monotonic() + LONGEST_POLL
        while time.monotonic() < give_up and not exists_since(began, moment.file):
            time.sleep(POLL)
    process.kill()


def exists_since(began: float, file: Path) -> bool:
    """:returns: whether there is such a file (``*`` stands for anything) that was changed since a time in seconds."""
    for path in file.parent.glob(file.name):
        with suppress(FileNotFoundError):  # it has got its final name meanwhile
            if path.stat().st_mtime >= began:
                return True
    return False


def require_success(code: int, log: Path) -> None:
    """:raises UserError: the exit code is not 0."""
    if code:
        raise failure("fairseq-train", code, log)


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
