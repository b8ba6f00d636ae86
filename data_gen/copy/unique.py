"""Sequences in which no symbol occurs twice, every such sequence as likely as any other.

With few symbols for the length, the first places of a shuffle (Fisher and Yates), one place of all sequences at a time.
With many, symbols are drawn freely, and those that occur earlier in their sequence are drawn again until there are
none. That is uniform as well: whether a symbol is drawn again depends on where equal symbols stand, never on which
they are, so that renaming the symbols changes no probability, and renaming takes any sequence without repeats to any
other.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from data_gen.copy.streams import Key, raw_halves, uniform_below


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
    for place in range(max_len):
        products = raw[:, place].astype(np.uint64) * np.uint64(num_symbols - place)
        chosen = place + (products >> np.uint64(32)).astype(np.int64)  # (sequences,)
        drawn = decks[chosen, rows]
        decks[chosen, rows] = decks[place]
        decks[place] = drawn
    return np.ascontiguousarray(decks[:max_len].T)[np.arange(max_len) < lengths[:, None]]


def _redrawn(
    num_symbols: int, lengths: npt.NDArray[np.int64], seed: int, key: Callable[[int], Key]
) -> npt.NDArray[np.uint32]:
    """Needs ``num_symbols`` of at least twice the longest length, so that every turn halves what is left."""
    symbols = uniform_below(num_symbols, int(lengths.sum()), seed, key(0))
    owners = np.repeat(np.arange(len(lengths), dtype=np.uint64), lengths)  # (symbols,) the sequence of each
    places = np.arange(len(symbols))  # of the symbols in question: those of sequences that may hold repeats
    turn = 0
    while True:
        again = places[_repeats(symbols[places], owners[places])]
        if not len(again):
            return symbols
        turn += 1
        symbols[again] = uniform_below(num_symbols, len(again), seed, key(turn))
        touched = np.zeros(len(lengths), dtype=np.bool_)
        touched[owners[again]] = True
        places = places[touched[owners[places]]]


def _repeats(symbols: npt.NDArray[np.uint32], owners: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """:returns: in rising order, the places of symbols that occur at an earlier place of the same owner."""
    words = owners << np.uint64(32) | symbols
    order = np.argsort(words, kind="stable")
    ordered = words[order]
    return np.sort(order[1:][ordered[1:] == ordered[:-1]])
