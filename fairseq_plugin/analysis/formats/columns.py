"""Attention records as columns, the arrays that .npz and .safetensors hold. With N records and V distinct tokens:

    format, axes                     "fairseq-attention/1", "target x source"
    id, rank, score                  (N,) int64, int64, float64
    symbols                          (V,) the distinct tokens
    source, target, reference        the sequences of all records end to end, each token as its index in ``symbols``
    weights                          the (T, S) matrices of all records end to end, row by row, float32
    {source, target, reference, weights}_offsets
                                     (N + 1,) int64: record n owns the entries offsets[n] up to offsets[n + 1]
    has_reference                    (N,) bool; tells an empty reference from none

So ``symbols[source[source_offsets[n]:source_offsets[n + 1]]]`` are the source tokens of record n.

fairseq decodes sentences by their length, and files hold them in the order of the corpus. :class:`Columns` keeps what
is decoded on disk, and gives it in the order of files: as records, or as the arrays themselves.
"""

import os
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from copy import copy
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import Any, BinaryIO, NamedTuple, Protocol

import numpy as np

from data_gen.errors import UserError, failure_from_os_error
from fairseq_plugin.analysis.records import SEQUENCES, AttentionRecord, in_order

FORMAT = "fairseq-attention/1"
# The types of the arrays in files: those with one number a record, and those with entries end to end.
SHORT = {"id": np.dtype("<i8"), "rank": np.dtype("<i8"), "score": np.dtype("<f8"), "has_reference": np.dtype("|b1")}
RAGGED = dict.fromkeys(SEQUENCES, np.dtype("<i4")) | {"weights": np.dtype("<f4")}
OFFSET = np.dtype("<i8")
# The NumPy kinds that each may have when it is read.
NUMBERS = {"id": "iu", "rank": "iu", "score": "f", "has_reference": "b", "weights": "f"}
NUMBERS |= dict.fromkeys(SEQUENCES, "iu") | {f"{name}_offsets": "iu" for name in RAGGED}


class Array(NamedTuple):
    """One array of a file.

    :param chunks: its entries as bytes, which are read while they are asked for.
    """

    name: str
    dtype: np.dtype[Any]
    size: int
    chunks: Iterator[bytes]


class Columns:
    """Records that are added in any order and read, any number of times, by rising (id, rank).

    Sequences and weights are appended to temporary files without a name, so nothing is left of them, however the
    process ends. Memory holds the distinct tokens and less than 80 bytes a record.

    :param folder: where the files take their space; by default where temporary files are.
    :raises UserError: if the system refuses to make a file or to write to it, or a record was added twice.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._progress: Any = iter
        with self._reporting(), ExitStack() as opening:
            self._files = {name: opening.enter_context(TemporaryFile(dir=folder)) for name in RAGGED}
            self._open = opening.pop_all()
        self._short: dict[str, array[Any]] = {name: array(code) for name, code in zip(SHORT, "qqdb", strict=True)}
        self._ends = {name: array("q", [0]) for name in RAGGED}  # after each record
        self._symbols: dict[str, int] = {}

    def __enter__(self) -> "Columns":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._reporting():
            self._open.close()

    def add(self, record: AttentionRecord) -> None:
        """Append a record to the files."""
        sequences = (record.source, record.target, record.reference or ())
        numbers = [[self._symbols.setdefault(token, len(self._symbols)) for token in tokens] for tokens in sequences]
        for (name, dtype), values in zip(RAGGED.items(), (*numbers, record.weights), strict=True):
            flat = np.asarray(values, dtype)
            with self._reporting():
                self._files[name].write(flat.tobytes())
            self._ends[name].append(self._ends[name][-1] + flat.size)
        values = (record.id, record.rank, record.score, record.reference is not None)
        for column, value in zip(self._short.values(), values, strict=True):
            column.append(value)

    @property
    def ids(self) -> np.ndarray:
        """(N,) int64, the sentences of the records in the order in which they were added."""
        return np.array(self._short["id"])

    def __len__(self) -> int:
        return len(self._short["id"])

    def __iter__(self) -> Iterator[AttentionRecord]:
        symbols = list(self._symbols)
        for n in self._order(self._progress):
            ragged = {name: self._entries(name, n) for name in RAGGED}
            short = [column[n] for column in self._short.values()]
            yield AttentionRecord.trusted(**_fields(short, ragged, symbols))

    def watched(self, progress: Any) -> "Columns":
        """The same columns under a progress bar: each record counts once, when its weights are read.

        :param progress: wraps an iterable with one item a record.
        """
        columns = copy(self)
        columns._progress = progress
        return columns

    def arrays(self) -> tuple[list[str], list[Array]]:
        """The symbols of a file and its arrays of numbers, for all records by rising (id, rank)."""
        order = np.fromiter(self._order(), np.int64, len(self))
        used: dict[int, None] = {}  # symbols by their first use in this order
        for n in order:
            for name in SEQUENCES:
                used.update(dict.fromkeys(self._entries(name, n).tolist()))
        renumbered = np.empty(len(used), RAGGED["source"])
        renumbered[np.fromiter(used, np.int64, len(used))] = np.arange(len(used))
        symbols = list(self._symbols)
        return [symbols[number] for number in used], [
            *(Array(name, dtype, len(self), self._short_chunk(name, order)) for name, dtype in SHORT.items()),
            *(Array(f"{name}_offsets", OFFSET, len(self) + 1, self._offsets_chunk(name, order)) for name in RAGGED),
            *(
                Array(name, RAGGED[name], self._ends[name][-1], self._tokens(name, order, renumbered))
                for name in SEQUENCES
            ),
            Array("weights", RAGGED["weights"], self._ends["weights"][-1], self._weights(order)),
        ]

    def _short_chunk(self, name: str, order: np.ndarray) -> Iterator[bytes]:
        yield np.asarray(self._short[name])[order].astype(SHORT[name]).tobytes()

    def _offsets_chunk(self, name: str, order: np.ndarray) -> Iterator[bytes]:
        sizes = np.diff(self._ends[name])[order]
        yield np.concatenate(([0], np.cumsum(sizes))).astype(OFFSET).tobytes()

    def _tokens(self, name: str, order: np.ndarray, renumbered: np.ndarray) -> Iterator[bytes]:
        for n in order:
            yield renumbered[self._entries(name, n)].tobytes()

    def _weights(self, order: np.ndarray) -> Iterator[bytes]:
        for n in self._progress(order):
            yield self._entries("weights", n).tobytes()

    def _order(self, progress: Any = iter) -> Iterator[int]:
        """The numbers of the records as they were added, by rising (id, rank)."""
        with self._reporting():
            for file in self._files.values():
                file.flush()
        ids, ranks = self._short["id"], self._short["rank"]
        order = np.lexsort((np.asarray(ranks), np.asarray(ids)))
        return in_order(map(int, progress(order)), lambda n: (ids[n], ranks[n]))

    def _entries(self, name: str, n: int) -> np.ndarray:
        """The entries of one record in an array of ``RAGGED``."""
        dtype = RAGGED[name]
        begin, end = self._ends[name][n : n + 2]
        with self._reporting():
            data = os.pread(self._files[name].fileno(), (end - begin) * dtype.itemsize, begin * dtype.itemsize)
        return np.frombuffer(data, dtype)

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            folder = str(self._folder) if self._folder else None
            reason = OSError(error.errno, error.strerror or str(error), folder)
            raise failure_from_os_error("keep attention in a temporary file in", reason) from error


@contextmanager
def columns_of(records: Iterable[AttentionRecord], stream: BinaryIO) -> Iterator[Columns]:
    """Put records into columns, unless they are there already.

    :param stream: the file to be written, beside which the temporary ones take their space.
    """
    if isinstance(records, Columns):
        yield records
        return
    folder = Path(stream.name).parent if isinstance(getattr(stream, "name", None), str) else None
    with Columns(folder) as columns:
        for record in records:
            columns.add(record)
        yield columns


class Member(Protocol):
    """A ragged array in a file, read from its beginning on."""

    size: int

    def read(self, count: int) -> np.ndarray:
        """The next ``count`` entries."""


def records_of(
    arrays: Mapping[str, np.ndarray], ragged: Mapping[str, Member], symbols: Sequence[str]
) -> Iterator[AttentionRecord]:
    """Put records together again, one by one.

    :param arrays: those with one number a record, and the offsets.
    :param ragged: the arrays of ``RAGGED``.
    :raises UserError: the arrays do not fit together.
    """
    count = len(arrays["id"])
    for name in ("rank", "score", "has_reference"):
        if len(arrays[name]) != count:
            raise UserError(f"{name} has {len(arrays[name])} entries for {count} ids: the file is damaged")
    for name, member in ragged.items():
        _check_offsets(name, arrays[f"{name}_offsets"], count, member.size)
    for n in range(count):
        part = {
            name: member.read(int(arrays[f"{name}_offsets"][n + 1] - arrays[f"{name}_offsets"][n]))
            for name, member in ragged.items()
        }
        for name in SEQUENCES:
            if part[name].size and not 0 <= part[name].min() <= part[name].max() < len(symbols):
                raise UserError(f"{name} points outside the {len(symbols)} symbols: the file is damaged")
        if part["weights"].size != part["target"].size * part["source"].size:
            raise UserError(
                f"record {n} has {part['weights'].size} weights for {part['target'].size} target x"
                f" {part['source'].size} source tokens: the file is damaged"
            )
        yield AttentionRecord(**_fields([arrays[name][n].item() for name in SHORT], part, symbols))


def _fields(short: Iterable[Any], ragged: Mapping[str, np.ndarray], symbols: Sequence[str]) -> dict[str, Any]:
    """The fields of a record from its numbers in the order of ``SHORT``, and its entries in those of ``RAGGED``."""
    sentence, rank, score, has_reference = short
    source, target, reference = (tuple([symbols[number] for number in ragged[name].tolist()]) for name in SEQUENCES)
    return {
        "id": sentence,
        "rank": rank,
        "score": score,
        "source": source,
        "target": target,
        "reference": reference if has_reference else None,
        "weights": ragged["weights"].reshape(len(target), len(source)),
    }


def check_array(name: str, shape: tuple[int, ...], dtype: np.dtype[Any], kinds: str) -> None:
    """Check that an array has one axis and entries of a kind in ``kinds``, letters as in ``numpy.dtype.kind``.

    :raises UserError: if it has not.
    """
    if len(shape) != 1 or dtype.kind not in kinds:
        raise UserError(f"{name} is a {dtype} array of shape {shape}: this is not {FORMAT!r}")


def check_names(missing: Sequence[str]) -> None:
    """Refuse a file without some of its arrays or texts.

    :raises UserError: if ``missing`` names one.
    """
    if missing:
        raise UserError(f"no {', '.join(missing)}: this is not an attention file, which has format {FORMAT!r}")


def _check_offsets(name: str, offsets: np.ndarray, count: int, size: int) -> None:
    rising = bool((offsets[:-1] <= offsets[1:]).all())
    if len(offsets) != count + 1 or not rising or offsets[0] != 0 or offsets[-1] != size:
        raise UserError(f"{name}_offsets do not rise from 0 to {size} in {count} steps: the file is damaged")
