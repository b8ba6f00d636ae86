"""fairseq's memory-mapped dataset files: written block by block, and checked, in bounded memory.

``.bin`` holds the token ids of all sequences, each with its end-of-sequence id, and nothing else. ``.idx`` holds

    magic "MMIDIDX" 00 00 | version, uint64 | type of the ids, uint8 | sequences, uint64
    sizes, int32 each (end of sequence included) | byte offsets into .bin, int64 each

all little-endian (fairseq 0.12, ``fairseq/data/indexed_dataset.py``, ``MMapIndexedDataset``).

fairseq opens both files as they are. It finds out that a file is damaged when it trips over it: an assertion, an id
beyond the embeddings, or nothing at all. :func:`check_files` tells before. The other formats of fairseq
(``--dataset-impl``) are left to fairseq.
"""

import hashlib
import struct
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
import numpy.typing as npt

from data_gen.errors import UserError, failure_from_os_error

_MAGIC: Final = b"MMIDIDX\x00\x00"
_VERSION: Final = 1
_HEADER: Final = struct.Struct("<9sQBQ")  # magic, version, type of the ids, sequences
_ID_TYPES: Final = {1: "<u1", 2: "<i1", 3: "<i2", 4: "<i4", 5: "<i8", 8: "<u2", 9: "<u4", 10: "<u8"}
"""fairseq's code for a type of ids -> the type."""
_TYPE_CODES: Final = {kind: code for code, kind in _ID_TYPES.items()}
_AT_A_TIME: Final = 1_048_576
"""Sequences or ids in memory at once."""
_OTHER_FORMATS: Final = (b"TNTIDX\x00\x00", b"HUFFIDX\x00")
"""Files that begin so are of fairseq's other formats, cached and huffman."""
_MEND: Final = "copy the data here again, or make it again"

# fairseq gives these ids to <s>, <pad>, </s> and <unk> in every dictionary.
SPECIAL_TOKENS: Final = 4
END_OF_SEQUENCE: Final = 2
UNKNOWN: Final = 3


def id_type(vocabulary_size: int) -> np.dtype[np.unsignedinteger]:
    """The smallest type that fairseq stores the ids of such a vocabulary in."""
    return np.dtype("<u2") if vocabulary_size < 65_500 else np.dtype("<u4")


def end_sequences(
    ids: npt.NDArray[np.unsignedinteger], lengths: npt.NDArray[np.int64]
) -> npt.NDArray[np.unsignedinteger]:
    """Put the end-of-sequence id after each sequence.

    :param ids: (sum of lengths,) the ids of all sequences, one after the other.
    :param lengths: (sequences,) ids in each; 0 is allowed.
    :returns: (sum of lengths + sequences,) of the same type.
    """
    inside = np.ones(len(ids) + len(lengths), dtype=np.bool_)
    inside[np.cumsum(lengths + 1) - 1] = False
    ended = np.full(len(inside), END_OF_SEQUENCE, dtype=ids.dtype)
    ended[inside] = ids
    return ended


def indexed_sizes(tokens: int, sequences: int, vocabulary_size: int) -> tuple[int, int]:
    """Compute the sizes of the two files.

    :returns: the bytes of ``.bin`` and ``.idx`` for so many tokens, ends of sequences not counted.
    """
    return (tokens + sequences) * id_type(vocabulary_size).itemsize, _HEADER.size + (4 + 8) * sequences


@contextmanager
def indexed_files(prefix: Path, vocabulary_size: int, *, twins: Sequence[Path] = ()) -> Iterator["IndexedWriter"]:
    """Open ``PREFIX.bin`` and ``PREFIX.idx`` for writing; they are complete when left without an error.

    :param prefix: path of the two files without their endings.
    :param vocabulary_size: decides the type of the ids.
    :param twins: prefixes of more files, with the same content.
    :raises OSError: if they cannot be written.
    """
    with ExitStack() as stack:
        prefixes = (prefix, *twins)
        ids_files = [stack.enter_context(open(f"{each}.bin", "wb")) for each in prefixes]
        index_files = [stack.enter_context(open(f"{each}.idx", "w+b")) for each in prefixes]
        writer = IndexedWriter(ids_files, index_files, id_type(vocabulary_size))
        yield writer
        writer.finish()


class IndexedWriter:
    """Writes the two files of one side of a split, and of its twins; see :func:`indexed_files`.

    :param ids_files: where the ids go; each gets all of them.
    :param index_files: where the index goes, one for each of ``ids_files``.
    """

    def __init__(
        self, ids_files: Sequence[BinaryIO], index_files: Sequence[BinaryIO], kind: np.dtype[np.unsignedinteger]
    ) -> None:
        self._bins, self._indices = ids_files, index_files
        self._type = kind
        self._sequences = 0
        self._ids_hash, self._index_hash = hashlib.sha256(), hashlib.sha256()
        self._write_header()

    def add(self, ids: npt.NDArray[np.unsignedinteger], lengths: npt.NDArray[np.int64]) -> None:
        """Append encoded sequences.

        :param ids: (symbols + sequences,) as :func:`end_sequences` makes them.
        :param lengths: (sequences,) symbols in each, end of sequence not counted.
        """
        assert ids.dtype == self._type, f"ids of type {ids.dtype} in a file of {self._type}"
        sizes = (lengths + 1).astype("<i4")
        for stream in self._bins:
            stream.write(ids.data)
        for stream in self._indices:
            stream.write(sizes.data)
        self._ids_hash.update(ids.data)
        self._sequences += len(lengths)

    def finish(self) -> None:
        """Complete the index, which needs all the sizes before the first offset."""
        for stream in self._indices:
            stream.seek(0)
        self._index_hash.update(self._write_header())
        for sizes in self._read_sizes():
            self._index_hash.update(sizes.data)
        self._append_offsets()

    @property
    def digests(self) -> dict[str, str]:
        """The sha256 of each file, by file name; right once the files are complete."""
        found = {Path(stream.name).name: self._ids_hash.hexdigest() for stream in self._bins}
        return found | {Path(stream.name).name: self._index_hash.hexdigest() for stream in self._indices}

    def _write_header(self) -> bytes:
        header = _HEADER.pack(_MAGIC, _VERSION, _TYPE_CODES[self._type.str], self._sequences)
        for stream in self._indices:
            stream.write(header)
        return header

    def _read_sizes(self) -> Iterator[npt.NDArray[np.int32]]:
        """Read the sizes back, a piece at a time."""
        first_index = self._indices[0]
        for first in range(0, self._sequences, _AT_A_TIME):
            first_index.seek(_HEADER.size + 4 * first)
            count = min(_AT_A_TIME, self._sequences - first)
            yield np.frombuffer(first_index.read(4 * count), dtype="<i4")

    def _append_offsets(self) -> None:
        """Append where each sequence begins, a piece at a time."""
        next_offset, position = 0, _HEADER.size + 4 * self._sequences
        for sizes in self._read_sizes():
            ends = np.cumsum(sizes, dtype="<i8")
            ends *= self._type.itemsize
            ends += next_offset
            starts = ends - sizes * np.int64(self._type.itemsize)
            for stream in self._indices:
                stream.seek(position)
                stream.write(starts.data)
            self._index_hash.update(starts.data)
            next_offset, position = int(ends[-1]), position + starts.nbytes


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
    """Read the header of an index. :returns: type of the ids, number of sequences."""
    if len(header) < _HEADER.size or not header.startswith(_MAGIC):
        raise UserError(f"'{index}' is no index of fairseq's (it begins with {header[:9]!r}): {_MEND}")
    _, version, code, sequences = _HEADER.unpack(header)
    if version != _VERSION or code not in _ID_TYPES:
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
    """Check that index and ids belong together. :param stream: of the index, behind its header."""
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
