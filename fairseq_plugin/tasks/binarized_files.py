"""Whether the files of a binarized split are whole, agree with one another and fit the dictionary.

fairseq opens ``.idx`` and ``.bin`` as they are and finds out when it trips over them: an assertion, an id beyond the
embeddings, or nothing at all. The layout is that of :mod:`data_gen.indexed`; the other formats of fairseq
(``--dataset-impl``) are left to fairseq.
"""

import struct
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np

from data_gen.errors import UserError, failure_from_os_error

_MAGIC: Final = b"MMIDIDX\x00\x00"
_HEADER: Final = struct.Struct("<9sQBQ")  # magic, version, type of the ids, sequences
_ID_TYPES: Final = {1: "<u1", 2: "<i1", 3: "<i2", 4: "<i4", 5: "<i8", 8: "<u2", 9: "<u4", 10: "<u8"}
_AT_A_TIME: Final = 1 << 20  # sequences or ids in memory at once
# Files that begin so are of fairseq's other formats, cached and huffman.
_OTHER_FORMATS: Final = (b"TNTIDX\x00\x00", b"HUFFIDX\x00")
_MEND: Final = "copy the data here again, or make it again"


def check_files(prefix: Path, symbols: int, dictionary: Path) -> int | None:
    """Read the index and the ids once, in pieces of bounded size.

    :param prefix: path of the two files without their endings.
    :param symbols: ids that ``dictionary`` gives.
    :param dictionary: for messages.
    :returns: how many sequences there are; None if the files are of another format of fairseq.
    :raises UserError: a file is missing, empty, damaged, or does not fit the other or the dictionary.
    """
    index, ids = Path(f"{prefix}.idx"), Path(f"{prefix}.bin")
    try:
        for path in (index, ids):
            if not path.is_file():
                raise UserError(f"'{path}' is missing, which belongs to '{index if path == ids else ids}': {_MEND}")
        with index.open("rb") as stream:
            header = stream.read(_HEADER.size)
            if header.startswith(_OTHER_FORMATS):
                return None
            kind, sequences = _read_header(index, header)
            _check_sizes(index, ids, stream, kind, sequences)
        _check_ids(ids, kind, symbols, dictionary)
    except OSError as error:
        raise failure_from_os_error("read", error) from error
    return sequences


def _read_header(index: Path, header: bytes) -> tuple[np.dtype[np.integer], int]:
    """:returns: type of the ids, number of sequences."""
    if len(header) < _HEADER.size or not header.startswith(_MAGIC):
        raise UserError(f"'{index}' is no index of fairseq's (it begins with {header[:9]!r}): {_MEND}")
    _, version, code, sequences = _HEADER.unpack(header)
    if version != 1 or code not in _ID_TYPES:
        raise UserError(f"'{index}' has version {version} and id type {code}, which fairseq does not know: {_MEND}")
    expected, found = _HEADER.size + (4 + 8) * sequences, index.stat().st_size
    if found != expected:
        raise UserError(
            f"'{index}' has {found} bytes, but its {sequences} sequences need {expected}: it is damaged or cut short; "
            f"{_MEND}"
        )
    if not sequences:
        raise UserError(f"'{index}' holds no sequence: make data with at least one")
    return np.dtype(_ID_TYPES[code]), sequences


def _check_sizes(index: Path, ids: Path, stream: BinaryIO, kind: np.dtype[np.integer], sequences: int) -> None:
    """:param stream: of the index, behind its header."""
    total, ids_bytes = 0, ids.stat().st_size
    for first in range(0, sequences, _AT_A_TIME):
        count = min(_AT_A_TIME, sequences - first)
        stream.seek(_HEADER.size + 4 * first)
        sizes = np.frombuffer(stream.read(4 * count), "<i4").astype(np.int64)  # (count,)
        stream.seek(_HEADER.size + 4 * sequences + 8 * first)
        begins = np.frombuffer(stream.read(8 * count), "<i8")  # (count,)
        wrong = np.flatnonzero((sizes < 1) | (begins < 0) | (begins > ids_bytes - sizes * kind.itemsize))
        if wrong.size:
            n = wrong[0]
            raise UserError(
                f"'{index}' gives sequence {first + n} {sizes[n]} ids from byte {begins[n]} on, but '{ids.name}' has "
                f"{ids_bytes} bytes: they do not belong together, or one is damaged; {_MEND}"
            )
        total += int(sizes.sum()) * kind.itemsize
    if total != ids_bytes:
        raise UserError(
            f"'{ids}' has {ids_bytes} bytes, but '{index.name}' needs {total}: they do not belong together, or one is "
            f"damaged; {_MEND}"
        )


def _check_ids(path: Path, kind: np.dtype[np.integer], symbols: int, dictionary: Path) -> None:
    with path.open("rb") as stream:
        while (ids := np.frombuffer(stream.read(_AT_A_TIME * kind.itemsize), kind)).size:
            wrong = ids[(ids < 0) | (ids >= symbols)] if ids.min() < 0 or ids.max() >= symbols else ids[:0]
            if wrong.size:
                raise UserError(
                    f"'{path}' holds the id {wrong[0]}, but '{dictionary}' gives 0 to {symbols - 1}: use the "
                    "dictionary that it was made with, or make the data again"
                )
