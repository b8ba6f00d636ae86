"""What the target of a source is, over a whole block at a time. For the source ``c a b``:

- ``copy`` c a b: the source;
- ``reverse`` b a c: the source backwards;
- ``sort`` a b c: its symbols by increasing number;
- ``shift:1`` d b c: each symbol number plus K, modulo the number of symbols;
- ``repeat:2`` c a b c a b: the whole source N times;
- ``duplicate`` c c a a b b: each symbol twice.
"""

from collections.abc import Callable
from typing import Final

import numpy as np

from data_gen.copy.block import Block
from data_gen.copy.spec import CopySpec


def transform_block(spec: CopySpec, block: Block) -> Block:
    """Make the targets of the sources in ``block``, in the same order.

    :returns: for ``copy``, ``block`` itself.
    """
    choice = spec.transform_choice
    if choice.name == "copy":
        return block
    return _TRANSFORMS[choice.name](block, int(choice.number), spec.num_symbols)


def _reverse(block: Block, number: int, num_symbols: int) -> Block:
    mirrored = np.repeat(2 * block.starts + block.lengths - 1, block.lengths) - np.arange(len(block.symbols))
    return Block(block.symbols[mirrored], block.lengths)


def _sort(block: Block, number: int, num_symbols: int) -> Block:
    # One sort for all sequences: the sequence's number stands above the symbol's in one word.
    bits = np.uint64(max(num_symbols - 1, 1).bit_length())
    words = np.repeat(np.arange(len(block.lengths), dtype=np.uint64) << bits, block.lengths) | block.symbols
    words.sort()
    return Block((words & ((np.uint64(1) << bits) - np.uint64(1))).astype(np.uint32), block.lengths)


def _shift(block: Block, number: int, num_symbols: int) -> Block:
    return Block((block.symbols + np.uint32(number)) % np.uint32(num_symbols), block.lengths)


def _repeat(block: Block, number: int, num_symbols: int) -> Block:
    lengths = np.repeat(block.lengths, number)  # (sequences * N,)
    places = np.repeat(np.repeat(block.starts, number) - (np.cumsum(lengths) - lengths), lengths)
    places += np.arange(len(places))
    return Block(block.symbols[places], block.lengths * number)


def _duplicate(block: Block, number: int, num_symbols: int) -> Block:
    return Block(np.repeat(block.symbols, 2), block.lengths * 2)


_TRANSFORMS: Final[dict[str, Callable[[Block, int, int], Block]]] = {
    "reverse": _reverse,
    "sort": _sort,
    "shift": _shift,
    "repeat": _repeat,
    "duplicate": _duplicate,
}
