"""Parts of a text that a command writes: what stands between ``<!-- NAME:begin -->`` and ``<!-- NAME:end -->``."""

from pathlib import Path

from data_gen.errors import UserError, failure_from_os_error
from data_gen.files import whole_file


def replace_section(text: str, name: str, content: str) -> str:
    """The text with ``content`` between the markers of ``name``, which stay.

    :raises UserError: unless each marker is there once, the beginning before the end.
    """
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    if text.count(begin) != 1 or text.count(end) != 1 or text.index(end) < text.index(begin):
        raise UserError(f"no place for the {name}: write {begin} and {end} once each, in this order")
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n{content.strip()}\n{end}{after}"


def update_file(path: Path, name: str, content: str) -> None:
    """Replace a section of a file.

    :raises UserError: the file cannot be read or written, or lacks the markers.
    """
    text = _replaced(path, name, content)
    with whole_file(path) as stream:
        stream.write(text.encode())


def check_section(path: Path, name: str) -> None:
    """For a command to call before its long work. :raises UserError: the file cannot be read, or lacks the markers."""
    _replaced(path, name, "")


def _replaced(path: Path, name: str, content: str) -> str:
    text = read_text(path)
    try:
        return replace_section(text, name, content)
    except UserError as error:
        raise UserError(f"{str(path)!r} has {error}") from None


def read_text(path: Path) -> str:
    """:raises UserError: there is no such file of UTF-8 text."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise failure_from_os_error("read", error) from None
    except UnicodeDecodeError:
        raise UserError(f"cannot read {str(path)!r}: it is not UTF-8 text") from None
