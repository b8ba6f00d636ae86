"""Random numbers, each from a stream that is named by what it is for.

Only the raw output of a bit generator is used, which NumPy promises to keep for ever (NEP 19; the methods of
``Generator`` may change between versions). A raw 32-bit number ``u`` becomes a number below ``n`` by multiplying and
shifting, ``u * n >> 32``: no number is more likely than another by more than a factor of ``1 + n / 2**32``.
"""

import numpy as np
import numpy.typing as npt

Key = tuple[int, ...]
"""Which stream of a seed: different keys give independent streams."""


def raw_words(count: int, seed: int, key: Key) -> npt.NDArray[np.uint64]:
    """:returns: (count,) uniform 64-bit words from the start of a stream."""
    generator = np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key))
    return np.asarray(generator.random_raw(count), dtype=np.uint64)


def raw_halves(count: int, seed: int, key: Key) -> npt.NDArray[np.uint32]:
    """:returns: (count,) uniform 32-bit words: the halves of the 64-bit ones, the low half first on every machine."""
    return raw_words((count + 1) // 2, seed, key).astype("<u8", copy=False).view("<u4")[:count]


def uniform_below(bound: int, count: int, seed: int, key: Key) -> npt.NDArray[np.uint32]:
    """Draw numbers from 0 to ``bound - 1``, with a generator of their own.

    :param bound: from 1 to 2**32.
    :param key: which stream of ``seed`` to draw from.
    :returns: (count,)
    """
    products = raw_halves(count, seed, key).astype(np.uint64) * np.uint64(bound)
    numbers: npt.NDArray[np.uint32] = (products >> np.uint64(32)).astype(np.uint32)
    return numbers
