"""What only one of the processes of a test run makes, for all of them (pytest-xdist starts them)."""

import fcntl
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


def made_once(folder: Path, make: Callable[[Path], T]) -> Path:
    """The first process that asks for ``folder`` makes it; the others wait, and read it."""
    done = folder.with_suffix(".done")
    with open(folder.with_suffix(".lock"), "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            make(folder)
            done.touch()
    return folder
