"""Random sequences in blocks, each block from its own random streams.

A block holds up to 65,536 sequences as two flat arrays. It is seeded by (seed, split, block), so that any block can
be made alone, in any order, and gives the same sequences however many follow.

Only the raw output of a bit generator is used, which NumPy promises to keep for ever (NEP 19; the methods of
``Generator`` may change between versions). A raw 32-bit number ``u`` becomes a number below ``n`` by multiplying and
shifting, ``u * n >> 32``: no number is more likely than another by more than a factor of ``1 + n / 2**32``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from data_gen.copy.spec import SPLITS, CopySpec

# All four numbers are part of what a seed means: changing one changes every dataset.
BLOCK_SEQUENCES: Final = 65_536
BLOCK_SYMBOLS: Final = 4_194_304
_LENGTH_STREAM: Final = 0
_SYMBOL_STREAM: Final = 1


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


def sequences_per_block(spec: CopySpec) -> int:
    """Sequences in every block but the last: fewer for long sequences, so that a block's memory stays bounded."""
    return min(BLOCK_SEQUENCES, BLOCK_SYMBOLS // spec.max_len)


def blocks_in_split(spec: CopySpec, split: str) -> int:
    """How many blocks ``split`` takes."""
    return -(-spec.sequences(split) // sequences_per_block(spec))


def sample_block(spec: CopySpec, split: str, index: int) -> Block:
    """Make block ``index`` of ``split``, alone.

    :param index: from 0 to ``blocks_in_split(spec, split) - 1``.
    """
    size = sequences_per_block(spec)
    sequences = min(size, spec.sequences(split) - index * size)
    assert sequences > 0, f"{split} has no block {index}"
    key = (SPLITS.index(split), index)
    length_choices = spec.max_len - spec.min_len + 1
    lengths = spec.min_len + uniform_below(length_choices, sequences, spec.seed, (*key, _LENGTH_STREAM)).astype(
        np.int64
    )
    symbols = uniform_below(spec.num_symbols, int(lengths.sum()), spec.seed, (*key, _SYMBOL_STREAM))
    return Block(symbols, lengths)


def sample_split(spec: CopySpec, split: str) -> Iterator[Block]:
    """Make the blocks of ``split`` in order, one at a time."""
    for index in range(blocks_in_split(spec, split)):
        yield sample_block(spec, split, index)


def uniform_below(bound: int, count: int, seed: int, key: tuple[int, ...]) -> npt.NDArray[np.uint32]:
    """Draw numbers from 0 to ``bound - 1``, with a generator of their own.

    :param bound: from 1 to 2**32.
    :param key: which stream of ``seed`` to draw from.
    :returns: (count,)
    """
    generator = np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key))
    words: npt.NDArray[np.uint64] = generator.random_raw((count + 1) // 2)
    halves = words.astype("<u8", copy=False).view("<u4")[:count]  # the low half first, on every machine
    products = halves.astype(np.uint64) * np.uint64(bound)
    numbers: npt.NDArray[np.uint32] = (products >> np.uint64(32)).astype(np.uint32)
    return numbers
