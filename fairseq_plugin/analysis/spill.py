"""Attention records in a temporary file, from which they come back in corpus order.

fairseq decodes sentences by their length, files hold them in the order of the corpus. In between they wait on disk;
memory holds the distinct tokens and 24 bytes a record. The file has no name, so nothing is left of it, however the
process ends. A record in it:

    id, rank, score, S, T, R         int64, int64, float64, three int32; R is -1 where there is no reference
    source, target, reference        S + T + R int32, tokens by number
    weights                          T x S float32
"""

import os
import struct
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import IO

import numpy as np

from data_gen.errors import failure_from_os_error
from fairseq_plugin.analysis.records import AttentionRecord

HEADER = struct.Struct("=qqdiii")


class Spill:
    """Records that are added in any order and read, any number of times, by rising (id, rank).

    :param folder: where the file takes its space; by default where temporary files are.
    :raises UserError: if the system refuses to make the file or to write to it.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        with self._reporting():
            self._file: IO[bytes] = TemporaryFile(dir=folder)  # noqa: SIM115 (closed by __exit__)
        self._ids, self._ranks = array("q"), array("q")
        self._ends = array("q", [0])  # in the file, after each record
        self._numbers: dict[str, int] = {}
        self._tokens: list[str] = []

    def __enter__(self) -> "Spill":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._reporting():
            self._file.close()

    def add(self, record: AttentionRecord) -> None:
        """Put a record at the end of the file."""
        reference = record.reference or ()
        lengths = (len(record.source), len(record.target), -1 if record.reference is None else len(reference))
        header = HEADER.pack(record.id, record.rank, record.score, *lengths)
        numbers = array("i", map(self._number, (*record.source, *record.target, *reference)))
        entry = b"".join((header, numbers.tobytes(), record.weights.tobytes()))
        with self._reporting():
            self._file.write(entry)
        self._ids.append(record.id)
        self._ranks.append(record.rank)
        self._ends.append(self._ends[-1] + len(entry))

    @property
    def ids(self) -> np.ndarray:
        """(N,) int64, the sentences of the records in the order in which they were added."""
        return np.array(self._ids, dtype=np.int64)

    def __len__(self) -> int:
        return len(self._ids)

    def __iter__(self) -> Iterator[AttentionRecord]:
        with self._reporting():
            self._file.flush()
        for place in map(int, np.lexsort((np.array(self._ranks), np.array(self._ids)))):
            begin, end = self._ends[place : place + 2]
            with self._reporting():
                entry = os.pread(self._file.fileno(), end - begin, begin)
            yield self._record(entry)

    def _number(self, token: str) -> int:
        number = self._numbers.get(token)
        if number is None:
            number = self._numbers[token] = len(self._tokens)
            self._tokens.append(token)
        return number

    def _record(self, entry: bytes) -> AttentionRecord:
        sentence, rank, score, sources, targets, references = HEADER.unpack_from(entry)
        width = sources + targets + max(references, 0)
        numbers = np.frombuffer(entry, np.int32, width, HEADER.size).tolist()
        tokens = tuple([self._tokens[number] for number in numbers])
        weights = np.frombuffer(entry, np.float32, sources * targets, HEADER.size + 4 * width)
        return AttentionRecord(
            id=sentence,
            rank=rank,
            score=score,
            source=tokens[:sources],
            target=tokens[sources : sources + targets],
            reference=None if references < 0 else tokens[sources + targets :],
            weights=weights.reshape(targets, sources),
        )

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            place = str(self._folder) if self._folder else None
            reason = OSError(error.errno, error.strerror or str(error), place)
            raise failure_from_os_error("keep attention in a temporary file in", reason) from error
