"""The folder of a study, which goes on from what is there as long as it is the same study."""

import json
from pathlib import Path
from typing import Any

from data_gen.errors import UserError, failure_from_os_error, listed
from data_gen.files import whole_file

MARK = "study.json"


def study_folder(folder: Path, wanted: dict[str, Any]) -> Path:
    """Make the folder, or go on in it if it was made for the same study.

    :param wanted: all that makes the study what it is, for ``study.json`` in the folder.
    :returns: its absolute path.
    :raises UserError: it was made for another study, holds something else, or cannot be made.
    """
    text = json.dumps(wanted, indent=2) + "\n"
    mark = folder / MARK
    make_folder(folder)
    try:
        if mark.exists():
            if (there := mark.read_text(encoding="utf-8")) != text:
                raise UserError(
                    f"{str(folder)!r} is of a study with other {_other(there, text)}: remove it or name another with "
                    "--folder"
                )
        elif any(folder.iterdir()):
            raise UserError(f"{str(folder)!r} holds something else: name another folder with --folder")
    except OSError as error:
        raise failure_from_os_error("make folder", error) from None
    write(mark, text)
    return folder.resolve()


def _other(there: str, wanted: str) -> str:
    """What differs, by name."""
    try:
        old, new = dict(json.loads(there)), json.loads(wanted)
    except (ValueError, TypeError):  # somebody has changed the file
        return "settings"
    return listed([name for name in {**new, **old} if old.get(name) != new.get(name)]) or "settings"


def make_folder(folder: Path) -> None:
    """:raises UserError: the system refuses."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise failure_from_os_error("make folder", error) from None


def write(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    with whole_file(path) as stream:
        stream.write(text.encode())
