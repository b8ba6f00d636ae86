"""Attention records in files; the ending of the name chooses the format.

``.jsonl`` is described in :mod:`jsonl`, ``.npz`` in :mod:`npz`. Both keep records by rising (id, rank) and give back
every weight and score bit for bit. Another format is another line in ``FORMATS``.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from data_gen.errors import UserError, failure_from_os_error
from fairseq_plugin.analysis.files import whole_file
from fairseq_plugin.analysis.jsonl import read_jsonl, write_jsonl
from fairseq_plugin.analysis.layout import in_order
from fairseq_plugin.analysis.npz import read_npz, write_npz
from fairseq_plugin.analysis.records import AttentionRecord


@dataclass(frozen=True)
class Format:
    """How one kind of file is written to and read from an open binary file; errors need not name the file."""

    write: Callable[[Iterable[AttentionRecord], BinaryIO], None]
    read: Callable[[BinaryIO], list[AttentionRecord]]


def write_records(records: Iterable[AttentionRecord], path: str | Path) -> None:
    """Write records, which come by rising (id, rank), to a file; its ending chooses the format.

    The file appears once it is complete; on any error what stood there before remains.

    :raises UserError: if the ending is unknown, the records are out of order, or the file cannot be written.
    """
    path = Path(path)
    chosen = format_of(path)
    with whole_file(path) as stream:
        chosen.write(in_order(records), stream)


def read_records(path: str | Path) -> list[AttentionRecord]:
    """Read the records of a file, by rising (id, rank).

    :raises UserError: if the ending is unknown, the file is missing or unreadable, or it does not hold what
        :func:`write_records` writes; the message names the file and, in a ``.jsonl`` file, the line.
    """
    path = Path(path)
    chosen = format_of(path)
    try:
        with path.open("rb") as stream:
            return chosen.read(stream)
    except FileNotFoundError:
        raise UserError(f"no attention file {str(path)!r}: give the file that extract_attention.py wrote") from None
    except OSError as error:
        raise failure_from_os_error("read", OSError(error.errno, error.strerror or str(error), str(path))) from error
    except UserError as error:
        raise UserError(f"{str(path)!r}: {error}", error.exit_code) from None


def format_of(path: Path) -> Format:
    """:raises UserError: if no format has the ending of ``path``."""
    try:
        return FORMATS[path.suffix.lower()]
    except KeyError:
        raise UserError(f"attention file {str(path)!r} must end in {' or '.join(FORMATS)}") from None


FORMATS: dict[str, Format] = {
    ".npz": Format(write_npz, read_npz),
    ".jsonl": Format(write_jsonl, read_jsonl),
}
