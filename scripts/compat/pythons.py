"""Finds the interpreter of a version: one that was named, one on the PATH, one of pyenv."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from data_gen.errors import UserError

VERSION = "import sys; print('%d.%d' % sys.version_info[:2])"


def version_of(python: str | Path) -> str | None:
    """Major and minor version of an interpreter, None if it does not run (pyenv puts such ones on the PATH)."""
    try:
        done = subprocess.run([python, "-c", VERSION], capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def named_pythons(paths: Iterable[Path]) -> dict[str, Path]:
    """Version -> interpreter. :raises UserError: one does not run."""
    found = {}
    for path in paths:
        version = version_of(path)
        if version is None:
            raise UserError(
                f"--python {str(path)!r} does not run: name an interpreter, as in --python /usr/bin/python3.11"
            )
        found[version] = path.absolute()
    return found


def find_python(version: str, named: dict[str, Path]) -> Path | None:
    """The interpreter of a version such as 3.11.

    :param named: those that the command line names.
    """
    candidates = [named[version]] if version in named else _candidates(version)
    return next((path for path in candidates if version_of(path) == version), None)


def _candidates(version: str) -> Iterator[Path]:
    on_path = shutil.which(f"python{version}")
    if on_path is not None:
        yield Path(on_path)
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from sorted(root.glob(f"versions/{version}.*/bin/python"), key=_numbers, reverse=True)


def _numbers(path: Path) -> list[int]:
    """The version in a path of pyenv, as numbers to sort by."""
    return [int(number) for number in re.findall(r"\d+", path.parent.parent.name)]
