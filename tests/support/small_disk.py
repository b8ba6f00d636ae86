"""Places that refuse: a disk that is full or read-only, and a process with a limit or without permission."""

import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

NOBODY = 65534


@contextmanager
def mounted(folder: Path, size: int) -> Iterator[Path]:
    """A file system of its own, in memory, for so many bytes; the test is skipped where nothing may be mounted."""
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"cannot mount a small disk: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path, free: int) -> None:
    """Leave so many bytes free, in whole pages."""
    usage = os.statvfs(disk)
    (disk / "filler").write_bytes(bytes(usage.f_bavail * usage.f_frsize - free))


def make_read_only(disk: Path) -> None:
    """Let nothing be written any more, not even by root."""
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """The operating system refuses to let any file grow beyond this; Python ignores the signal that it sends."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def as_nobody() -> Iterator[None]:
    """Without root's permissions, for what this process does in the block."""
    if os.geteuid() != 0:
        pytest.skip("only root can become nobody")
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
