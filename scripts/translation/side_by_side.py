"""Trainings that run at the same time, so that all see the same machine, each with its wall and its CPU time.

Where one ends before the others, those go on with more of the machine to themselves: what ends last looks faster than
it would be if it were alone from the start.
"""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from data_gen.errors import FAILURE, UserError
from scripts.benchmark.commands import ROOT

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
    commands: Mapping[str, Sequence[str]], logs: Mapping[str, Path], *, updates: int, threads: int
) -> dict[str, Training]:
    """Run ``python -m`` commands of fairseq-train in the repository, all at once.

    :param commands: name of a model to the words of its command, with ``--log-format json``.
    :param logs: where each says what it says.
    :param updates: of each training, for the progress shown.
    :param threads: of each training.
    :raises UserError: one of them fails; the others are stopped.
    """
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "PYTHONWARNINGS": "ignore"}
    with ExitStack() as stack:
        running = {}
        started = time.perf_counter()
        for name, words in commands.items():
            stream = stack.enter_context(open(logs[name], "w", encoding="utf-8"))
            command = [sys.executable, "-m", *words]
            process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=stream, stderr=subprocess.STDOUT)
            stack.callback(_stop, process)
            running[name] = process
        progress = stack.enter_context(_Progress(logs, updates))
        times: dict[str, tuple[float, float]] = {}
        while running:
            time.sleep(POLL)
            for name, process in list(running.items()):
                ended, status, usage = os.wait4(process.pid, os.WNOHANG)
                if not ended:
                    continue
                process.returncode = os.waitstatus_to_exitcode(status)  # Popen can no longer wait for it
                del running[name]
                times[name] = time.perf_counter() - started, usage.ru_utime + usage.ru_stime
                if process.returncode:
                    raise UserError(f"training {name} failed: see {str(logs[name])!r}", exit_code=FAILURE)
            progress.show(time.perf_counter() - started)
    return {name: read_training(logs[name], *times[name]) for name in commands}


def _stop(process: "subprocess.Popen[bytes]") -> None:
    if process.returncode is None:
        process.terminate()
        with suppress(ChildProcessError):
            process.wait()


class _Progress:
    """Updates of all trainings together: a bar on a terminal, lines otherwise."""

    def __init__(self, logs: Mapping[str, Path], updates: int) -> None:
        self.logs, self.updates, self.next_line = logs, updates, 0.0
        self.bar = tqdm(total=updates * len(logs), unit="update", disable=not sys.stderr.isatty(), leave=False)

    def __enter__(self) -> "_Progress":
        return self

    def __exit__(self, *exception: object) -> None:
        self.bar.close()

    def show(self, seconds: float) -> None:
        """Show how far the trainings are after so many seconds."""
        if self.bar.disable and seconds < self.next_line:
            return
        self.next_line = seconds + LINE
        done = {name: updates_done(log.read_text(encoding="utf-8")) for name, log in self.logs.items()}
        text = ", ".join(f"{name} {count}" for name, count in done.items())
        if self.bar.disable:
            print(f"{seconds:.0f} s: of {self.updates} updates {text}", file=sys.stderr, flush=True)
        else:
            self.bar.set_description(text)
            self.bar.update(sum(done.values()) - self.bar.n)


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
