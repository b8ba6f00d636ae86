"""The trainings of the study: some at a time, so that all see the same machine; each is done once and kept.

Where none is left to begin, the last has the machine to itself.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from data_gen.errors import FAILURE, UserError, listed
from data_gen.progress import progress_on_stderr
from scripts.common import Command, describe_machine, make_folder, read_text, run_side_by_side, write
from scripts.translation.recipe import Recipe, Run, train_words

LOG, KEPT = "train.log", "training.json"  # in the folder of a training, the second once it is done
MADE_BEFORE = (LOG, "checkpoint*.pt", "generate*.txt", "attention.npz")  # by a training that was cut off
Machine = dict[str, Any]


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


def train(settings: Recipe, folder: Path) -> tuple[dict[Run, Training], Machine]:
    """Do the trainings that are not done. :returns: what each took, and the machine, with the date of the last.

    :raises UserError: one fails, or some were done on another machine.
    """
    machine = describe_machine("cpu")
    missing = [each for each in settings.runs if not (folder / each.name / KEPT).exists()]
    done = [each for each in settings.runs if each not in missing]
    check_machines(folder, [kept(folder, each)[1] for each in done] + [machine] * bool(missing))
    for each in missing:
        make_folder(folder / each.name)
        for old in (old for pattern in MADE_BEFORE for old in (folder / each.name).glob(pattern)):
            old.unlink()
    with progress_on_stderr(len(missing) * settings.updates or 1, "updates") as progress:
        finished = shown = 0
        names: list[str] = []

        def keep(name: str, wall: float, cpu: float) -> None:
            nonlocal finished
            took = asdict(read_training(folder / name / LOG, wall, cpu))
            write(folder / name / KEPT, json.dumps({"machine": machine, "training": took}, indent=2) + "\n")
            finished += settings.updates

        def show(running: Sequence[Command]) -> None:
            nonlocal shown, names
            if names != (names := [command.name for command in running]) and names:
                progress.doing(", ".join(names))
            logs = [command.log.read_text(encoding="utf-8", errors="replace") for command in running]
            now = finished + sum(map(updates_done, logs))
            progress(now - shown)
            shown = now

        places = {each: folder / each.name for each in missing}
        commands = [
            Command(each.name, train_words(settings, each, folder / "data", place), place / LOG)
            for each, place in places.items()
        ]
        run_side_by_side(commands, settings.at_once, keep, show, threads=settings.threads)
    trainings = {each: kept(folder, each) for each in settings.runs}
    last = max((of_training for _, of_training in trainings.values()), key=lambda each: str(each["date"]))
    return {each: training for each, (training, _) in trainings.items()}, last


def kept(folder: Path, each: Run) -> tuple[Training, Machine]:
    """What a training that is done took, and on what machine."""
    content = json.loads(read_text(folder / each.name / KEPT))
    return Training(**content["training"]), content["machine"]


def check_machines(folder: Path, machines: Sequence[Machine]) -> None:
    """Check that all trainings ran on one machine.

    :raises UserError: they are not all the same, so that times cannot be compared.
    """
    for field in machines[0]:
        values = list(dict.fromkeys(str(machine[field]) for machine in machines))
        if field != "date" and len(values) > 1:
            raise UserError(
                f"{str(folder)!r} has trainings of another machine ({field}: {listed(values)}), whose times cannot "
                "be compared: begin again with another --folder",
                exit_code=FAILURE,
            )


def checkpoint(folder: Path, each: Run) -> Path:
    """The one with the least validation loss."""
    return folder / each.name / "checkpoint_best.pt"


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
