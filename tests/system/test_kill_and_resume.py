"""Trainings that are killed and started again end as if nothing had been; and how the study of them notices if not."""

import os
import re
import signal
from collections import Counter
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch

from data_gen.copy.dataset import make_online_folder
from data_gen.errors import UserError
from scripts import kill_and_resume
from scripts.kill_and_resume import Outcome, exists_since, require_success
from scripts.training_comparison import (
    CHECKPOINT,
    PHASES,
    START,
    UPDATE,
    VALIDATION,
    Compared,
    compare_checkpoints,
    compare_logs,
    compare_values,
    figures_in,
    phase_at_the_end,
    updates_in,
)
from tests.support.commands import ROOT, Commands, train_words
from tests.support.commands import Outcome as Run
from tests.support.making import SMALL

OFTEN = ("--max-epoch", 2, "--save-interval-updates", 4, "--keep-interval-updates", 1, "--dropout", 0.2)
LOGGED = ("--log-format", "json", "--log-interval", 1)
KINDS: dict[str, tuple[str, ...]] = {"data from disk": (), "data made while training": ("--online",)}


@pytest.fixture(scope="module", params=KINDS)
def whole(
    request: pytest.FixtureRequest, commands: Commands, copy_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[list[object], Path, Run]:
    """A training that was not killed: its words but for ``--save-dir``, where it saved, what it said."""
    folder = tmp_path_factory.mktemp("whole")
    data = copy_data
    if KINDS[request.param]:
        data = folder / "data"
        make_online_folder(SMALL, data)
    more = [*OFTEN, *LOGGED, *KINDS[request.param]]
    words = train_words(data, folder / "run", *more)
    return train_words(data, "SAVE_DIR", *more), folder / "run", commands.succeed(*words)


@pytest.mark.parametrize(
    ("function", "call"),
    [
        pytest.param("save", 1, marks=pytest.mark.slow, id="first write"),
        pytest.param("copy", 1, marks=pytest.mark.slow, id="first copy"),
        pytest.param("save", 3, marks=pytest.mark.slow, id="a later write"),
        pytest.param("copy", 4, id="a later copy"),
    ],
)
def test_killed_while_a_checkpoint_is_written(
    whole: tuple[list[object], Path, Run], function: str, call: int, commands: Commands, tmp_path: Path
) -> None:
    words, folder, said = whole
    words = [tmp_path / "run" if word == "SAVE_DIR" else word for word in words]
    killed = commands("python", ROOT / "tests" / "support" / "killed.py", function, call, *words)
    assert killed.code == -signal.SIGKILL
    assert len(list((tmp_path / "run").glob("*.tmp"))) == 1
    resumed = commands.succeed(*words)
    assert ("Loaded checkpoint" in resumed.out) == (call > 1)  # before, there was none yet
    compared = compare_checkpoints(folder / "checkpoint_last.pt", tmp_path / "run" / "checkpoint_last.pt")
    compared["log"] = compare_logs(said.out.splitlines(), [*killed.out.splitlines(), *resumed.out.splitlines()])
    assert {name: each.different for name, each in compared.items()} == {name: [] for name in compared}
    assert min(each.count for each in compared.values()) > 5
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == sorted(path.name for path in folder.iterdir())


LOG = """\
12:00:00 | INFO | fairseq.trainer | begin training epoch 1
12:00:00 | INFO | fairseq_cli.train | Start iterating over samples
12:00:01 | INFO | train_inner | {"epoch": 1, "loss": "3.9", "wps": "5", "num_updates": "1", "wall": "0"}
12:00:01 | INFO | fairseq_cli.train | begin validation on "valid" subset
12:00:02 | INFO | valid | {"epoch": 1, "valid_loss": "3.5", "valid_wps": "7", "valid_num_updates": "1"}
12:00:02 | INFO | fairseq.checkpoint_utils | Preparing to save checkpoint for epoch 1 @ 1 updates
12:00:02 | INFO | fairseq.checkpoint_utils | Saved checkpoint x/checkpoint1.pt (epoch 1 @ 1 updates, score 3.5)
12:00:02 | INFO | train | {"epoch": 1, "train_loss": "3.9", "train_train_wall": "2", "train_num_updates": "1"}
""".splitlines()


def test_phases_of_a_log() -> None:
    phases = [phase_at_the_end(LOG[:number]) for number in range(len(LOG) + 1)]
    assert phases == [START, START, *[UPDATE] * 2, *[VALIDATION] * 2, CHECKPOINT, *[UPDATE] * 2]


def test_figures_of_a_log_without_those_of_the_clock() -> None:
    assert [figures_in(line) for line in LOG if figures_in(line)] == [
        (("train_inner", 1), {"epoch": 1, "loss": "3.9", "num_updates": "1"}),
        (("valid", 1), {"epoch": 1, "valid_loss": "3.5", "valid_num_updates": "1"}),
        (("train", 1), {"epoch": 1, "train_loss": "3.9", "train_num_updates": "1"}),
    ]
    assert [updates_in(line) for line in LOG] == [None, None, 1, None, None, None, None, None]


def test_logs_are_compared_however_often_something_was_logged() -> None:
    assert compare_logs(LOG, [*LOG[:4], *LOG]) == Compared(3, [])
    changed = [line.replace("3.9", "3.8") for line in LOG[:4]]
    assert compare_logs(LOG, [*changed, *LOG]) == Compared(3, ["train_inner at update 1"])
    assert compare_logs(LOG, LOG[:4]) == Compared(1, ["valid at update 1, which is missing,"])
    assert compare_logs(LOG, LOG[:7]) == Compared(2, [])  # killed before the epoch's line


def test_checkpoints_are_compared_to_the_bit() -> None:
    state: dict[str, Any] = {"w": torch.tensor([0.0, 1.0]), "steps": [1, {"lr": 0.1}], "none": None, "empty": {}}
    assert compare_values(state, deepcopy(state)) == Compared(5, [])
    for change, name in (
        ({"w": torch.tensor([-0.0, 1.0])}, "w"),  # equal as a number
        ({"w": torch.tensor([0.0, 1.0], dtype=torch.float64)}, "w"),
        ({"steps": [1, {"lr": 0.2}]}, "steps[1].lr"),
        ({"none": 0}, "none"),
        ({"empty": {"more": 1}}, "empty.more"),
    ):
        assert name in compare_values(state, {**state, **change}).different


def outcome(**different: list[str]) -> Outcome:
    whats = ("parameters", "parameters of the best", "optimizer", "place", "log", "files")
    compared = {what: Compared(9, different.get(what, [])) for what in whats}
    return Outcome(Counter({START: 1, CHECKPOINT: 2}), 2, 4, 945, 17, compared)


def test_table() -> None:
    lines = kill_and_resume.table({"disk": outcome(), "online": outcome(log=["valid at update 3"])}).splitlines()
    assert lines[:9] == [
        "|  | disk | online |",
        "| --- | ---: | ---: |",
        "| kills: start-up | 1 | 1 |",
        "| kills: update | 0 | 0 |",
        "| kills: validation | 0 | 0 |",
        "| kills: checkpoint | 2 | 2 |",
        "| kills that left a half-written file | 2 | 2 |",
        "| restarts | 3 | 3 |",
        "| updates | 945 | 945 |",
    ]
    assert "| logged updates, validations and epochs that differ | 0 of 9 | 1 of 9 |" in lines


def test_a_difference_is_a_failure_that_is_named_and_written_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- kills:begin -->\n<!-- kills:end -->\n")
    monkeypatch.setattr(kill_and_resume, "run", lambda words, threads: "")
    monkeypatch.setattr(kill_and_resume, "kill_and_compare", lambda *arguments: outcome(optimizer=["state[0].step"]))
    assert kill_and_resume.main([str(tmp_path / "new"), "--update", str(page)]) == 1
    captured = capsys.readouterr()
    assert "| values of the optimizer's state that differ | 1 of 9 | 1 of 9 |" in captured.out
    assert captured.err.splitlines()[2:] == [
        f"kill_and_resume: {kind}: optimizer: state[0].step differs" for kind in kill_and_resume.KINDS
    ]
    assert page.read_text() == "<!-- kills:begin -->\n<!-- kills:end -->\n"


def test_only_files_of_this_training_count(tmp_path: Path) -> None:
    assert not exists_since(0.0, tmp_path / "*.tmp")
    (tmp_path / "checkpoint_1_20.pt.tmp").touch()
    os.utime(tmp_path / "checkpoint_1_20.pt.tmp", (1000.0, 1000.0))
    assert exists_since(999.0, tmp_path / "*.tmp")
    assert not exists_since(1001.0, tmp_path / "*.tmp")
    assert not exists_since(999.0, tmp_path / "checkpoint_last.pt.tmp")


def test_a_training_that_fails_by_itself_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        require_success(1, tmp_path / "killed.log")
    assert str(caught.value) == f"fairseq-train ended with exit code 1: see '{tmp_path}/killed.log'"
    assert caught.value.exit_code == 1


def test_wrong_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert kill_and_resume.main([str(tmp_path / "new"), "--kills", "0"]) == 2
    assert capsys.readouterr().err == "kill_and_resume: error: --kills must be from 1 to 100, but is 0\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.usefixtures("warm_studies")
def test_a_small_study(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- kills:begin -->\n<!-- kills:end -->\n")
    words = [str(tmp_path / "new"), "--smoke", "--kills", "4", "--update", str(page)]
    assert kill_and_resume.main(words) == 0, capsys.readouterr().err
    table = capsys.readouterr().out
    assert page.read_text() == f"<!-- kills:begin -->\n{table.strip()}\n<!-- kills:end -->\n"
    rows = dict(re.findall(r"^\| (.+?) \| (.+) \|$", table, flags=re.M))
    for kind in range(2):
        assert sum(int(rows[f"kills: {phase}"].split(" | ")[kind]) for phase in PHASES) == 4
    assert rows["restarts"] == "4 | 4"
    assert [row for row in rows.values() if " of " in row and not re.fullmatch(r"0 of \d+ \| 0 of \d+", row)] == []
