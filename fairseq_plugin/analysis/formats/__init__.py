"""Attention records in files; the ending of the name, or the name of a format, chooses the format.

| format      | keeps                                                | described in        |
| ----------- | ---------------------------------------------------- | ------------------- |
| npz         | everything                                           | :mod:`arrays`       |
| safetensors | everything                                           | :mod:`arrays`       |
| jsonl       | everything                                           | :mod:`json`         |
| bertviz     | everything                                           | :mod:`json`         |
| csv         | tokens and weights, not to be read back              | :mod:`csv`          |
| nematus     | everything but the reference                         | :mod:`text`         |
| fairseq     | everything but the end of the reference              | :mod:`text`         |
| marian      | target and weights of the best hypotheses            | :mod:`text`         |
| pharaoh     | source-target pairs by argmax of the best hypotheses | :mod:`text`         |

Weights come back bit for bit wherever they are kept, and are always target x source. The formats from ``nematus`` down
are plain text: they refuse tokens with white space rather than blur them. Another format is another line in
``FORMATS``.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from data_gen.errors import UserError, failure_from_os_error
from data_gen.files import whole_file
from fairseq_plugin.analysis.formats.arrays import read_npz, read_safetensors, write_npz, write_safetensors
from fairseq_plugin.analysis.formats.columns import Columns
from fairseq_plugin.analysis.formats.csv import write_csv
from fairseq_plugin.analysis.formats.json import read_bertviz, read_jsonl, write_bertviz, write_jsonl
from fairseq_plugin.analysis.formats.text import (
    read_fairseq,
    read_marian,
    read_nematus,
    write_fairseq,
    write_marian,
    write_nematus,
    write_pharaoh,
)
from fairseq_plugin.analysis.records import AttentionRecord, in_order


@dataclass(frozen=True)
class Format:
    """How one kind of file is written to and read from an open binary file; errors need not name the file.

    :param read: None if the file does not hold enough to make records of.
    :param best_only: whether it holds one hypothesis of each sentence only.
    """

    write: Callable[[Iterable[AttentionRecord], BinaryIO], None]
    read: Callable[[BinaryIO], Iterator[AttentionRecord]] | None
    best_only: bool = False


def write_records(records: Iterable[AttentionRecord], path: str | Path, name: str | None = None) -> None:
    """Write records, which come by rising (id, rank), to a file.

    The file appears once it is complete; on any error what stood there before remains.

    :param records: if they are :class:`Columns`, an .npz or .safetensors file is made straight from those.
    :param name: the format, a key of ``FORMATS``; by default the ending of ``path`` chooses it.
    :raises UserError: if there is no such format, the records are out of order, the format cannot keep one of them, or
        the file cannot be written.
    """
    path = Path(path)
    chosen = format_of(path, name)
    with whole_file(path) as stream:
        chosen.write(records if isinstance(records, Columns) else in_order(records), stream)


def read_records(path: str | Path, name: str | None = None) -> list[AttentionRecord]:
    """All records of :func:`iterate_records` as a list."""
    return list(iterate_records(path, name))


def iterate_records(path: str | Path, name: str | None = None) -> Iterator[AttentionRecord]:
    """Read the records of a file one by one, by rising (id, rank).

    Memory holds one record at a time, of an .npz or .safetensors also its ids, scores and offsets; a .bertviz or
    .fairseq file is read as a whole. Damage is seen when the reading comes to it.

    :param name: the format, a key of ``FORMATS``; by default the ending of ``path`` chooses it.
    :raises UserError: if there is no such format, the file is missing or unreadable, or it does not hold what
        :func:`write_records` writes; the message names the file and, in a file of text, the line.
    """
    path = Path(path)
    read = format_of(path, name, reads=True).read
    if read is None:
        raise UserError(f"{str(path)!r} cannot be read, only written: give {_endings(reads=True)}")
    return _iterate(path, read)


def _iterate(path: Path, read: Callable[[BinaryIO], Iterator[AttentionRecord]]) -> Iterator[AttentionRecord]:
    try:
        with path.open("rb") as stream:
            yield from read(stream)
    except FileNotFoundError:
        raise UserError(f"no attention file {str(path)!r}: extract it first") from None
    except OSError as error:
        raise failure_from_os_error("read", OSError(error.errno, error.strerror or str(error), str(path))) from error
    except UserError as error:
        raise UserError(f"{str(path)!r}: {error}", error.exit_code) from None


def format_of(path: Path, name: str | None = None, *, reads: bool = False) -> Format:
    """The format called ``name``, by default that of the ending of ``path``.

    :param reads: whether the file is to be read, which not every format allows.
    :raises UserError: if there is none; the message lists the formats.
    """
    if name is not None:
        if name not in FORMATS:
            raise UserError(f"no format {name!r}: choose one of {', '.join(FORMATS)}")
        return FORMATS[name]
    try:
        return FORMATS[path.suffix.lower().removeprefix(".")]
    except KeyError:
        if path.is_dir():
            raise UserError(f"{str(path)!r} is a folder: name an attention file") from None
        raise UserError(f"attention file {str(path)!r} must end in {_endings(reads=reads)}") from None


def _endings(*, reads: bool) -> str:
    """The endings of all formats in words. :param reads: only formats that can be read."""
    *endings, last = (f".{known}" for known, each in FORMATS.items() if not reads or each.read is not None)
    return f"{', '.join(endings)} or {last}"


FORMATS: dict[str, Format] = {
    "npz": Format(write_npz, read_npz),
    "safetensors": Format(write_safetensors, read_safetensors),
    "jsonl": Format(write_jsonl, read_jsonl),
    "bertviz": Format(write_bertviz, read_bertviz),
    "csv": Format(write_csv, None),
    "nematus": Format(write_nematus, read_nematus),
    "fairseq": Format(write_fairseq, read_fairseq),
    "marian": Format(write_marian, read_marian, best_only=True),
    "pharaoh": Format(write_pharaoh, None, best_only=True),
}
