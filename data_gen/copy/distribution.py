"""Numbers below a bound, uniform or by Zipf's law: P(r) proportional to 1 / r^S for the rank r = 1, 2, ...

A Zipf number is found by inversion: a raw 53-bit integer is looked up in a table of cumulative integers that ends at
2^53. The table is the same on every machine: r^S is computed by multiplications and square roots alone (S in binary:
each binary place of its fraction is one more square root), which IEEE 754 rounds exactly, and from there on everything
is in integers. Weights are cut to 40 binary places, and are at least one unit of the last.
"""

from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from data_gen.copy.choice import Choice
from data_gen.copy.streams import Key, raw_words, uniform_below

TABLE_BITS: Final = 53
_WEIGHT_BITS: Final = 40
_FRACTION_BITS: Final = 52


def draw_below(choice: Choice, bound: int, count: int, seed: int, key: Key) -> npt.NDArray[np.uint32]:
    """Draw numbers from 0 to ``bound - 1``.

    :param choice: ``zipf`` with its exponent, or ``uniform``.
    :param key: which stream of ``seed`` to draw from.
    :returns: (count,)
    """
    if choice.name == "uniform":
        return uniform_below(bound, count, seed, key)
    fractions = raw_words(count, seed, key) >> np.uint64(64 - TABLE_BITS)
    return np.searchsorted(cumulative_zipf(bound, choice.number), fractions, side="right").astype(np.uint32)


def probabilities(choice: Choice, bound: int) -> npt.NDArray[np.float64]:
    """:returns: (bound,) how likely each number is."""
    if choice.name == "uniform":
        return np.full(bound, 1 / bound)
    return np.diff(cumulative_zipf(bound, choice.number), prepend=np.uint64(0)) / 2.0**TABLE_BITS


@lru_cache(maxsize=4)
def cumulative_zipf(bound: int, exponent: float) -> npt.NDArray[np.uint64]:
    """The table to look numbers up in: number ``i`` is drawn for the integers below entry ``i``, not below ``i - 1``.

    :returns: (bound,) rising, the last one 2^53.
    """
    weights = np.maximum(np.ldexp(1 / _power(np.arange(1.0, bound + 1), exponent), _WEIGHT_BITS).astype(np.int64), 1)
    sums = np.cumsum(weights).tolist()
    table = np.array([(total << TABLE_BITS) // sums[-1] for total in sums], dtype=np.uint64)
    table.setflags(write=False)
    return table


def _power(base: npt.NDArray[np.float64], exponent: float) -> npt.NDArray[np.float64]:
    """``base ** exponent`` by multiplications and square roots only."""
    whole = int(exponent)
    power = np.ones_like(base)
    for _ in range(whole):
        power = power * base
    fraction, root = exponent - whole, base
    for _ in range(_FRACTION_BITS):
        if not fraction:
            break
        fraction, root = 2 * fraction, np.sqrt(root)
        if fraction >= 1:
            fraction, power = fraction - 1, power * root
    return power
