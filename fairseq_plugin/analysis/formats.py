"""Attention records in files, one format for each file ending.

``.jsonl``: one JSON object a line (UTF-8) with the keys ``id``, ``rank``, ``score``, ``axes`` ("target x source"),
``source``, ``target``, ``reference`` (lists of tokens, ``reference`` may be null) and
``weights`` (T rows of S numbers).

``.npz``: arrays that any NumPy opens without pickle. With N records, V distinct tokens:

    format, axes                     "fairseq-attention/1", "target x source"
    id, rank, score                  (N,) int64, int64, float64
    symbols                          (V,) the distinct tokens
    source, target, reference        the sequences of all records end to end, each token as its index in ``symbols``
    weights                          the (T, S) matrices of all records end to end, row by row, float32
    {source, target, reference, weights}_offsets
                                     (N + 1,) int64: record n owns the entries offsets[n] up to offsets[n + 1]
    has_reference                    (N,) bool; tells an empty reference from none

So ``symbols[source[source_offsets[n]:source_offsets[n + 1]]]`` are the source tokens of record n. Both formats keep
records by rising (id, rank) and give back every weight and score bit for bit. Another format is another line in
``FORMATS``.
"""

import json
import os
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import chain, pairwise
from pathlib import Path
from tokenize import TokenError
from typing import Any, BinaryIO
from zipfile import BadZipFile

import numpy as np

from data_gen.errors import UserError, failure_from_os_error
from fairseq_plugin.analysis.records import AttentionRecord

FORMAT = "fairseq-attention/1"
AXES = "target x source"
SEQUENCES = ("source", "target", "reference")
RAGGED = (*SEQUENCES, "weights")
# The arrays of an .npz file besides format and axes, with the NumPy kinds each may have.
ARRAYS = {"id": "iu", "rank": "iu", "score": "f", "has_reference": "b", "symbols": "U", "weights": "f"}
ARRAYS |= dict.fromkeys(SEQUENCES, "iu") | {f"{name}_offsets": "iu" for name in RAGGED}
# What NumPy and zipfile raise, depending on where an archive is damaged.
UNREADABLE = (ValueError, TypeError, KeyError, EOFError, RuntimeError, BadZipFile, zlib.error, TokenError)
FIELDS = ("id", "rank", "score", "axes", "source", "target", "reference", "weights")


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

    :raises UserError: if the ending is unknown, the file is missing or unreadable, or it does not hold what this
        module writes; the message names the file and, in a ``.jsonl`` file, the line.
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


def in_order(records: Iterable[AttentionRecord]) -> Iterator[AttentionRecord]:
    """Pass records on while their (id, rank) rises.

    :raises UserError: at the first record that does not come after the one before.
    """
    last = (-1, -1)
    for record in records:
        place = (record.id, record.rank)
        if place <= last:
            raise UserError(
                f"id {record.id}, rank {record.rank} comes after id {last[0]}, rank {last[1]}:"
                " records must be in corpus order, each once"
            )
        last = place
        yield record


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file beside ``path`` for writing; it takes the place of ``path`` if the block ends without an error.

    :raises UserError: if the folder is missing (exit code 2) or the system refuses to write (exit code 1).
    """
    if not path.parent.is_dir():
        raise UserError(
            f"folder {str(path.parent)!r} does not exist: make it, or choose another place for {path.name!r}"
        )
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as stream:
            yield stream
        part.replace(path)
    except OSError as error:
        if error.filename not in (None, str(part)):
            raise  # another file, which the block was reading
        raise failure_from_os_error("write", OSError(error.errno, error.strerror or str(error), str(path))) from error
    finally:
        with suppress(OSError):  # where the folder refuses, the error above says so
            part.unlink(missing_ok=True)


def _write_jsonl(records: Iterable[AttentionRecord], stream: BinaryIO) -> None:
    for record in records:
        values = (record.id, record.rank, float(record.score), AXES, record.source, record.target, record.reference)
        line = dict(zip(FIELDS, (*values, _shortest(record.weights)), strict=True))
        stream.write(json.dumps(line, ensure_ascii=False, allow_nan=False).encode() + b"\n")


def _shortest(weights: np.ndarray) -> list[list[float]]:
    """(T, S) float32 as the shortest decimals that give back the same float32: 0.1, not 0.10000000149011612."""
    short = weights.astype("U").astype(np.float64)
    # A short decimal goes through float64 on its way back; where that rounds to another float32, all digits are kept.
    rows: list[list[float]] = np.where(short.astype(np.float32) == weights, short, weights.astype(np.float64)).tolist()
    return rows


def _read_jsonl(stream: BinaryIO) -> list[AttentionRecord]:
    number = 0

    def parsed() -> Iterator[AttentionRecord]:
        nonlocal number
        for line in stream:
            number += 1
            if line.strip():
                yield _record_of_line(line)

    try:
        return list(in_order(parsed()))
    except UserError as error:
        raise UserError(f"line {number}: {error}") from None


def _record_of_line(line: bytes) -> AttentionRecord:
    try:
        fields = json.loads(line.decode(), parse_constant=_refuse_constant)
    except UserError:
        raise
    except (ValueError, RecursionError):
        cut = "" if line.endswith(b"\n") else "; the file ends in the middle of this line: write it again"
        raise UserError(f"not a JSON object{cut or ': is this an attention file?'}") from None
    missing = [name for name in FIELDS if not isinstance(fields, dict) or name not in fields]
    if missing:
        raise UserError(f"no {', '.join(missing)}: an attention record is an object with {', '.join(FIELDS)}")
    _check_equal("axes", fields["axes"], AXES)
    for name in ("id", "rank"):
        if type(fields[name]) is not int:
            raise UserError(f"{name} is {_short(fields[name])}, not an integer")
    tokens = {name: _tokens(name, fields[name]) for name in SEQUENCES if name != "reference"}
    reference = None if fields["reference"] is None else _tokens("reference", fields["reference"])
    score = _numbers("score", fields["score"], 0, "one number")
    weights = _rows(fields["weights"], len(tokens["source"]))
    return AttentionRecord(
        id=fields["id"], rank=fields["rank"], score=float(score), weights=weights, reference=reference, **tokens
    )


def _refuse_constant(name: str) -> None:
    raise UserError(f"{name} is not a finite number: leave this hypothesis out")


def _tokens(name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(token, str) for token in value):
        raise UserError(f"{name} is {_short(value)}, not a list of strings")
    return tuple(value)


def _rows(value: Any, width: int) -> np.ndarray:
    """The (T, S) float64 array in a list of T rows of ``width`` numbers."""
    if not isinstance(value, list) or not all(isinstance(row, list) for row in value):
        raise UserError(f"weights is {_short(value)}, not a list of rows")
    for t, row in enumerate(value):
        if len(row) != width:
            raise UserError(f"row {t} of weights has {len(row)} numbers for {width} source tokens")
    if not (value and width):
        return np.zeros((len(value), width))
    return _numbers("weights", value, 2, "rows of numbers")


def _numbers(name: str, value: Any, dimensions: int, expected: str) -> np.ndarray:
    try:
        array = np.array(value)
    except ValueError:  # lists where numbers should be
        array = np.array(None)
    if array.dtype.kind not in "iuf" or array.ndim != dimensions:
        raise UserError(f"{name} is {_short(value)}, not {expected}")
    return array.astype(np.float64)


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _check_equal(name: str, value: Any, expected: str) -> None:
    if value != expected:
        raise UserError(f"{name} is {value!r}, expected {expected!r}: was it written by another program or version?")


def _write_npz(records: Iterable[AttentionRecord], stream: BinaryIO) -> None:
    kept = list(records)
    indices: dict[str, int] = {}
    arrays: dict[str, np.ndarray] = {
        "format": np.array(FORMAT),
        "axes": np.array(AXES),
        "id": np.array([record.id for record in kept], dtype=np.int64),
        "rank": np.array([record.rank for record in kept], dtype=np.int64),
        "score": np.array([record.score for record in kept], dtype=np.float64),
        "has_reference": np.array([record.reference is not None for record in kept], dtype=np.bool_),
    }
    for name in SEQUENCES:
        sequences: list[tuple[str, ...]] = [getattr(record, name) or () for record in kept]
        flat = [indices.setdefault(token, len(indices)) for token in chain.from_iterable(sequences)]
        arrays[name] = np.array(flat, dtype=np.int32)
        arrays[f"{name}_offsets"] = _offsets([len(sequence) for sequence in sequences])
    for symbol in indices:
        if symbol.endswith("\0"):
            raise UserError(f"token {symbol!r} ends in a NUL character, which .npz cannot keep: write .jsonl")
    arrays["symbols"] = np.array(list(indices), dtype=np.str_)
    arrays["weights"] = np.concatenate([np.zeros(0, np.float32), *(record.weights.ravel() for record in kept)])
    arrays["weights_offsets"] = _offsets([record.weights.size for record in kept])
    np.savez(stream, **arrays)  # type: ignore[arg-type]  # the stubs read the names as savez's own options


def _offsets(lengths: Sequence[int]) -> np.ndarray:
    """(N,) lengths to (N + 1,) offsets, from 0 to their sum."""
    return np.cumsum([0, *lengths], dtype=np.int64)


def _read_npz(stream: BinaryIO) -> list[AttentionRecord]:
    arrays = _load_arrays(stream)
    for name, expected in (("format", FORMAT), ("axes", AXES)):
        _check_equal(name, str(arrays[name]), expected)
    count = len(arrays["id"])
    for name in ("rank", "score", "has_reference"):
        if len(arrays[name]) != count:
            raise UserError(f"{name} has {len(arrays[name])} entries for {count} ids: the file is damaged")
    for name in RAGGED:
        _check_offsets(name, arrays[f"{name}_offsets"], count, len(arrays[name]))
    symbols: list[str] = arrays["symbols"].tolist()
    for name in SEQUENCES:
        if arrays[name].size and not 0 <= arrays[name].min() <= arrays[name].max() < len(symbols):
            raise UserError(f"{name} points outside the {len(symbols)} symbols: the file is damaged")

    def records() -> Iterator[AttentionRecord]:
        for n in range(count):
            part = {name: arrays[name][slice(*arrays[f"{name}_offsets"][n : n + 2])] for name in RAGGED}
            source, target, reference = (tuple(symbols[i] for i in part[name].tolist()) for name in SEQUENCES)
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

    return list(in_order(records()))


def _load_arrays(stream: BinaryIO) -> dict[str, np.ndarray]:
    try:
        with np.load(stream, allow_pickle=False) as archive:
            arrays = dict(archive)
    except UNREADABLE as error:
        raise UserError(f"not an .npz file, or cut short ({_one_line(error)}): write it again") from None
    missing = [name for name in ("format", "axes", *ARRAYS) if name not in arrays]
    if missing:
        raise UserError(f"no {', '.join(missing)}: this is not an attention file, which has format {FORMAT!r}")
    for name, kinds in ARRAYS.items():
        array = arrays[name]
        if array.ndim != 1 or array.dtype.kind not in kinds:
            raise UserError(f"{name} is a {array.dtype} array of shape {array.shape}: this is not {FORMAT!r}")
    return arrays


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _check_offsets(name: str, offsets: np.ndarray, count: int, size: int) -> None:
    rising = all(first <= second for first, second in pairwise(offsets.tolist()))
    if len(offsets) != count + 1 or not rising or offsets[0] != 0 or offsets[-1] != size:
        raise UserError(f"{name}_offsets do not rise from 0 to {size} in {count} steps: the file is damaged")


FORMATS: dict[str, Format] = {
    ".npz": Format(_write_npz, _read_npz),
    ".jsonl": Format(_write_jsonl, _read_jsonl),
}
