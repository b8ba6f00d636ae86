"""Whole datasets: reproducible, complete, and never half-made."""

import errno
import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from data_gen.copy import binarize, dataset
from data_gen.copy.dataset import PASSES, make_copy_dataset
from data_gen.copy.spec import CopySpec
from data_gen.errors import UserError
from tests.support.errors import message_of
from tests.unit.data_gen.conftest import everything_under

SMALL = CopySpec(num_symbols=30, min_len=1, max_len=4, train=20, valid=3, test=2, seed=11)


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    make_copy_dataset(SMALL, tmp_path / "a", text=True)
    make_copy_dataset(SMALL, tmp_path / "b", text=True)
    assert everything_under(tmp_path / "a") == everything_under(tmp_path / "b")


def test_these_bytes_stay_for_ever(tmp_path: Path) -> None:
    """A change of this number breaks everybody's seeds."""
    hashes = make_copy_dataset(SMALL, tmp_path / "data", text=True).files
    digest = hashlib.sha256(json.dumps(hashes, sort_keys=True).encode()).hexdigest()
    assert digest == "ba6d6e28953568260f97019cad67e58f0c04419ef6f4ba74cada74ffdae97ab1"


def test_different_seeds_differ_in_every_split(tmp_path: Path) -> None:
    make_copy_dataset(CopySpec(seed=1), tmp_path / "a")
    make_copy_dataset(CopySpec(seed=2), tmp_path / "b")
    for split in ("train", "valid", "test"):
        name = f"{split}.src-tgt.src.bin"
        assert (tmp_path / "a" / name).read_bytes() != (tmp_path / "b" / name).read_bytes()


def test_text_changes_nothing_else(tmp_path: Path) -> None:
    make_copy_dataset(SMALL, tmp_path / "a")
    make_copy_dataset(SMALL, tmp_path / "b", text=True)
    plain, with_text = everything_under(tmp_path / "a"), everything_under(tmp_path / "b")
    assert with_text.keys() - plain.keys() == {f"{s}.{x}" for s in ("train", "valid", "test") for x in ("src", "tgt")}
    del plain["manifest.json"]
    assert all(with_text[name] == content for name, content in plain.items())


def test_small_blocks_give_consistent_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("data_gen.copy.sample.BLOCK_SEQUENCES", 7)
    manifest = make_copy_dataset(SMALL, tmp_path / "data", text=True)
    lines = (tmp_path / "data" / "train.src").read_text().splitlines()
    assert len(lines) == 20
    assert manifest.splits["train"].tokens == sum(len(line.split()) for line in lines)
    assert (tmp_path / "data" / "train.src-tgt.src.bin").stat().st_size == 2 * (manifest.splits["train"].tokens + 20)


def test_progress_adds_up(tmp_path: Path) -> None:
    steps: list[int] = []
    make_copy_dataset(SMALL, tmp_path / "data", progress=steps.append)
    assert sum(steps) == PASSES * SMALL.all_sequences == 50


def test_the_folder_is_as_readable_as_any_new_folder(tmp_path: Path) -> None:
    make_copy_dataset(SMALL, tmp_path / "data")
    (tmp_path / "plain").mkdir()
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)


def test_missing_parents_are_made_and_an_empty_folder_is_filled(tmp_path: Path) -> None:
    make_copy_dataset(SMALL, tmp_path / "x" / "y" / "data")
    (tmp_path / "empty").mkdir()
    make_copy_dataset(SMALL, tmp_path / "empty")
    assert everything_under(tmp_path / "x" / "y" / "data") == everything_under(tmp_path / "empty")


def test_a_link_to_a_dataset_stays_a_link(tmp_path: Path) -> None:
    make_copy_dataset(SMALL, tmp_path / "data")
    (tmp_path / "link").symlink_to("data")
    make_copy_dataset(CopySpec(), tmp_path / "link", overwrite=True)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "data" / "train.src-tgt.src.bin").stat().st_size > 10_000


STAGES = [
    (dataset, "scan_train"),
    (binarize, "encode"),
    (binarize, "format_lines"),
    (binarize._SplitWriter, "write"),
    (binarize, "hash_files"),
    (binarize, "write_copy_manifest"),
    (dataset, "write_part"),
]


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage[1])
@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("a bug"), OSError(errno.ENOSPC, "No space left")])
def test_an_interrupted_run_leaves_all_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: tuple[Any, str], overwrite: bool, error: BaseException
) -> None:
    place = tmp_path / "parent" / "data"
    if overwrite:
        make_copy_dataset(SMALL, place)
    before = everything_under(tmp_path)
    original = getattr(*stage)

    def fail(*arguments: Any, **options: Any) -> None:
        original(*arguments, **options)
        raise error

    monkeypatch.setattr(*stage, fail)
    with pytest.raises(BaseException) as caught:  # noqa: PT011
        make_copy_dataset(CopySpec(seed=2), place, overwrite=overwrite, text=True)
    if isinstance(error, OSError):
        assert isinstance(caught.value, UserError)
        assert str(caught.value) == f"cannot write the dataset '{place}': No space left"
        assert caught.value.exit_code == 1
    else:
        assert caught.value is error
    assert everything_under(tmp_path) == before


@pytest.mark.parametrize("failing_call", [1, 2])
def test_a_failed_exchange_puts_the_old_dataset_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing_call: int
) -> None:
    make_copy_dataset(SMALL, tmp_path / "data")
    before = everything_under(tmp_path)
    rename, calls = Path.rename, []

    def fail_once(self: Path, target: Path) -> Path:
        calls.append(target)
        if len(calls) == failing_call:
            raise OSError(errno.EBUSY, "Device or resource busy", str(self))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail_once)
    assert message_of(make_copy_dataset, CopySpec(seed=2), tmp_path / "data", exit_code=1, overwrite=True) == (
        f"cannot write the dataset '{tmp_path / 'data'}': Device or resource busy"
    )
    assert everything_under(tmp_path) == before


def test_an_old_dataset_that_cannot_be_deleted_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_copy_dataset(SMALL, tmp_path / "data")
    tokens = iter(["new", "old"])
    monkeypatch.setattr("data_gen.files.secrets.token_hex", lambda size: next(tokens))
    remove = shutil.rmtree

    def refuse(path: Path, ignore_errors: bool = False) -> None:
        if not ignore_errors:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        remove(path, ignore_errors=True)

    monkeypatch.setattr("data_gen.files.shutil.rmtree", refuse)
    with pytest.raises(UserError) as caught:
        make_copy_dataset(CopySpec(), tmp_path / "data", overwrite=True)
    (old,) = tmp_path.glob(".data_gen-*-old")
    assert str(caught.value) == f"cannot delete the replaced dataset '{old}': Permission denied"
    assert (tmp_path / "data" / "train.src-tgt.src.bin").stat().st_size > 10_000


def test_a_folder_filled_meanwhile_is_left_alone(tmp_path: Path) -> None:
    place = tmp_path / "data"

    def fill(sequences: int) -> None:
        place.mkdir(exist_ok=True)
        (place / "notes.txt").write_text("mine")

    with pytest.raises(UserError, match="is not empty"):
        make_copy_dataset(SMALL, place, progress=fill)
    assert everything_under(tmp_path) == {"data": None, "data/notes.txt": b"mine"}


def test_a_real_full_disk_is_one_line(tmp_path: Path) -> None:
    """A file-size limit makes the operating system itself refuse a write."""
    command = (
        "import resource, signal, sys; from data_gen.__main__ import main; "
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000)); "
        "sys.exit(main(['copy', 'data']))"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(dataset.__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", command], cwd=tmp_path, capture_output=True, text=True, env=environment
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "data_gen: error: cannot write the dataset 'data': File too large\n"
    assert everything_under(tmp_path) == {}
