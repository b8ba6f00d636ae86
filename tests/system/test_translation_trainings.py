"""The trainings of the translation study: two at a time, each kept, only what is missing done."""

import re
import signal
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from data_gen.errors import UserError
from scripts.common import Command, environment, run_side_by_side
from scripts.translation import trainings
from scripts.translation.recipe import Recipe
from scripts.translation.trainings import read_training, updates_done

LOG = """\
12:00 | INFO | fairseq_cli.train | num. shared model params: 3,954,176 (num. trained: 3,954,176)
12:01 | INFO | train_inner | {"epoch": 1, "update": 0.5, "loss": "9", "num_updates": "4"}
12:02 | INFO | valid | {"epoch": 1, "valid_loss": "7.5", "valid_num_updates": "10"}
12:02 | INFO | train | {"epoch": 1, "train_wpb": "100.5", "train_num_updates": "10"}
12:03 | INFO | train_inner | {"epoch": 2, "update": 1.2, "loss": "8", "num_updates": "12"}
12:04 | INFO | valid | {"epoch": 2, "valid_loss": "7.25", "valid_num_updates": "14"}
12:04 | INFO | train | {"epoch": 2, "train_wpb": "50", "train_num_updates": "14"}
"""


def test_log_of_a_training(tmp_path: Path) -> None:
    log = tmp_path / "train.log"
    log.write_text(LOG, encoding="utf-8")
    assert updates_done("") == 0
    assert updates_done(LOG) == 12
    assert read_training(log, wall=2.0, cpu=3.0) == trainings.Training(
        wall=2.0, cpu=3.0, parameters=3_954_176, tokens=100.5 * 10 + 50 * 4, epochs=1.2, valid_loss=7.25
    )


@pytest.mark.parametrize("missing", ["shared", "| valid |", "| train |"])
def test_log_of_a_training_that_lacks_something(missing: str, tmp_path: Path) -> None:
    log = tmp_path / "train.log"
    log.write_text("".join(line for line in LOG.splitlines(keepends=True) if missing not in line), encoding="utf-8")
    with pytest.raises(UserError) as caught:
        read_training(log, wall=2.0, cpu=3.0)
    assert str(caught.value) == f"{str(log)!r} is no log of a whole training: see there what went wrong"
    assert caught.value.exit_code == 1


def test_a_training_that_fails_stops_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started = []

    class Watched(subprocess.Popen[bytes]):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            started.append(self)

    monkeypatch.setattr(subprocess, "Popen", Watched)
    commands = [
        Command("short", ["no_such_module"], tmp_path / "short.log"),
        Command("long", ["http.server", "0", "--bind", "127.0.0.1"], tmp_path / "long.log"),
    ]
    with pytest.raises(UserError) as caught:
        run_side_by_side(list(commands), 2, lambda name, wall, cpu: None)
    assert str(caught.value) == f"no_such_module ended with exit code 1: see {str(commands[0].log)!r}"
    assert "no_such_module" in commands[0].log.read_text(encoding="utf-8")
    assert [process.returncode for process in started] == [1, -signal.SIGTERM]


def test_a_command_for_the_cpu_sees_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    assert environment(["fairseq_cli.train", "data", "--cpu"], threads=2)["CUDA_VISIBLE_DEVICES"] == ""
    found = environment(["fairseq_cli.train", "data"], threads=2)
    assert (found["CUDA_VISIBLE_DEVICES"], found["OMP_NUM_THREADS"]) == ("3", "2")


def test_two_trainings_run_at_a_time_in_the_order_given(tmp_path: Path) -> None:
    names = ["first", "second", "third"]
    # Each says when it begins, what a training says, and when it ends.
    rest = "time.sleep(1); sum(range(10**7)); print('ended', time.time())"
    program = f"import time; print('began', time.time()); print({LOG!r}); {rest}"
    logs = {name: tmp_path / f"{name}.log" for name in names}
    words = ["timeit", "--number", "1", "--repeat", "1", program]
    took: dict[str, tuple[float, float]] = {}
    run_side_by_side(
        [Command(name, words, logs[name]) for name in names], 2, lambda name, *times: took.__setitem__(name, times)
    )
    assert sorted(took) == sorted(names)
    assert {read_training(logs[name], *times).valid_loss for name, times in took.items()} == {7.25}
    began, ended = (
        {name: float(re.findall(rf"{word} (\S+)", log.read_text(encoding="utf-8"))[0]) for name, log in logs.items()}
        for word in ("began", "ended")
    )
    assert began["second"] < ended["first"]
    assert began["third"] > min(ended["first"], ended["second"])
    assert 1 < took["third"][0] < ended["third"] - began["first"]
    assert all(0.1 < cpu < wall for wall, cpu in took.values())


SETTINGS = Recipe(seeds=(1, 2))
MADE_LATER = ("checkpoint_best.pt", "generate-test-1.0.txt", "attention.npz")


class Resumed(NamedTuple):
    """A study's folder, and what was trained in it by the stand-in for fairseq-train."""

    folder: Path
    trained: list[str]


@pytest.fixture
def resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Resumed:
    """A study of which one training is lost, with files of an earlier start of it."""
    trained: list[str] = []

    def train_at_once(commands: list[Command], at_once: int, keep: Any, *rest: Any, threads: int) -> None:
        for command in commands:
            command.log.write_text(LOG, encoding="utf-8")
            keep(command.name, float(len(trained)), 0.0)
            trained.append(command.name)

    monkeypatch.setattr(trainings, "run_side_by_side", train_at_once)
    trainings.train(SETTINGS, tmp_path)
    for name in trained:
        for file in MADE_LATER:
            (tmp_path / name / file).touch()
    (tmp_path / "lstm-2" / "training.json").unlink()
    trained.clear()
    return Resumed(tmp_path, trained)


def test_only_the_training_that_is_missing_is_done(resumed: Resumed) -> None:
    done, _ = trainings.train(SETTINGS, resumed.folder)
    assert resumed.trained == ["lstm-2"]
    assert list(done) == SETTINGS.runs
    assert [training.wall for training in done.values()] == [0, 1, 2, 3, 4, 0]
    for run in SETTINGS.runs:
        files = {path.name for path in (resumed.folder / run.name).iterdir()} - {"training.json", "train.log"}
        assert files == (set() if run.name == "lstm-2" else set(MADE_LATER))


def test_another_machine_is_told_before_it_trains(resumed: Resumed, monkeypatch: pytest.MonkeyPatch) -> None:
    other = {**trainings.describe_machine("cpu"), "torch": "0.1", "date": "2000-01-01"}
    mine = trainings.describe_machine("cpu")["torch"]
    monkeypatch.setattr(trainings, "describe_machine", lambda device: other)
    with pytest.raises(UserError) as caught:
        trainings.train(SETTINGS, resumed.folder)
    assert str(caught.value) == (
        f"{str(resumed.folder)!r} has trainings of another machine (torch: {mine}, 0.1), whose times cannot be "
        "compared: begin again with another --folder"
    )
    assert resumed.trained == []
    assert (resumed.folder / "lstm-2" / "checkpoint_best.pt").exists()
