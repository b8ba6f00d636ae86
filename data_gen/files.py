"""Files that appear whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from data_gen.errors import UserError, failure_from_os_error
from data_gen.leftovers import digest
from data_gen.signals import exit_on_signals

ROOM = 200
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
    """:raises UserError: if the folder in which a file is to appear is missing, or a device or pipe has its name."""
    if not path.parent.is_dir():
        raise UserError(
            f"folder {str(path.parent)!r} does not exist: make it, or choose another place for {path.name!r}"
        )
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise UserError(f"{str(path)!r} is a device or a pipe, which a file would replace: name a file")


def _renamed(path: Path) -> Iterator[BinaryIO]:
    target = Path(os.path.realpath(path))
    name = target.name if len(os.fsencode(target.name)) <= ROOM else digest(target.name)
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
