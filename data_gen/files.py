"""Files that appear whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from data_gen.errors import UserError, failure_from_os_error
from data_gen.folder import exit_on_sigterm


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file beside ``path`` for writing; it takes the place of ``path`` if the block ends without an error.

    SIGTERM is such an error.

    :raises UserError: if the folder is missing (exit code 2) or the system refuses to write (exit code 1).
    :raises SystemExit: on SIGTERM.
    """
    require_folder(path)
    with exit_on_sigterm():
        yield from _renamed(path)


def require_folder(path: Path) -> None:
    """:raises UserError: if the folder in which a file is to appear is missing."""
    if not path.parent.is_dir():
        raise UserError(
            f"folder {str(path.parent)!r} does not exist: make it, or choose another place for {path.name!r}"
        )


def _renamed(path: Path) -> Iterator[BinaryIO]:
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as stream:
            yield stream
        part.replace(path)
    except OSError as error:
        if error.filename not in (None, str(part)):
            raise  # another file, which the block was reading
        raise failure_from_os_error("write", OSError(error.errno, error.strerror or str(error), str(path))) from error
    finally:
        with suppress(OSError):  # where the folder refuses, the error above says so
            part.unlink(missing_ok=True)
