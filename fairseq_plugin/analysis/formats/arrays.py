"""Attention records as arrays: .npz, which any NumPy opens without pickle, and .safetensors, for any framework.

Both hold the arrays of :mod:`columns`, by their names there.

The library safetensors maps its tensors from the file. Text is metadata of such a file: ``format``, ``axes`` and, as a
JSON array, ``symbols``:

    import json
    from safetensors import safe_open

    with safe_open("attention.safetensors", framework="pt") as file:
        symbols = json.loads(file.metadata()["symbols"])
        begin, end = file.get_tensor("weights_offsets")[3:5]
        weights = file.get_slice("weights")[begin:end]  # of record 3, row by row

https://huggingface.co/docs/safetensors describes its layout: the size of the header (8 bytes), the header as JSON, the
tensors end to end.
"""

import json
import struct
import zlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from tokenize import TokenError
from typing import IO, Any, BinaryIO
from zipfile import BadZipFile, ZipFile

import numpy as np

from data_gen.errors import UserError
from fairseq_plugin.analysis.formats.columns import (
    FORMAT,
    NUMBERS,
    RAGGED,
    check_array,
    check_names,
    columns_of,
    records_of,
)
from fairseq_plugin.analysis.records import AXES, AttentionRecord, check_equal, in_order

KINDS = NUMBERS | {"symbols": "U"}
ZIP = b"PK"  # what an archive begins with
# What NumPy and zipfile raise, depending on where an archive is damaged.
UNREADABLE = (ValueError, TypeError, KeyError, EOFError, RuntimeError, BadZipFile, zlib.error, TokenError)


def write_npz(records: Iterable[AttentionRecord], stream: BinaryIO) -> None:
    """Write all records as one archive; :class:`Columns` hold them until their order and symbols are known.

    :raises UserError: a token ends in a NUL character, which NumPy would cut off.
    """
    with columns_of(records, stream) as columns:
        symbols, arrays = columns.arrays()
        for symbol in symbols:
            if symbol.endswith("\0"):
                raise UserError(f"token {symbol!r} ends in a NUL character, which .npz cannot keep: write .jsonl")
        with ZipFile(stream, "w") as archive:
            for name, text in (("format", FORMAT), ("axes", AXES), ("symbols", symbols)):
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, np.array(text, dtype=np.str_), allow_pickle=False)
            for name, dtype, size, chunks in arrays:
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    header = {"descr": dtype.str, "fortran_order": False, "shape": (size,)}
                    np.lib.format.write_array_header_1_0(member, header)
                    member.writelines(chunks)


def read_npz(stream: BinaryIO) -> Iterator[AttentionRecord]:
    """Read the records of an archive one by one.

    Memory holds what has one number a record, and the distinct tokens; sequences and weights are read as they come.

    :raises UserError: it is damaged, or holds something else.
    """
    with ExitStack() as stack:
        with _npz_refusing_damage():
            if stream.read(len(ZIP)) != ZIP:  # of a file that is none, NumPy says how to unpickle it unsafely
                raise ValueError("no zip archive")
            stream.seek(0)
            archive = np.load(stream, allow_pickle=False)
            if not isinstance(archive, np.lib.npyio.NpzFile) or archive.zip is None:
                raise ValueError("a single array")
            stack.enter_context(archive)
        arrays = _load_arrays(archive)
        with _npz_refusing_damage():
            ragged = {name: NpyMember(stack.enter_context(archive.zip.open(f"{name}.npy")), name) for name in RAGGED}
        yield from in_order(records_of(arrays, ragged, arrays["symbols"].tolist()))


class NpyMember:
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
        check_array(name, shape, self.dtype, KINDS[name])
        self.size: int = shape[0]

    def read(self, count: int) -> np.ndarray:
        """The next ``count`` entries. :raises UserError: the archive is damaged."""
        with _npz_refusing_damage():
            data = self.stream.read(count * self.dtype.itemsize)
            return np.frombuffer(data, self.dtype, count)


@contextmanager
def _npz_refusing_damage() -> Iterator[None]:
    try:
        yield
    except UserError:
        raise
    except UNREADABLE as error:
        raise UserError(f"not an .npz file, or cut short ({_one_line(error)}): write it again") from None


def _load_arrays(archive: Any) -> dict[str, np.ndarray]:
    """The arrays of the archive but the long ones, checked."""
    check_names([name for name in ("format", "axes", *KINDS) if name not in archive.files])
    with _npz_refusing_damage():
        arrays: dict[str, np.ndarray] = {name: archive[name] for name in archive.files if name not in RAGGED}
    for name, expected in (("format", FORMAT), ("axes", AXES)):
        check_equal(name, str(arrays[name]), expected)
    for name, kinds in KINDS.items():
        if name not in RAGGED:
            check_array(name, arrays[name].shape, arrays[name].dtype, kinds)
    return arrays


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


CODES = {"<i8": "I64", "<f8": "F64", "<i4": "I32", "<f4": "F32", "|b1": "BOOL"}
INSTALL = "pip install safetensors"


def write_safetensors(records: Iterable[AttentionRecord], stream: BinaryIO) -> None:
    """Write all records as one file, without the library, which would take every tensor into memory."""
    with columns_of(records, stream) as columns:
        symbols, arrays = columns.arrays()
        arrays.sort(key=lambda array: -array.dtype.itemsize)  # every tensor begins at a multiple of its items' size
        header: dict[str, Any] = {
            "__metadata__": {"format": FORMAT, "axes": AXES, "symbols": json.dumps(symbols, ensure_ascii=False)}
        }
        begin = 0
        for name, dtype, size, _ in arrays:
            end = begin + size * dtype.itemsize
            header[name] = {"dtype": CODES[dtype.str], "shape": [size], "data_offsets": [begin, end]}
            begin = end
        text = json.dumps(header, ensure_ascii=False).encode()
        text += b" " * (-len(text) % 8)
        stream.write(struct.pack("<Q", len(text)) + text)
        for array in arrays:
            stream.writelines(array.chunks)


def read_safetensors(stream: BinaryIO) -> Iterator[AttentionRecord]:
    """Read the records of a file one by one.

    Memory holds what has one number a record, and the distinct tokens; sequences and weights are mapped from the file,
    so that the system may take their memory back.

    :raises UserError: it is damaged or holds something else, or the library is not installed.
    """
    try:
        from safetensors import safe_open
    except ImportError:
        raise UserError(f"reading .safetensors needs the library safetensors, which is missing: {INSTALL}") from None
    with _safetensors_refusing_damage(), safe_open(stream.name, framework="numpy") as tensors:
        text = tensors.metadata() or {}
        check_names([name for name in ("format", "axes", "symbols") if name not in text])
        check_names([name for name in NUMBERS if name not in tensors.keys()])  # noqa: SIM118 (not a dict)
        for name, expected in (("format", FORMAT), ("axes", AXES)):
            check_equal(name, text[name], expected)
        symbols = json.loads(text["symbols"])
        if not (isinstance(symbols, list) and all(isinstance(symbol, str) for symbol in symbols)):
            raise UserError(f"symbols are no list of texts: this is not {FORMAT!r}")
        arrays = {name: tensors.get_tensor(name) for name in NUMBERS if name not in RAGGED}
        for name, values in arrays.items():
            check_array(name, values.shape, values.dtype, NUMBERS[name])
        ragged = {name: Slice(tensors.get_slice(name), name) for name in RAGGED}
        yield from in_order(records_of(arrays, ragged, symbols))


class Slice:
    """One of the long tensors of a file, read from its beginning on.

    :param tensor: what the library calls a slice.
    :raises UserError: if it is not one of numbers end to end.
    """

    def __init__(self, tensor: Any, name: str) -> None:
        self.tensor = tensor
        shape, code = tuple(tensor.get_shape()), tensor.get_dtype()
        self.dtype = next((np.dtype(known) for known in CODES if CODES[known] == code), np.dtype(np.void))
        check_array(name, shape, self.dtype, NUMBERS[name])
        self.size: int = shape[0]
        self.position = 0

    def read(self, count: int) -> np.ndarray:
        """The next ``count`` entries."""
        begin, self.position = self.position, self.position + count
        values: np.ndarray = self.tensor[begin : self.position] if count else np.empty(0, self.dtype)  # it refuses none
        return values


@contextmanager
def _safetensors_refusing_damage() -> Iterator[None]:
    """What the library cannot make sense of becomes a UserError; it has an exception of its own for that."""
    from safetensors import SafetensorError

    try:
        yield
    except UserError:
        raise
    except (SafetensorError, ValueError, TypeError) as error:
        said = " ".join(str(error).split())
        raise UserError(f"not a .safetensors file, or cut short ({said}): write it again") from None
