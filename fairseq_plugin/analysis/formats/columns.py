"""Attention records as a few long arrays, which .npz and .safetensors keep. With N records and V distinct tokens:

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

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, BinaryIO, NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike

from data_gen.errors import UserError
from fairseq_plugin.analysis.formats.layout import SEQUENCES
from fairseq_plugin.analysis.records import AttentionRecord

FORMAT = "fairseq-attention/1"
RAGGED = (*SEQUENCES, "weights")
# The arrays of numbers, with the NumPy kinds each may have when it is read.
NUMBERS = {"id": "iu", "rank": "iu", "score": "f", "has_reference": "b", "weights": "f"}
NUMBERS |= dict.fromkeys(SEQUENCES, "iu") | {f"{name}_offsets": "iu" for name in RAGGED}
# The types of the arrays with entries end to end, as they are written.
LONG: dict[str, type[np.generic]] = dict.fromkeys(SEQUENCES, np.int32) | {"weights": np.float32}


class Column:
    """One array with entries end to end, while it grows.

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


class Columns(NamedTuple):
    """All arrays of some records.

    :param short: those with one number a record, and the offsets.
    :param long: those of ``RAGGED``, in files that stand at their beginning.
    """

    short: dict[str, np.ndarray]
    long: dict[str, Column]
    symbols: list[str]


@contextmanager
def columns_of(records: Iterable[AttentionRecord], stream: BinaryIO) -> Iterator[Columns]:
    """Put records into columns; what is long waits in temporary files without a name.

    Memory holds the distinct tokens and less than 100 bytes a record.

    :param stream: the file to be written, beside which the temporary ones take their space.
    """
    indices: dict[str, int] = {}
    ids, ranks, scores, referenced = array("q"), array("q"), array("d"), bytearray()
    with ExitStack() as stack:
        folder = Path(stream.name).parent if isinstance(getattr(stream, "name", None), str) else None
        long = {name: Column(stack.enter_context(TemporaryFile(dir=folder)), dtype) for name, dtype in LONG.items()}
        for record in records:
            ids.append(record.id)
            ranks.append(record.rank)
            scores.append(record.score)
            referenced.append(record.reference is not None)
            for name, tokens in zip(SEQUENCES, (record.source, record.target, record.reference or ()), strict=True):
                long[name].append([indices.setdefault(token, len(indices)) for token in tokens])
            long["weights"].append(record.weights)
        short = {
            "id": np.array(ids, dtype="<i8"),
            "rank": np.array(ranks, dtype="<i8"),
            "score": np.array(scores, dtype="<f8"),
            "has_reference": np.frombuffer(referenced, dtype=np.bool_),
        }
        for name, column in long.items():
            short[f"{name}_offsets"] = np.array(column.ends, dtype="<i8")
            column.values.seek(0)
        yield Columns(short, long, list(indices))


class Member(Protocol):
    """A long array in a file, read from its beginning on."""

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
        source, target, reference = (tuple([symbols[i] for i in part[name].tolist()]) for name in SEQUENCES)
        if part["weights"].size != len(target) * len(source):
            raise UserError(
                f"record {n} has {part['weights'].size} weights for {len(target)} target x {len(source)} source"
                " tokens: the file is damaged"
            )
        yield AttentionRecord(
            id=int(arrays["id"][n]),
            rank=int(arrays["rank"][n]),
            score=float(arrays["score"][n]),
            source=source,
            target=target,
            reference=reference if arrays["has_reference"][n] else None,
            weights=part["weights"].reshape(len(target), len(source)),
        )


def check_array(name: str, shape: tuple[int, ...], dtype: np.dtype[Any], kinds: str) -> None:
    """:raises UserError: if an array is not one of numbers, or of whatever ``kinds`` names, end to end."""
    if len(shape) != 1 or dtype.kind not in kinds:
        raise UserError(f"{name} is a {dtype} array of shape {shape}: this is not {FORMAT!r}")


def check_names(missing: Sequence[str]) -> None:
    """:raises UserError: if something is missing."""
    if missing:
        raise UserError(f"no {', '.join(missing)}: this is not an attention file, which has format {FORMAT!r}")


def _check_offsets(name: str, offsets: np.ndarray, count: int, size: int) -> None:
    rising = bool((offsets[:-1] <= offsets[1:]).all())
    if len(offsets) != count + 1 or not rising or offsets[0] != 0 or offsets[-1] != size:
        raise UserError(f"{name}_offsets do not rise from 0 to {size} in {count} steps: the file is damaged")
