"""The trainings of the study: each is done once and kept, in a folder of its own, with what it took."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from data_gen.errors import FAILURE, UserError, listed
from scripts.benchmark.machine import describe_machine
from scripts.marked_section import read_text
from scripts.study_folder import make_folder, write
from scripts.translation.recipe import Recipe, Run, train_words
from scripts.translation.side_by_side import Training, train_side_by_side

KEPT = "training.json"  # in the folder of a training, once it is done
Machine = dict[str, Any]


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
        for pattern in ("checkpoint*.pt", "generate*.txt", "attention.npz"):
            for old in (folder / each.name).glob(pattern):
                old.unlink()

    def keep(name: str, training: Training) -> None:
        text = json.dumps({"machine": machine, "training": asdict(training)}, indent=2)
        write(folder / name / KEPT, text + "\n")

    train_side_by_side(
        {each.name: train_words(settings, each, folder / "data", folder / each.name) for each in missing},
        {each.name: folder / each.name / "train.log" for each in missing},
        keep,
        updates=settings.updates,
        threads=settings.threads,
    )
    trainings = {each: kept(folder, each) for each in settings.runs}
    last = max((of_training for _, of_training in trainings.values()), key=lambda each: str(each["date"]))
    return {each: training for each, (training, _) in trainings.items()}, last


def kept(folder: Path, each: Run) -> tuple[Training, Machine]:
    """What a training that is done took, and on what machine."""
    content = json.loads(read_text(folder / each.name / KEPT))
    return Training(**content["training"]), content["machine"]


def check_machines(folder: Path, machines: Sequence[Machine]) -> None:
    """:raises UserError: they are not all the same, so that times cannot be compared."""
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
