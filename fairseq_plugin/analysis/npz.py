"""Attention records as arrays that any NumPy opens without pickle. With N records, V distinct tokens:

    format, axes                     "fairseq-attention/1", "target x source"
    id, rank, score                  (N,) int64, int64, float64
    symbols                          (V,) the distinct tokens
    source, target, reference        the sequences of all records end to end, each token as its index in ``symbols``
    weights                          the (T, S) matrices of all records end to end, row by row, float32
    {source, target, reference, weights}_offsets
                                     (N + 1,) int64: record n owns the entries offsets[n] up to offsets[n + 1]
    has_reference                    (N,) bool; tells an empty reference from none

So ``symbols[source[source_offsets[n]:source_offsets[n + 1]]]`` are the source tokens of record n.
"""

import zlib
from array import array
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryFile
from tokenize import TokenError
from typing import IO, Any, BinaryIO
from zipfile import BadZipFile, ZipFile

import numpy as np
from numpy.typing import ArrayLike

from data_gen.errors import UserError
from fairseq_plugin.analysis.layout import AXES, SEQUENCES, check_equal, in_order
from fairseq_plugin.analysis.records import AttentionRecord

FORMAT = "fairseq-attention/1"
RAGGED = (*SEQUENCES, "weights")
# The arrays besides format and axes, with the NumPy kinds each may have.
ARRAYS = {"id": "iu", "rank": "iu", "score": "f", "has_reference": "b", "symbols": "U", "weights": "f"}
ARRAYS |= dict.fromkeys(SEQUENCES, "iu") | {f"{name}_offsets": "iu" for name in RAGGED}
# The arrays that grow with the records, as they are written.
LONG: dict[str, type[np.generic]] = {"id": np.int64, "rank": np.int64, "score": np.float64, "has_reference": np.bool_}
LONG |= dict.fromkeys(SEQUENCES, np.int32) | {"weights": np.float32}
# What NumPy and zipfile raise, depending on where an archive is damaged.
UNREADABLE = (ValueError, TypeError, KeyError, EOFError, RuntimeError, BadZipFile, zlib.error, TokenError)


def write_npz(records: Iterable[AttentionRecord], stream: BinaryIO) -> None:
    """Write all records as one archive.

    What is long waits in temporary files without a name, in the folder of ``stream``. Memory holds
    the distinct tokens and less than 100 bytes a record.

    :raises UserError: a token ends in a NUL character, which NumPy would cut off.
    """
    indices: dict[str, int] = {}
    with ExitStack() as stack:
        folder = Path(stream.name).parent if isinstance(getattr(stream, "name", None), str) else None
        columns = {name: Column(stack.enter_context(TemporaryFile(dir=folder)), dtype) for name, dtype in LONG.items()}
        for record in records:
            for name in ("id", "rank", "score"):
                columns[name].append(getattr(record, name))
            columns["has_reference"].append(record.reference is not None)
            for name in SEQUENCES:
                tokens: tuple[str, ...] = getattr(record, name) or ()
                columns[name].append([indices.setdefault(token, len(indices)) for token in tokens])
            columns["weights"].append(record.weights)
        for symbol in indices:
            if symbol.endswith("\0"):
                raise UserError(f"token {symbol!r} ends in a NUL character, which .npz cannot keep: write .jsonl")
        with ZipFile(stream, "w") as archive:
            for name, text in (("format", FORMAT), ("axes", AXES)):
                _add(archive, name, np.array(text))
            _add(archive, "symbols", np.array(list(indices), dtype=np.str_))
            for name, column in columns.items():
                column.copy_to(archive, name)
                if name in RAGGED:
                    _add(archive, f"{name}_offsets", column.offsets())


class Column:
    """One array of the archive while it grows.

    :param values: an empty file for its entries.
    """

    def __init__(self, values: IO[bytes], dtype: type[np.generic]) -> None:
        self.values = values
        self.dtype = np.dtype(dtype).newbyteorder("<")
        self.ends = array("q", [0])  # after each record

    def append(self, values: ArrayLike) -> None:
        """Add the entries of one record."""
        flat = np.asarray(values, dtype=self.dtype)
        self.values.write(flat.tobytes())
        self.ends.append(self.ends[-1] + flat.size)

    def offsets(self) -> np.ndarray:
        """(N + 1,) int64."""
        return np.array(self.ends, dtype=np.int64)

    def copy_to(self, archive: ZipFile, name: str) -> None:
        self.values.seek(0)
        with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
            header = {"descr": self.dtype.str, "fortran_order": False, "shape": (self.ends[-1],)}
            np.lib.format.write_array_header_1_0(member, header)
            copyfileobj(self.values, member)


def _add(archive: ZipFile, name: str, values: np.ndarray) -> None:
    with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
        np.lib.format.write_array(member, values, allow_pickle=False)


def read_npz(stream: BinaryIO) -> Iterator[AttentionRecord]:
    """Read the records of an archive one by one.

    Memory holds what has one number a record, and the distinct tokens; sequences and weights are read as they come.

    :raises UserError: it is damaged, or holds something else.
    """
    with ExitStack() as stack:
        with _refusing_damage():
            archive = stack.enter_context(np.load(stream, allow_pickle=False))
            if not isinstance(archive, np.lib.npyio.NpzFile) or archive.zip is None:
                raise ValueError("a single array")
        arrays = _load_arrays(archive)
        with _refusing_damage():
            ragged = {name: Member(stack.enter_context(archive.zip.open(f"{name}.npy")), name) for name in RAGGED}
        for name, member in ragged.items():
            _check_offsets(name, arrays[f"{name}_offsets"], len(arrays["id"]), member.size)
        yield from in_order(_records(arrays, ragged))


class Member:
    """One of the long arrays of an archive, read from its beginning on.

    :param stream: the .npy file.
    :raises UserError: if it is not one of numbers end to end.
    """

    def __init__(self, stream: IO[bytes], name: str) -> None:
        self.stream = stream
        version = np.lib.format.read_magic(stream)
        header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        if version not in header:
            raise ValueError(f"{name} has .npy version {version}")
        shape, _, self.dtype = header[version](stream)
        _check_array(name, shape, self.dtype)
        self.size: int = shape[0]

    def read(self, count: int) -> np.ndarray:
        """The next ``count`` entries."""
        data = self.stream.read(count * self.dtype.itemsize)
        return np.frombuffer(data, self.dtype, count)


def _records(arrays: dict[str, np.ndarray], ragged: dict[str, Member]) -> Iterator[AttentionRecord]:
    symbols: list[str] = arrays["symbols"].tolist()
    for n, number in enumerate(arrays["id"]):
        with _refusing_damage():
            part = {
                name: member.read(int(arrays[f"{name}_offsets"][n + 1] - arrays[f"{name}_offsets"][n]))
                for name, member in ragged.items()
            }
        for name in SEQUENCES:
            if part[name].size and not 0 <= part[name].min() <= part[name].max() < len(symbols):
                raise UserError(f"{name} points outside the {len(symbols)} symbols: the file is damaged")
        source, target, reference = (tuple([symbols[i] for i in part[name].tolist()]) for name in SEQUENCES)
        if part["weights"].size != len(target) * len(source):
            raise UserError(
                f"record {n} has {part['weights'].size} weights for {len(target)} target x {len(source)} source"
                " tokens: the file is damaged"
            )
        yield AttentionRecord(
            id=int(number),
            rank=int(arrays["rank"][n]),
            score=float(arrays["score"][n]),
            source=source,
            target=target,
            reference=reference if arrays["has_reference"][n] else None,
            weights=part["weights"].reshape(len(target), len(source)),
        )


@contextmanager
def _refusing_damage() -> Iterator[None]:
    try:
        yield
    except UserError:
        raise
    except UNREADABLE as error:
        raise UserError(f"not an .npz file, or cut short ({_one_line(error)}): write it again") from None


def _load_arrays(archive: Any) -> dict[str, np.ndarray]:
    """The arrays of the archive but the long ones, checked."""
    missing = [name for name in ("format", "axes", *ARRAYS) if name not in archive]
    if missing:
        raise UserError(f"no {', '.join(missing)}: this is not an attention file, which has format {FORMAT!r}")
    with _refusing_damage():
        arrays: dict[str, np.ndarray] = {name: archive[name] for name in archive.files if name not in RAGGED}
    for name, expected in (("format", FORMAT), ("axes", AXES)):
        check_equal(name, str(arrays[name]), expected)
    for name in ARRAYS:
        if name not in RAGGED:
            _check_array(name, arrays[name].shape, arrays[name].dtype)
    count = len(arrays["id"])
    for name in ("rank", "score", "has_reference"):
        if len(arrays[name]) != count:
            raise UserError(f"{name} has {len(arrays[name])} entries for {count} ids: the file is damaged")
    return arrays


def _check_array(name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    if len(shape) != 1 or dtype.kind not in ARRAYS[name]:
        raise UserError(f"{name} is a {dtype} array of shape {shape}: this is not {FORMAT!r}")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _check_offsets(name: str, offsets: np.ndarray, count: int, size: int) -> None:
    rising = bool((offsets[:-1] <= offsets[1:]).all())
    if len(offsets) != count + 1 or not rising or offsets[0] != 0 or offsets[-1] != size:
        raise UserError(f"{name}_offsets do not rise from 0 to {size} in {count} steps: the file is damaged")
