"""Files and dataset folders that appear whole or not at all, and what a killed run left behind.

A file or a folder is made beside its destination under a hidden name, and renamed when it is complete. What it replaces
stays in place until then.

A folder in the making is called ``.data_gen-<what it will be>-<host>-<random>``, and whoever makes it holds a lock
(``flock``) on it. The operating system lets go of the lock when the process ends, however it ends. So a folder of this
host without a lock is left over. Other hosts on a shared file system cannot be asked: their folders are left over when
nothing in them has changed for a day. The same holds where the file system has no locks.
"""

import fcntl
import hashlib
import os
import secrets
import shutil
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from data_gen.errors import UserError, failure_from_os_error
from data_gen.manifest import MANIFEST_NAME, read_manifest
from data_gen.signals import exit_on_signals

LONGEST_NAME = 200
"""Bytes for the name in that of the file beside it; most systems allow 255 for all of it."""


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file beside ``path`` for writing; it takes the place of ``path`` if the block ends without an error.

    A signal leads to such an error. Where ``path`` is a link, what it points to is replaced.

    :raises UserError: if there is no place for a file (exit code 2) or the system refuses to write (exit code 1).
    :raises Ended: on SIGTERM or SIGHUP.
    """
    require_place(path)
    with exit_on_signals():
        yield from _renamed(path)


def require_place(path: Path) -> None:
    """Check that a file can appear at a path.

    :raises UserError: if the folder in which a file is to appear is missing, or a device or pipe has its name.
    """
    if not path.parent.is_dir():
        raise UserError(
            f"folder {str(path.parent)!r} does not exist: make it, or choose another place for {path.name!r}"
        )
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise UserError(f"{str(path)!r} is a device or a pipe, which a file would replace: name a file")


def require_not_read(option: str, path: Path, read: Iterable[Path]) -> None:
    """Check that a file to write is none of those that the command reads.

    :param option: which names the file to write.
    :raises UserError: it is one of them, perhaps under another name.
    """
    for each in read:
        with suppress(OSError):  # one of them is missing, or out of reach
            if each.samefile(path):
                raise UserError(f"{option} {str(path)!r} would replace what is read: choose another name")


def _renamed(path: Path) -> Iterator[BinaryIO]:
    target = Path(os.path.realpath(path))
    name = target.name if len(os.fsencode(target.name)) <= LONGEST_NAME else digest(target.name)
    part = target.with_name(f".{name}.{os.getpid()}.part")
    try:
        with part.open("wb") as stream:
            yield stream
        part.replace(target)
    except OSError as error:
        if error.filename not in (None, str(part)):
            raise  # another file, which the block was reading
        raise failure_from_os_error("write", OSError(error.errno, error.strerror or str(error), str(path))) from error
    finally:
        with suppress(OSError):  # where the folder refuses, the error above says so
            part.unlink(missing_ok=True)


QUIET_SECONDS: Final = 24 * 60 * 60
"""A folder that cannot be asked for is left over when it has not changed for so long."""


def hidden_sibling(target: Path) -> Path:
    """Choose a hidden name. :returns: a new hidden name beside ``target`` for what is to become, or was, ``target``."""
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
    """Try to lock an open folder. :returns: whether the lock is ours now; None if the file system has no locks."""
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


@contextmanager
def new_folder(destination: Path, *, overwrite: bool) -> Iterator[Path]:
    """Lend an empty folder to fill; on leaving, it becomes ``destination``, or vanishes if an error is on its way.

    Missing parent folders are made, and removed again after an error, to which a signal leads. What runs that were
    killed have left behind here is removed.

    :param overwrite: replace ``destination`` if it is a dataset of ours.
    :raises UserError: if ``destination`` is in use, or if the operating system refuses something.
    :raises Ended: on SIGTERM or SIGHUP.
    """
    target = Path(os.path.realpath(destination))
    try:
        require_free(destination, target, overwrite=overwrite)
        new_parents = [parent for parent in target.parents if not parent.exists()]
        with exit_on_signals():
            try:
                remove_leftovers(target, whole=False)
                with folder_in_the_making(target) as fresh:
                    try:
                        yield fresh
                        require_free(destination, target, overwrite=overwrite)
                        _move_into_place(fresh, target)
                    except BaseException:
                        shutil.rmtree(fresh, ignore_errors=True)
                        raise
                remove_leftovers(target, whole=True)
            except BaseException:
                for parent in new_parents:  # the innermost first
                    with suppress(OSError):
                        parent.rmdir()
                raise
    except OSError as error:
        reason = OSError(error.errno, error.strerror or str(error), str(destination))
        raise failure_from_os_error("write the dataset", reason) from error


def require_free(destination: Path, target: Path, *, overwrite: bool) -> None:
    """Check that a folder may be made or replaced.

    :raises UserError: if ``target`` may not be made or replaced; the line names ``destination`` as it was given.
    """
    shown = repr(str(destination))
    for parent in target.parents:
        if parent.exists() and not parent.is_dir():
            raise UserError(f"{shown} cannot be made: {str(parent)!r} is a file, not a folder; choose another folder")
    if not target.exists():
        return
    if not target.is_dir():
        raise UserError(f"{shown} is a file: give the name of a folder")
    if target == Path(os.path.realpath(Path.cwd())):
        raise UserError(f"{shown} is the current folder, which cannot be replaced: give the name of another folder")
    entries = sorted(entry.name for entry in target.iterdir())
    if not entries:
        return
    if not overwrite and MANIFEST_NAME not in entries:
        raise UserError(f"{shown} is not empty, and no dataset: choose another folder")
    if not overwrite:
        raise UserError(f"{shown} is not empty: choose another folder, or add --overwrite to replace the dataset in it")
    _require_dataset(target, shown, entries)


def _require_dataset(target: Path, shown: str, entries: list[str]) -> None:
    """Check that a folder holds a dataset and nothing else.

    :raises UserError: if the folder holds anything that is not part of a dataset of ours.
    """
    way_out = "choose another folder, or delete this one yourself"
    if MANIFEST_NAME not in entries:
        raise UserError(f"{shown} holds no {MANIFEST_NAME}, so --overwrite leaves it alone: {way_out}")
    try:
        known = {MANIFEST_NAME, *read_manifest(target).files}
    except UserError as error:
        raise UserError(f"{shown} holds no valid {MANIFEST_NAME}, so --overwrite leaves it alone: {way_out}") from error
    for entry in entries:
        if entry not in known:
            raise UserError(f"{shown} also holds {entry!r}, so --overwrite leaves it alone: move that away first")


def _move_into_place(fresh: Path, target: Path) -> None:
    if not target.exists() or not any(target.iterdir()):
        fresh.rename(target)
        return
    old = hidden_sibling(target)
    try:
        target.rename(old)
        fresh.rename(target)
    except BaseException:
        if old.exists() and not target.exists():
            old.rename(target)
        raise
    try:
        shutil.rmtree(old)
    except OSError as error:
        raise failure_from_os_error("delete the replaced dataset", error) from error
