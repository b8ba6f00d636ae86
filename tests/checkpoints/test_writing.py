"""Checkpoints appear whole or not at all: killed in the middle of a copy, on a full disk, in a folder that refuses."""

import errno
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from fairseq import checkpoint_utils
from fairseq.file_io import PathManager

from data_gen.errors import UserError
from fairseq_plugin.checkpoints import writing
from tests.small_disk import file_size_limit

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
    with pytest.raises(UserError) as caught:
        checkpoint_utils.verify_checkpoint_directory(os.fspath(tmp_path / "run"))
    assert str(caught.value) == (
        f"cannot write to --save-dir '{tmp_path}/run': Not a directory; mend that or name another folder"
    )
    assert caught.value.exit_code == 1
