"""Checkpoints that appear whole or not at all, whatever ends fairseq-train while it writes them.

fairseq writes a checkpoint beside its place and then renames it, which is safe, but for two things:

- Its other names (``checkpoint_best.pt``, ``checkpoint_last.pt``) are copies that are written in place. A training that
  is killed meanwhile leaves half a ``checkpoint_last.pt``, on which the same command fails from then on.
- A write that failed (disk full) is tried again behind what is in the file already, so that a file which nothing can
  read may end under the name of a checkpoint.

fairseq has no option against either, so the functions that write are replaced when the plugin is loaded. What they
write and where stays the same, half-made files have the ending ``.tmp`` as fairseq's, and the next checkpoint of that
name takes their place.
"""

import logging
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import torch
from fairseq import checkpoint_utils
from fairseq.file_io import PathManager

from data_gen.errors import FAILURE, UserError
from fairseq_plugin.cli_errors import reports_user_errors

logger = logging.getLogger(__name__)

ATTEMPTS: Final = 3
PAUSE: Final = 2.5
"""Seconds between two attempts to write, as in fairseq."""

fairseq_save = checkpoint_utils.torch_persistent_save
fairseq_copy = PathManager.copy
fairseq_verify = checkpoint_utils.verify_checkpoint_directory


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
    """Check before a training that its checkpoints can be written. :raises UserError: they cannot."""
    try:
        fairseq_verify(save_dir)
    except OSError as error:
        raise UserError(
            f"cannot write to --save-dir {save_dir!r}: {error.strerror}; mend that or name another folder",
            exit_code=FAILURE,
        ) from error


@contextmanager
def _renamed(filename: str) -> Iterator[str]:
    """Lend a name to write to, which becomes ``filename`` if the block ends without an error and else vanishes."""
    part = f"{filename}.tmp"
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
