"""fairseq's memory-mapped dataset files, written block by block in bounded memory.

``.bin`` holds the token ids of all sequences, each with its end-of-sequence id, and nothing else. ``.idx`` holds

    magic "MMIDIDX" 00 00 | version, uint64 | type of the ids, uint8 | sequences, uint64
    sizes, int32 each (end of sequence included) | byte offsets into .bin, int64 each

all little-endian (fairseq 0.12, ``fairseq/data/indexed_dataset.py``, ``MMapIndexedDataset``).
"""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
import numpy.typing as npt

_MAGIC: Final = b"MMIDIDX\x00\x00"
_VERSION: Final = 1
_HEADER: Final = struct.Struct("<9sQBQ")
_TYPE_CODES: Final = {2: 8, 4: 9}  # bytes of an unsigned id -> fairseq's code for the type
_SIZES_AT_A_TIME: Final = 1_048_576

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


@contextmanager
def indexed_files(prefix: Path, vocabulary_size: int) -> Iterator["IndexedWriter"]:
    """Open ``PREFIX.bin`` and ``PREFIX.idx`` for writing; they are complete when left without an error.

    :param prefix: path of the two files without their endings.
    :param vocabulary_size: decides the type of the ids.
    :raises OSError: if they cannot be written.
    """
    with open(f"{prefix}.bin", "wb") as ids_file, open(f"{prefix}.idx", "w+b") as index_file:
        writer = IndexedWriter(ids_file, index_file, id_type(vocabulary_size))
        yield writer
        writer.finish()


class IndexedWriter:
    """Writes the two files of one side of a split; see :func:`indexed_files`."""

    def __init__(self, ids_file: BinaryIO, index_file: BinaryIO, kind: np.dtype[np.unsignedinteger]) -> None:
        self._bin = ids_file
        self._idx = index_file
        self._type = kind
        self._sequences = 0
        self._write_header()

    def add(self, ids: npt.NDArray[np.unsignedinteger], lengths: npt.NDArray[np.int64]) -> None:
        """Append encoded sequences.

        :param ids: (symbols + sequences,) as :func:`end_sequences` makes them.
        :param lengths: (sequences,) symbols in each, end of sequence not counted.
        """
        assert ids.dtype == self._type, f"ids of type {ids.dtype} in a file of {self._type}"
        self._bin.write(ids.data)
        self._idx.write((lengths + 1).astype("<i4").data)
        self._sequences += len(lengths)

    def finish(self) -> None:
        """Complete the index, which needs all the sizes before the first offset."""
        self._append_offsets()
        self._idx.seek(0)
        self._write_header()

    def _write_header(self) -> None:
        self._idx.write(_HEADER.pack(_MAGIC, _VERSION, _TYPE_CODES[self._type.itemsize], self._sequences))

    def _append_offsets(self) -> None:
        """Read the sizes back, a piece at a time, and append where each sequence begins."""
        next_offset = 0
        for first in range(0, self._sequences, _SIZES_AT_A_TIME):
            count = min(_SIZES_AT_A_TIME, self._sequences - first)
            self._idx.seek(_HEADER.size + 4 * first)
            sizes = np.frombuffer(self._idx.read(4 * count), dtype="<i4").astype("<i8") * self._type.itemsize
            ends = next_offset + np.cumsum(sizes)
            self._idx.seek(_HEADER.size + 4 * self._sequences + 8 * first)
            self._idx.write((ends - sizes).data)
            next_offset = int(ends[-1])
