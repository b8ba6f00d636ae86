"""What the processes of one test run share (pytest-xdist starts them): turns, and what only one of them makes."""

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


@contextmanager
def locked(path: Path, how: int = fcntl.LOCK_EX) -> Iterator[None]:
    with open(path, "wb") as file:
        fcntl.flock(file, how)
        yield


@contextmanager
def turn(folder: Path, *, alone: bool) -> Iterator[None]:
    """Wait until a test may run. A test that runs alone waits for the others to end, and lets no other begin."""
    with open(folder / "room.lock", "wb") as room:
        with locked(folder / "door.lock"):
            fcntl.flock(room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield


def made_once(folder: Path, make: Callable[[Path], T]) -> Path:
    """The first process that asks for ``folder`` makes it; the others wait, and read it."""
    done = folder.with_suffix(".done")
    with locked(folder.with_suffix(".lock")):
        if not done.exists():
            make(folder)
            done.touch()
    return folder
