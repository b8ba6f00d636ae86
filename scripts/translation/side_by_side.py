"""Trainings that run two at a time, so that all see the same machine, each with its wall and its CPU time.

The next begins where one ends; where none is left to begin, the last has the machine to itself.
"""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from data_gen.errors import FAILURE, UserError
from scripts.benchmark.commands import ROOT

AT_ONCE = 2  # trainings, so that on two cores each has one
POLL = 0.5  # seconds between two looks at the processes
LINE = 60  # seconds between two lines of progress where there is no terminal


@dataclass(frozen=True)
class Training:
    """What one training took.

    :param wall: seconds from the start of the process to its end.
    :param cpu: seconds of processor time, its children's included.
    :param parameters: of the model, a shared matrix counted once.
    :param tokens: target tokens trained on.
    :param epochs: how often the training part was read, as far as the log tells.
    :param valid_loss: the best, in bits per token, label smoothing included.
    """

    wall: float
    cpu: float
    parameters: int
    tokens: float
    epochs: float
    valid_loss: float


def train_side_by_side(
    commands: Mapping[str, Sequence[str]],
    logs: Mapping[str, Path],
    keep: Callable[[str, Training], None],
    *,
    updates: int,
    threads: int,
) -> None:
    """Run ``python -m`` commands of fairseq-train in the repository, ``AT_ONCE`` at a time, in the order given.

    :param commands: name of a training to the words of its command, with ``--log-format json``.
    :param logs: where each says what it says.
    :param keep: called with each training's name and what it took, as soon as it ends.
    :param updates: of each training, for the progress shown.
    :param threads: of each training.
    :raises UserError: one of them fails; those that still run are stopped.
    """
    waiting, running = list(commands), dict[str, _Process]()
    with ExitStack() as stack:
        progress = stack.enter_context(_Progress(updates, len(commands)))
        while waiting or running:
            while waiting and len(running) < AT_ONCE:
                name = waiting.pop(0)
                running[name] = stack.enter_context(_Process(commands[name], logs[name], threads))
            time.sleep(POLL)
            ended = {name: times for name, process in running.items() if (times := process.times()) is not None}
            failed = [name for name in ended if running.pop(name).returncode]
            for name in ended.keys() - failed:
                keep(name, read_training(logs[name], *ended[name]))
                progress.finished += 1
            if failed:
                raise UserError(f"training {failed[0]} failed: see {str(logs[failed[0]])!r}", exit_code=FAILURE)
            progress.show({name: logs[name] for name in running})


class _Process:
    """A command that runs, and is stopped if it still does in the end."""

    def __init__(self, words: Sequence[str], log: Path, threads: int) -> None:
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "PYTHONWARNINGS": "ignore"}
        self.started = time.perf_counter()
        with open(log, "w", encoding="utf-8") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *words], cwd=ROOT, env=environment, stdout=stream, stderr=subprocess.STDOUT
            )

    def __enter__(self) -> "_Process":
        return self

    def __exit__(self, *exception: object) -> None:
        if self.returncode is None:
            self.process.terminate()
            with suppress(ChildProcessError):
                self.process.wait()

    @property
    def returncode(self) -> int | None:
        """None while it runs."""
        return self.process.returncode

    def times(self) -> tuple[float, float] | None:
        """Wall and CPU time in seconds; None while it runs."""
        ended, status, usage = os.wait4(self.process.pid, os.WNOHANG)
        if not ended:
            return None
        self.process.returncode = os.waitstatus_to_exitcode(status)  # Popen can no longer wait for it
        return time.perf_counter() - self.started, usage.ru_utime + usage.ru_stime


class _Progress:
    """Updates of all trainings together: a bar on a terminal, lines otherwise."""

    def __init__(self, updates: int, trainings: int) -> None:
        self.updates, self.trainings, self.finished = updates, trainings, 0
        self.started, self.next_line = time.perf_counter(), 0.0
        self.bar = tqdm(total=updates * trainings, unit="update", disable=not sys.stderr.isatty(), leave=False)

    def __enter__(self) -> "_Progress":
        return self

    def __exit__(self, *exception: object) -> None:
        self.bar.close()

    def show(self, logs: Mapping[str, Path]) -> None:
        """Show how many updates each of the running trainings has done, as its log says."""
        seconds = time.perf_counter() - self.started
        if self.bar.disable and seconds < self.next_line:
            return
        done = {name: updates_done(log.read_text(encoding="utf-8", errors="replace")) for name, log in logs.items()}
        text = ", ".join(f"{name} {count}" for name, count in done.items())
        if not self.bar.disable:
            self.bar.set_description(text)
            self.bar.update(self.finished * self.updates + sum(done.values()) - self.bar.n)
        elif done:
            self.next_line = seconds + LINE
            finished = f"{self.finished} of {self.trainings} trainings done"
            print(f"{seconds:.0f} s: {finished}; of {self.updates} updates {text}", file=sys.stderr, flush=True)


def updates_done(log: str) -> int:
    """The last number of updates that a log names, 0 if none."""
    return max((int(number) for number in re.findall(r'"num_updates": "(\d+)"', log)), default=0)


def read_training(log: Path, wall: float, cpu: float) -> Training:
    """What a training's log tells, with its times.

    :raises UserError: it lacks something.
    """
    text = log.read_text(encoding="utf-8")
    parameters = re.search(r"num\. shared model params: ([\d,]+)", text)
    epochs = [json.loads(line) for line in re.findall(r"\| train \| (\{.*\})", text)]
    losses = [float(json.loads(line)["valid_loss"]) for line in re.findall(r"\| valid \| (\{.*\})", text)]
    if not parameters or not epochs or not losses:
        raise UserError(f"{str(log)!r} is no log of a whole training: see there what went wrong", exit_code=FAILURE)
    tokens, before = 0.0, 0
    for epoch in epochs:
        after = int(epoch["train_num_updates"])
        tokens += float(epoch["train_wpb"]) * (after - before)
        before = after
    passes = [float(number) for number in re.findall(r'"update": ([\d.]+)', text)]
    return Training(
        wall=wall,
        cpu=cpu,
        parameters=int(parameters[1].replace(",", "")),
        tokens=tokens,
        epochs=max(passes, default=len(epochs)),
        valid_loss=min(losses),
    )
