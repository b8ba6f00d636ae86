"""Half-made folders that a killed run left behind, told from those of a run that is still at work.

A folder in the making has a hidden name, ``.data_gen-<what it will be>-<host>-<random>``, and whoever makes it holds a
lock (``flock``) on it; the operating system lets go of the lock when the process ends, however it ends. So a folder of
this host without a lock is left over. Other hosts on a shared file system cannot be asked: their folders are left
over when nothing in them has changed for a day. The same holds where the file system has no locks.
"""

import fcntl
import hashlib
import os
import secrets
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from data_gen.manifest import MANIFEST_NAME

QUIET_SECONDS: Final = 24 * 60 * 60
"""A folder that cannot be asked for is left over when it has not changed for so long."""


def hidden_sibling(target: Path) -> Path:
    """:returns: a new hidden name beside ``target`` for what is to become, or was, ``target``."""
    return target.with_name(f"{_prefix(target)}{_host()}-{secrets.token_hex(8)}")


@contextmanager
def folder_in_the_making(target: Path) -> Iterator[Path]:
    """Make an empty hidden folder beside ``target``, parents included, and hold the lock on it.

    It is not removed on leaving.
    """
    while True:
        fresh = hidden_sibling(target)
        fresh.mkdir(parents=True)
        handle = os.open(fresh, os.O_RDONLY)
        try:
            if _lock(handle) is not False and fresh.exists():
                yield fresh
                return
        finally:
            os.close(handle)
        # Another run took it for a leftover between its making and its locking, and has removed it.


def remove_leftovers(target: Path, *, whole: bool) -> None:
    """Delete what killed runs that were to make ``target`` left behind, as far as the system allows.

    :param whole: also delete whole datasets: one that was about to be replaced by the killed run, say. Only to be
        done once ``target`` is there, for until then it may be the only one.
    """
    with suppress(OSError):  # there is no such place yet, or nothing to be seen there
        for folder in target.parent.iterdir():
            if folder.name.startswith(_prefix(target)) and (whole or not (folder / MANIFEST_NAME).exists()):
                with suppress(OSError):  # not ours to delete, or gone already
                    _remove_if_left_over(folder)


def _remove_if_left_over(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        locked = _lock(handle) if folder.name.split("-")[-2] == _host() else None
        if locked is None and time.time() - _last_change(folder) > QUIET_SECONDS:
            locked = True
        if locked:
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(handle)


def _lock(handle: int) -> bool | None:
    """:returns: whether the lock is ours now; None if the file system has no locks."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _last_change(folder: Path) -> float:
    return max(path.stat().st_mtime for path in (folder, *folder.iterdir()))


def _prefix(target: Path) -> str:
    return f".data_gen-{digest(target.name)}-"


def _host() -> str:
    return digest(socket.gethostname())


def digest(name: str) -> str:
    """Names of any length and content as a few letters."""
    return hashlib.sha256(os.fsencode(name)).hexdigest()[:8]
