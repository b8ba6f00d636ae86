"""Random sequences in blocks, each block from its own random streams.

A block holds up to 65,536 sequences as two flat arrays. It is seeded by (seed, split, block, epoch), so that any block
can be made alone, in any order, and gives the same sequences however many follow.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from data_gen.copy.block import Block
from data_gen.copy.distribution import draw_below
from data_gen.copy.overlap import HeldOut
from data_gen.copy.spec import CopySpec, Split
from data_gen.copy.streams import Key
from data_gen.copy.unique import draw_unique

# All four numbers are part of what a seed means: changing one changes every dataset.
BLOCK_SEQUENCES: Final = 65_536
BLOCK_SYMBOLS: Final = 4_194_304
_LENGTH_STREAM: Final = 0
_SYMBOL_STREAM: Final = 1


def sequences_per_block(spec: CopySpec, split: Split) -> int:
    """Sequences in every block but the last: fewer for long sequences, so that a block's memory stays bounded."""
    return min(BLOCK_SEQUENCES, BLOCK_SYMBOLS // (split.max_len * spec.growth))


def blocks_in_split(spec: CopySpec, split: Split) -> int:
    """How many blocks ``split`` takes."""
    return -(-split.sequences // sequences_per_block(spec, split))


def sample_block(spec: CopySpec, split: Split, index: int, *, epoch: int = 0, held_out: HeldOut | None = None) -> Block:
    """Make block ``index`` of ``split``, alone.

    :param index: from 0 to ``blocks_in_split(spec, split) - 1``.
    :param epoch: another one gives other sequences; files hold those of epoch 0.
    :param held_out: sequences that must not occur: they are drawn again, at the same length.
    """
    size = sequences_per_block(spec, split)
    sequences = min(size, split.sequences - index * size)
    assert sequences > 0, f"{split.name} has no block {index}"
    place = (split.number, index)
    lengths = _draw_lengths(spec, split, sequences, _key(place, _LENGTH_STREAM, epoch))
    symbols = _draw_symbols(spec, split, lengths, place, epoch, attempt=0)
    block = Block(symbols, lengths)
    return block if held_out is None else _draw_again(spec, split, block, place, epoch, held_out)


def sample_split(spec: CopySpec, split: Split, *, held_out: HeldOut | None = None) -> Iterator[Block]:
    """Make the blocks of ``split`` in order, one at a time."""
    for index in range(blocks_in_split(spec, split)):
        yield sample_block(spec, split, index, held_out=held_out)


def _draw_lengths(spec: CopySpec, split: Split, sequences: int, key: Key) -> npt.NDArray[np.int64]:
    choices = split.max_len - split.min_len + 1
    if choices == 1:
        return np.full(sequences, split.max_len, dtype=np.int64)
    return split.min_len + draw_below(spec.length_choice, choices, sequences, spec.seed, key).astype(np.int64)


def _draw_symbols(
    spec: CopySpec, split: Split, lengths: npt.NDArray[np.int64], place: Key, epoch: int, attempt: int
) -> npt.NDArray[np.uint32]:
    """:returns: (sum of lengths,) the symbols of sequences of these lengths."""

    def key(turn: int) -> Key:
        return _key(place, _SYMBOL_STREAM, epoch, attempt, turn)

    if spec.unique:
        return draw_unique(spec.num_symbols, split.max_len, lengths, spec.seed, key)
    return draw_below(spec.symbol_choice, spec.num_symbols, int(lengths.sum()), spec.seed, key(0))


def _draw_again(spec: CopySpec, split: Split, block: Block, place: Key, epoch: int, held_out: HeldOut) -> Block:
    """Replace the sequences that are held out, until none is left."""
    symbols = block.symbols
    places = np.flatnonzero(held_out.contains(held_out.fingerprint(block)))  # (sequences to replace,)
    attempt = 0
    while len(places):
        attempt += 1
        lengths = block.lengths[places]
        fresh = Block(_draw_symbols(spec, split, lengths, place, epoch, attempt), lengths)
        target = np.repeat(block.starts[places] - fresh.starts, lengths) + np.arange(len(fresh.symbols))
        symbols[target] = fresh.symbols
        places = places[held_out.contains(held_out.fingerprint(fresh))]
    return block


def _key(place: Key, stream: int, epoch: int, *turn: int) -> Key:
    """The stream for ``place``; the first draws of epoch 0 have the shortest key."""
    if any(turn):
        return (*place, stream, epoch, *turn)
    return (*place, stream, epoch) if epoch else (*place, stream)
