"""Random numbers and random sequences, each from a stream that is named by what it is for.

Only the raw output of a bit generator is used, which NumPy promises to keep for ever (NEP 19; the methods of
``Generator`` may change between versions). A raw 32-bit number ``u`` becomes a number below ``n`` by multiplying and
shifting, ``u * n >> 32``: no number is more likely than another by more than a factor of ``1 + n / 2**32``.

Zipf's law is P(r) proportional to 1 / r^S for the rank r = 1, 2, ... A Zipf number is found by inversion: a raw 53-bit
integer is looked up in a table of cumulative integers that ends at 2^53. The table is the same on every machine: r^S is
computed by multiplications and square roots alone (S in binary: each binary digit of its fraction is one more square
root), which IEEE 754 rounds exactly, and from there on everything is in integers. Weights are cut to 40 binary digits,
and are at least one unit of the last.

Sequences without repeats are each as likely as any other. With few symbols for the length, a sequence is the first part
of a shuffle (Fisher and Yates), one position of all sequences at a time. With many, symbols are drawn freely, and a
symbol that occurs earlier in its sequence is drawn again until there is none. That is uniform as well: whether a symbol
is drawn again depends on where equal symbols stand, never on which symbols they are. So renaming the symbols changes no
probability, and renaming takes any sequence without repeats to any other.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from data_gen.copy.spec import Choice


@dataclass(frozen=True)
class Block:
    """Some sequences, laid one after the other.

    :param symbols: (sum of lengths,) symbol numbers from 0.
    :param lengths: (sequences,) symbols in each sequence, at least 1.
    """

    symbols: npt.NDArray[np.uint32]
    lengths: npt.NDArray[np.int64]

    @property
    def starts(self) -> npt.NDArray[np.int64]:
        """(sequences,) where each sequence begins in ``symbols``."""
        return np.cumsum(self.lengths) - self.lengths


Key = tuple[int, ...]
"""Which stream of a seed: different keys give independent streams."""


def raw_words(count: int, seed: int, key: Key) -> npt.NDArray[np.uint64]:
    """Draw 64-bit words. :returns: (count,) uniform 64-bit words from the start of a stream."""
    generator = np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key))
    return np.asarray(generator.random_raw(count), dtype=np.uint64)


def raw_halves(count: int, seed: int, key: Key) -> npt.NDArray[np.uint32]:
    """Draw 32-bit words.

    :returns: (count,) uniform 32-bit words: the halves of the 64-bit ones, the low half first on every machine.
    """
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
    """Compute the distribution. :returns: (bound,) how likely each number is."""
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


def draw_unique(
    num_symbols: int, max_len: int, lengths: npt.NDArray[np.int64], seed: int, key: Callable[[int], Key]
) -> npt.NDArray[np.uint32]:
    """Draw the symbols of sequences without repeats.

    :param max_len: the longest that a length can be, at most ``num_symbols``; decides the method.
    :param lengths: (sequences,)
    :param key: the random stream of each turn, which count from 0.
    :returns: (sum of lengths,) symbol numbers from 0 to ``num_symbols - 1``.
    """
    if num_symbols < 2 * max_len:
        return _shuffled(num_symbols, max_len, lengths, seed, key(0))
    return _redrawn(num_symbols, lengths, seed, key)


def _shuffled(
    num_symbols: int, max_len: int, lengths: npt.NDArray[np.int64], seed: int, key: Key
) -> npt.NDArray[np.uint32]:
    """Takes memory for ``num_symbols`` of each sequence."""
    sequences = len(lengths)
    raw = raw_halves(sequences * max_len, seed, key).reshape(sequences, max_len)
    decks = np.tile(np.arange(num_symbols, dtype=np.uint32)[:, None], sequences)  # (symbols, sequences)
    rows = np.arange(sequences)
    for position in range(max_len):
        products = raw[:, position].astype(np.uint64) * np.uint64(num_symbols - position)
        chosen = position + (products >> np.uint64(32)).astype(np.int64)  # (sequences,)
        drawn = decks[chosen, rows]
        decks[chosen, rows] = decks[position]
        decks[position] = drawn
    return np.ascontiguousarray(decks[:max_len].T)[np.arange(max_len) < lengths[:, None]]


def _redrawn(
    num_symbols: int, lengths: npt.NDArray[np.int64], seed: int, key: Callable[[int], Key]
) -> npt.NDArray[np.uint32]:
    """Needs ``num_symbols`` of at least twice the longest length, so that every turn halves what is left."""
    symbols = uniform_below(num_symbols, int(lengths.sum()), seed, key(0))
    owners = np.repeat(np.arange(len(lengths), dtype=np.uint64), lengths)  # (symbols,) the sequence of each
    positions = np.arange(len(symbols))  # of the symbols in question: those of sequences that may hold repeats
    turn = 0
    while True:
        again = positions[_repeats(symbols[positions], owners[positions])]
        if not len(again):
            return symbols
        turn += 1
        symbols[again] = uniform_below(num_symbols, len(again), seed, key(turn))
        touched = np.zeros(len(lengths), dtype=np.bool_)
        touched[owners[again]] = True
        positions = positions[touched[owners[positions]]]


def _repeats(symbols: npt.NDArray[np.uint32], owners: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """Find repeated symbols.

    :returns: in rising order, the positions of symbols that occur at an earlier position of the same owner.
    """
    words = owners << np.uint64(32) | symbols
    order = np.argsort(words, kind="stable")
    ordered = words[order]
    return np.sort(order[1:][ordered[1:] == ordered[:-1]])
