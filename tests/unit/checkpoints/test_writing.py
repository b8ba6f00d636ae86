"""Checkpoints appear whole or not at all: killed in the middle of a copy, on a full disk, in a folder that refuses."""

import errno
import fcntl
import os
import shutil
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from fairseq import checkpoint_utils
from fairseq.file_io import PathManager

from data_gen.errors import UserError
from fairseq_plugin.checkpoints import writing
from tests.support.commands import Commands
from tests.support.errors import message_of
from tests.support.small_disk import file_size_limit

STATE = {"model": torch.arange(50_000.0)}
WAY_OUT = "mend that and run the same command again, which goes on from the last whole one"


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "PAUSE", 0)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_fairseq_writes_with_these() -> None:
    assert checkpoint_utils.torch_persistent_save is writing.save
    assert checkpoint_utils.verify_checkpoint_directory is writing.verify
    assert checkpoint_utils.PathManager.copy is writing.copy


def test_a_name_never_holds_half_a_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    new, last = tmp_path / "checkpoint_1_20.pt", tmp_path / "checkpoint_last.pt"
    new.write_bytes(b"new" * 1000)
    last.write_bytes(b"old")
    copyfile, seen = shutil.copyfile, []

    def look_then_copy(source: str, target: str) -> str:
        Path(target).write_bytes(b"new")
        seen.append(last.read_bytes())
        return copyfile(source, target)

    monkeypatch.setattr(shutil, "copyfile", look_then_copy)
    assert PathManager.copy(str(new), str(last), overwrite=True)
    assert seen == [b"old"]
    assert last.read_bytes() == new.read_bytes()
    assert names(tmp_path) == ["checkpoint_1_20.pt", "checkpoint_last.pt"]


def test_a_second_attempt_begins_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path, save, attempts = tmp_path / "checkpoint.pt", torch.save, []

    def refuse_once(state: Any, stream: Any) -> None:
        attempts.append(state)
        if len(attempts) == 1:
            stream.write(b"PK\3\4" * 100)
            raise OSError(errno.ENOSPC, "No space left on device")
        save(state, stream)

    monkeypatch.setattr(torch, "save", refuse_once)
    checkpoint_utils.torch_persistent_save(STATE, str(path))
    assert len(attempts) == 2
    assert torch.equal(torch.load(path, weights_only=True)["model"], STATE["model"])
    assert [record.getMessage() for record in caplog.records] == [
        f"cannot write {str(path)!r}: No space left on device; trying again"
    ]
    assert names(tmp_path) == ["checkpoint.pt"]


@pytest.mark.parametrize("limit", [1_000, 100_000, 199_000], ids=["at the beginning", "in the middle", "at the end"])
def test_a_refused_write_leaves_the_old_checkpoint(tmp_path: Path, limit: int) -> None:
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(b"old")
    with file_size_limit(limit), pytest.raises(UserError) as caught:
        checkpoint_utils.torch_persistent_save(STATE, str(path))
    assert str(caught.value) == f"cannot write checkpoint {str(path)!r}: File too large; {WAY_OUT}"
    assert caught.value.exit_code == 1
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == {"checkpoint.pt": b"old"}


def test_a_refused_copy_leaves_the_old_checkpoint(tmp_path: Path) -> None:
    new, last = tmp_path / "checkpoint_1_20.pt", tmp_path / "checkpoint_last.pt"
    new.write_bytes(b"new" * 1000)
    last.write_bytes(b"old")
    with file_size_limit(2000), pytest.raises(UserError) as caught:
        PathManager.copy(str(new), str(last), overwrite=True)
    assert str(caught.value) == f"cannot write checkpoint {str(last)!r}: File too large; {WAY_OUT}"
    assert last.read_bytes() == b"old"
    assert names(tmp_path) == ["checkpoint_1_20.pt", "checkpoint_last.pt"]


def test_what_cannot_be_saved_is_not_tried_again(tmp_path: Path) -> None:
    with pytest.raises(AttributeError, match="local object"):
        checkpoint_utils.torch_persistent_save(lambda: None, str(tmp_path / "checkpoint.pt"))
    assert names(tmp_path) == []


def test_copies_to_elsewhere_are_left_to_fairseq(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[Any, ...]] = []
    monkeypatch.setattr(writing, "fairseq_copy", lambda *words: calls.append(words) or True)
    monkeypatch.setattr(PathManager, "path_requires_pathmanager", lambda path: path.startswith("s3://"))
    assert PathManager.copy("checkpoint_1_20.pt", "s3://bucket/checkpoint_last.pt", overwrite=True)
    assert calls == [("checkpoint_1_20.pt", "s3://bucket/checkpoint_last.pt", True)]


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("a file")
    assert message_of(checkpoint_utils.verify_checkpoint_directory, os.fspath(tmp_path / "run")) == (
        f"cannot write to --save-dir '{tmp_path}/run': Not a directory; mend that or name another folder"
    )


def test_no_folder_is_made_before_the_training_begins(tmp_path: Path) -> None:
    checkpoint_utils.verify_checkpoint_directory(os.fspath(tmp_path / "new" / "run"))
    assert names(tmp_path) == []
    with writing.claimed(os.fspath(tmp_path / "new" / "run")):
        pass
    assert names(tmp_path / "new") == ["run"]


@pytest.mark.parametrize("there", [False, True])
def test_a_refused_training_leaves_the_folders_as_they_were(tmp_path: Path, there: bool) -> None:
    if there:
        (tmp_path / "new" / "run").mkdir(parents=True)
    for _ in range(2):
        with suppress(UserError), writing.claimed(os.fspath(tmp_path / "new" / "run")):
            assert names(tmp_path / "new") == ["run"]
            raise UserError("refused")
        assert names(tmp_path) == (["new"] if there else [])


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught, writing.claimed(os.fspath(tmp_path / "new" / ("x" * 300))):
        pass
    assert str(caught.value) == (
        f"cannot write to --save-dir '{tmp_path}/new/{'x' * 300}': File name too long; mend that or name another folder"
    )
    assert names(tmp_path) == []
    with pytest.raises(UserError, match="File name too long"):
        writing.verify(os.fspath(tmp_path / ("x" * 300)))


def test_two_writes_of_one_name_do_not_mix(tmp_path: Path) -> None:
    last = tmp_path / "checkpoint_last.pt"
    with writing._renamed(str(last)) as first:
        Path(first).write_bytes(b"first")
        with writing._renamed(str(last)) as second:
            Path(second).write_bytes(b"second")
        assert last.read_bytes() == b"second"
        assert names(tmp_path) == ["checkpoint_last.pt", Path(first).name]
    assert last.read_bytes() == b"first"
    assert names(tmp_path) == ["checkpoint_last.pt"]


LEFT = ("checkpoint_1_20.pt.0123abcd.tmp", "checkpoint_last.pt.tmp", "checkpoint.best_bleu_1.500.pt.fedcba98.tmp")
OTHERS = ("checkpoint_best.pt", "checkpoint_last.pt.mine.tmp", "notes.tmp")


def test_what_a_killed_training_left_is_removed(tmp_path: Path) -> None:
    for name in (*LEFT, *OTHERS):
        (tmp_path / name).touch()
    with writing.claimed(os.fspath(tmp_path)):
        assert names(tmp_path) == list(OTHERS)


def test_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The training goes on, and removes nothing: another one may be writing it."""

    def refuse(*unused: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    (tmp_path / LEFT[0]).touch()
    for _ in range(2):
        with writing.claimed(os.fspath(tmp_path)):
            assert names(tmp_path) == [LEFT[0]]


HOLD = """
import os, sys, time
from fairseq_plugin.checkpoints.writing import claimed
with claimed(sys.argv[1]), claimed(sys.argv[1]):
    if os.fork() == 0:  # such as one that loads data; it has let the folder go once it runs
        open(sys.argv[2], "x").close()
    time.sleep(600)
"""


@pytest.mark.slow
def test_a_folder_belongs_to_one_process_while_it_lives(commands: Commands, launcher: Path, tmp_path: Path) -> None:
    run, other, training = (os.fspath(tmp_path / name) for name in ("run", "other", "training"))
    process = commands.begin(launcher, "python", "-c", HOLD, run, training, cwd=tmp_path, variables=os.environ)
    try:
        while not Path(training).exists():
            assert process.poll() is None
            time.sleep(0.01)
        with pytest.raises(UserError) as caught, writing.claimed(run):
            pass
        with writing.claimed(other):
            pass
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        with writing.claimed(run):  # though the process that it forked still runs
            pass
    finally:
        os.killpg(process.pid, signal.SIGKILL)
    assert str(caught.value) == (
        f"another process trains into --save-dir {run!r}: wait for its end, or name another folder"
    )
    assert caught.value.exit_code == 2
    assert names(tmp_path) == ["other", "run", "training"]
