"""A fairseq-train whose log is followed line by line, to its end or to the moment at which it is killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from data_gen.errors import FAILURE, UserError
from scripts.benchmark.commands import ROOT
from scripts.kills.log import PHASES, START, phase_that_begins, updates_in

POLL, LONGEST_POLL = 0.0002, 1.0  # seconds between two looks for a file, and until it is given up


@dataclass(frozen=True)
class Moment:
    """When to kill: so long after a phase has begun for the first time from an update on.

    :param update: as the log counts them.
    :param delay: seconds.
    :param file: kill as soon as there is such a file instead; ``*`` stands for anything.
    """

    phase: str
    update: int
    delay: float
    file: Path | None = None


class Training:
    """``python -m`` in the repository, with all it says appended to a log; killed on leaving, if it still runs.

    :param words: module and arguments.
    """

    def __init__(self, words: Sequence[str], log: Path) -> None:
        self._stream = log.open("a", encoding="utf-8")
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", *words],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",  # a kill may cut a character in two
        )

    def __enter__(self) -> "Training":
        return self

    def __exit__(self, *exception: object) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
        self._stream.close()

    def __iter__(self) -> Iterator[str]:
        """Lines as they are written, without their ends; one that was cut off by a kill is left out."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._stream.write(line)
            if line.endswith("\n"):
                yield line.rstrip("\n")


def follow(words: Sequence[str], log: Path) -> tuple[list[str], dict[str, float]]:
    """Train without a kill. :returns: the lines of its log, and how many seconds a phase usually took.

    :raises UserError: the training fails.
    """
    lines, phase, began = [], START, time.perf_counter()
    took: dict[str, list[float]] = {each: [] for each in PHASES}
    with Training(words, log) as training:
        for line in training:
            lines.append(line)
            if (next_phase := phase_that_begins(line)) is not None:
                now = time.perf_counter()
                took[phase].append(now - began)
                phase, began = next_phase, now
        require_success(training.process.wait(), log)
    return lines, {each: median(seconds) for each, seconds in took.items() if seconds}


def follow_until(moment: Moment, words: Sequence[str], log: Path) -> tuple[list[str], bool]:
    """Train and send SIGKILL at a moment. :returns: the lines of its log, and whether it was killed before its end.

    :raises UserError: the training fails by itself.
    """
    lines, update, armed = [], 0, True
    with Training(words, log) as training:
        if moment.phase == START:
            armed = _kill(training, moment)
        for line in training:
            lines.append(line)
            update = max(update, updates_in(line) or 0)
            if armed and update >= moment.update and phase_that_begins(line) == moment.phase:
                armed = _kill(training, moment)
        code = training.process.wait()
    if code == -signal.SIGKILL and not armed:
        return lines, True
    require_success(code, log)
    return lines, False


def _kill(training: Training, moment: Moment) -> bool:
    if moment.file is None:
        time.sleep(moment.delay)
    else:
        give_up = time.monotonic() + LONGEST_POLL
        while time.monotonic() < give_up and not any(moment.file.parent.glob(moment.file.name)):
            time.sleep(POLL)
    training.process.kill()
    return False


def require_success(code: int, log: Path) -> None:
    """:raises UserError: the exit code is not 0."""
    if code:
        raise UserError(f"fairseq-train ended with exit code {code}: see {str(log)!r}", exit_code=FAILURE)
