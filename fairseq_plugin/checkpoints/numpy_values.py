"""NumPy values in checkpoints: none is written, and one that is there is read as plain numbers.

fairseq keeps what it measures as NumPy values, such as the counts of ``--eval-bleu``. torch does not load them.

NumPy's own functions that restore them trust the file: a type of objects makes an array that reads memory at any
address that the file names. So they are not allowed. torch gets the functions and classes of this module under the
names of NumPy's (before version 2 and after). They take truth values, whole numbers and floating-point numbers, and
make bool, int, float and lists of these.
"""

import copy
import re
from collections.abc import Callable
from pickle import UnpicklingError
from typing import Any, Final

import numpy as np

NUMBER: Final = re.compile(r"b1|[iu][1248]|f[248]")


class Type:
    """Stands for ``numpy.dtype``.

    :param code: kind and size in bytes, such as ``i8``.
    :raises UnpicklingError: it is no type of numbers.
    """

    def __init__(self, code: str, *unused: object) -> None:
        if not NUMBER.fullmatch(code):
            raise UnpicklingError(f"NumPy values of type {code!r}")
        self.dtype = np.dtype(code)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.dtype = self.dtype.newbyteorder(state[1])


class Array:
    """Stands for ``numpy.ndarray``; ``value`` is a list of lists, one for each dimension."""

    value: Any = None

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, kind, by_column, data = state
        self.value = _numbers(kind, data).reshape(shape, order="F" if by_column else "C").tolist()


def _empty(*unused: object) -> Array:
    """Stands for ``_reconstruct``: makes what ``Array.__setstate__`` fills."""
    return Array()


def _scalar(kind: Type, data: bytes) -> bool | int | float:
    """Stands for ``scalar``."""
    (value,) = _numbers(kind, data).tolist()
    return value


def _numbers(kind: Type, data: bytes) -> np.ndarray:
    if type(kind) is not Type:
        raise UnpicklingError(f"NumPy values of type {kind!r}")
    return np.frombuffer(data, kind.dtype)


def _named(path: str, function: Callable[..., Any]) -> Any:
    """Give a function another name. :returns: a function that torch knows by the name ``path``."""

    def stand_in(*args: object) -> Any:
        return function(*args)

    stand_in.__module__, _, name = path.rpartition(".")
    stand_in.__name__ = stand_in.__qualname__ = name  # torch 2.6 reads the first, later ones the second
    return stand_in


Type.__module__ = Array.__module__ = "numpy"
Type.__name__ = Type.__qualname__ = "dtype"
Array.__name__ = Array.__qualname__ = "ndarray"
STAND_INS: Final[tuple[Any, ...]] = (
    Type,
    Array,
    *(_named(f"numpy.{core}.multiarray._reconstruct", _empty) for core in ("core", "_core")),
    *(_named(f"numpy.{core}.multiarray.scalar", _scalar) for core in ("core", "_core")),
)


def plain(value: Any) -> Any:
    """Copy the dicts, lists and tuples of a checkpoint, and turn NumPy values in them into numbers and lists."""
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    if isinstance(value, Array):
        return value.value
    if isinstance(value, dict):
        made = copy.copy(value)
        made.clear()
        made.update((plain(key), plain(item)) for key, item in value.items())
        return made
    if type(value) in (list, tuple):
        return type(value)(map(plain, value))
    return value
