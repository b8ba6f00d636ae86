"""What is deleted as left over, and what is not."""

import os
import time
from pathlib import Path

import pytest

from data_gen import files
from data_gen.files import folder_in_the_making, hidden_sibling, new_folder, remove_leftovers


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("name", ["data", "x" * 255, "a [b]*é"])
def test_a_folder_without_its_maker_is_left_over(tmp_path: Path, name: str) -> None:
    hidden_sibling(tmp_path / name).mkdir()
    other = hidden_sibling(tmp_path / "other")
    other.mkdir()
    remove_leftovers(tmp_path / name, whole=False)
    assert names(tmp_path) == [other.name]


def test_a_folder_in_the_making_is_not(tmp_path: Path) -> None:
    with folder_in_the_making(tmp_path / "data") as fresh:
        remove_leftovers(tmp_path / "data", whole=True)
        assert fresh.is_dir()
    remove_leftovers(tmp_path / "data", whole=True)
    assert names(tmp_path) == []


def test_two_runs_for_one_place_leave_each_other_alone(tmp_path: Path) -> None:
    with new_folder(tmp_path / "data", overwrite=False) as first:
        (first / "a").touch()
        with pytest.raises(KeyError), new_folder(tmp_path / "data", overwrite=False):
            raise KeyError
        assert names(tmp_path) == [first.name]
    assert names(tmp_path) == ["data"]
    assert names(tmp_path / "data") == ["a"]


def test_whole_datasets_wait_for_their_successor(tmp_path: Path) -> None:
    old = hidden_sibling(tmp_path / "data")
    old.mkdir()
    (old / "manifest.json").touch()
    with new_folder(tmp_path / "data", overwrite=False):
        assert old.is_dir()
    assert names(tmp_path) == ["data"]


@pytest.mark.parametrize("locks", [True, False])
def test_what_cannot_be_asked_for_gets_a_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, locks: bool) -> None:
    """A folder of another host, or one on a file system without locks."""
    if locks:
        monkeypatch.setattr("data_gen.files.socket.gethostname", lambda: "elsewhere")
    place = hidden_sibling(tmp_path / "data")
    monkeypatch.undo()
    if not locks:
        monkeypatch.setattr(files, "_lock", lambda handle: None)
    place.mkdir()
    (place / "train.src").touch()
    day_ago = time.time() - files.QUIET_SECONDS
    os.utime(place, (day_ago - 60, day_ago - 60))
    remove_leftovers(tmp_path / "data", whole=False)
    assert names(tmp_path) == [place.name]
    os.utime(place / "train.src", (day_ago + 60, day_ago + 60))
    remove_leftovers(tmp_path / "data", whole=False)
    assert names(tmp_path) == [place.name]
    os.utime(place / "train.src", (day_ago - 60, day_ago - 60))
    remove_leftovers(tmp_path / "data", whole=False)
    assert names(tmp_path) == []


def test_a_folder_taken_for_a_leftover_as_it_was_made_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another run may find it between its making and its locking."""
    lock, turns = files._lock, 0

    def lose_the_first_two(handle: int) -> bool | None:
        nonlocal turns
        turns += 1
        (folder,) = tmp_path.iterdir()
        if turns <= 2:
            folder.rmdir()
        return False if turns == 1 else lock(handle)

    monkeypatch.setattr(files, "_lock", lose_the_first_two)
    with folder_in_the_making(tmp_path / "data") as fresh:
        assert names(tmp_path) == [fresh.name]
    assert turns == 3
