"""Checkpoints that appear whole or not at all, whatever ends fairseq-train while it writes them.

fairseq writes a checkpoint beside its place and then renames it, which is safe, but for two things:

- Its other names (``checkpoint_best.pt``, ``checkpoint_last.pt``) are copies that are written in place. A training that
  is killed meanwhile leaves half a ``checkpoint_last.pt``, on which the same command fails from then on.
- A write that failed (disk full) is tried again behind what is in the file already, so that a file which nothing can
  read may end under the name of a checkpoint.

fairseq has no option against either, so the functions that write are replaced when the plugin is loaded. What they
write and where stays the same, but for NumPy values (see numpy_values.py). Half-made files have a name of their own
each, with fairseq's ending ``.tmp``. The next training in the folder removes what one that was killed has left.

A folder belongs to one training at a time: two would write the same names.
"""

import atexit
import fcntl
import logging
import os
import re
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import torch
from fairseq import checkpoint_utils
from fairseq.file_io import PathManager

from data_gen.errors import FAILURE, WRONG_NAMES, WRONG_USE, UserError
from fairseq_plugin.checkpoints.numpy_values import plain
from fairseq_plugin.program import reports_user_errors

logger = logging.getLogger(__name__)

ATTEMPTS: Final = 3
PAUSE: Final = 2.5
"""Seconds between two attempts to write, as in fairseq."""
HALF_MADE: Final = re.compile(r"checkpoint.*\.pt(\.[0-9a-f]{8})?\.tmp")

fairseq_save = checkpoint_utils.torch_persistent_save
fairseq_copy = PathManager.copy

_claims: dict[tuple[int, int], int] = {}  # folders of this process, by device and number: open until it ends


def write_whole_checkpoints() -> None:
    """Have fairseq write with the functions below."""
    checkpoint_utils.torch_persistent_save = save
    checkpoint_utils.verify_checkpoint_directory = verify
    PathManager.copy = staticmethod(copy)


@reports_user_errors
def save(obj: Any, filename: str, async_write: bool = False) -> None:
    """Write a checkpoint; each attempt begins with an empty file.

    :raises UserError: the system refuses again and again; a checkpoint that had the name is still there.
    """
    if async_write or not PathManager.supports_rename(filename):
        fairseq_save(obj, filename, async_write)
        return
    obj = plain(obj)
    for attempt in range(ATTEMPTS):
        try:
            with _renamed(filename) as part, open(part, "wb") as stream:
                torch.save(obj, stream)
            return
        except (OSError, RuntimeError) as error:  # torch makes a RuntimeError of what the system says
            reason = _refusal(error)
            if reason is None:
                raise
            if attempt == ATTEMPTS - 1:
                raise _failure(filename, reason) from error
            logger.warning("cannot write %r: %s; trying again", filename, reason.strerror or reason)
            time.sleep(PAUSE)


@reports_user_errors
def copy(src_path: str, dst_path: str, overwrite: bool = False) -> Any:
    """Copy a checkpoint to another name.

    :returns: something true, as fairseq expects.
    :raises UserError: the system refuses; a checkpoint that had the name is still there.
    """
    if not overwrite or not PathManager.supports_rename(dst_path):
        return fairseq_copy(src_path, dst_path, overwrite)
    try:
        with _renamed(dst_path) as part:
            return shutil.copyfile(src_path, part)
    except OSError as error:
        raise _failure(dst_path, error) from error


@reports_user_errors
def verify(save_dir: str) -> None:
    """Check before a training that its checkpoints can be written. A folder that is missing is not made yet.

    :raises UserError: they cannot.
    """
    try:
        folder = Path(save_dir).absolute()
        folders = sorted(path.name for path in folder.glob("checkpoint*.pt") if path.is_dir())
        while not folder.exists():
            folder = folder.parent
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise _unwritable(save_dir, error) from error
    if folders:
        raise UserError(
            f"--save-dir {save_dir!r} has a folder {folders[0]!r} where a checkpoint goes: move it away, or name "
            "another --save-dir"
        )


@contextmanager
def claimed(save_dir: str) -> Iterator[None]:
    """Make the folder of checkpoints, and keep other trainings out of it as long as this process lives.

    If the block ends with an error, the folder is given up. A new one vanishes again, then or when the process ends, if
    nothing is in it.

    :raises UserError: another training has it, or it cannot be made.
    """
    folder = Path(save_dir).absolute()
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        claim = _claim(folder)
    except BlockingIOError:
        raise UserError(
            f"another process trains into --save-dir {save_dir!r}: wait for its end, or name another folder"
        ) from None
    except OSError as error:
        _remove(missing)
        raise _unwritable(save_dir, error) from error
    atexit.register(_remove, missing)  # a loss may refuse its first batch
    try:
        yield
    except BaseException:
        if claim is not None:
            os.close(_claims.pop(claim))
        _remove(missing)
        raise


def _remove(folders: list[Path]) -> None:
    """Remove folders that are empty. The innermost folder is the first."""
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


def _claim(folder: Path) -> tuple[int, int] | None:
    """Lock a folder.

    :returns: its key in ``_claims`` if this process did not have it before.
    :raises BlockingIOError: another process has it.
    """
    found = folder.stat()
    name = found.st_dev, found.st_ino
    if name in _claims:
        return None
    opened = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(opened)
        raise
    except OSError:  # a file system without locks
        os.close(opened)
        return None
    _claims[name] = opened
    for path in folder.iterdir():
        if HALF_MADE.fullmatch(path.name):
            path.unlink(missing_ok=True)
    return name


def release(save_dir: str) -> None:
    """Let other processes train into a folder that this process has claimed."""
    with suppress(OSError):
        found = Path(save_dir).stat()
        if (claim := _claims.pop((found.st_dev, found.st_ino), None)) is not None:
            os.close(claim)


def _let_go() -> None:
    """In a process that this one starts: it may outlive this one, and must not keep the folders."""
    while _claims:
        os.close(_claims.popitem()[1])


os.register_at_fork(after_in_child=_let_go)


@contextmanager
def _renamed(filename: str) -> Iterator[str]:
    """Lend a name to write to, which becomes ``filename`` if the block ends without an error and else vanishes."""
    part = f"{filename}.{secrets.token_hex(4)}.tmp"
    try:
        yield part
        PathManager.rename(part, filename)
    except BaseException:
        with suppress(OSError):
            Path(part).unlink(missing_ok=True)
        raise


def _refusal(error: BaseException | None) -> OSError | None:
    """What the system said, if that is behind an error."""
    while error is not None and not isinstance(error, OSError):
        error = error.__context__
    return error


def _failure(filename: str, error: OSError) -> UserError:
    return UserError(
        f"cannot write checkpoint {filename!r}: {error.strerror or error}; mend that and run the same command again, "
        "which goes on from the last whole one",
        exit_code=FAILURE,
    )


def _unwritable(save_dir: str, error: OSError) -> UserError:
    return UserError(
        f"cannot write to --save-dir {save_dir!r}: {error.strerror}; mend that or name another folder",
        exit_code=WRONG_USE if error.errno in WRONG_NAMES else FAILURE,
    )
