"""Random sequences in blocks, their targets, and the parts of a dataset that hold them.

A block holds up to 65,536 sequences as two flat arrays. It is seeded by (seed, split, block, epoch), so that any block
can be made alone, in any order, and gives the same sequences however many follow.

The target of a source is made over a whole block at a time. For the source ``c a b``:

- ``copy`` c a b: the source;
- ``reverse`` b a c: the source backwards;
- ``sort`` a b c: its symbols by increasing number;
- ``shift:1`` d b c: each symbol number plus K, modulo the number of symbols;
- ``repeat:2`` c a b c a b: the whole source N times;
- ``duplicate`` c c a a b b: each symbol twice.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from data_gen.copy.draws import Block, Key, draw_below, draw_unique
from data_gen.copy.overlap import Fingerprinter, HeldOut, TrainFeasibility
from data_gen.copy.spec import CopySpec, Split
from data_gen.progress import Progress

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
    block_key = (split.number, index)
    lengths = _draw_lengths(spec, split, sequences, _key(block_key, _LENGTH_STREAM, epoch))
    symbols = _draw_symbols(spec, split, lengths, block_key, epoch, attempt=0)
    block = Block(symbols, lengths)
    return block if held_out is None else _draw_again(spec, split, block, block_key, epoch, held_out)


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
    spec: CopySpec, split: Split, lengths: npt.NDArray[np.int64], block_key: Key, epoch: int, attempt: int
) -> npt.NDArray[np.uint32]:
    """Draw the symbols of a block. :returns: (sum of lengths,) the symbols of sequences of these lengths."""

    def key(turn: int) -> Key:
        return _key(block_key, _SYMBOL_STREAM, epoch, attempt, turn)

    if spec.unique:
        return draw_unique(spec.num_symbols, split.max_len, lengths, spec.seed, key)
    return draw_below(spec.symbol_choice, spec.num_symbols, int(lengths.sum()), spec.seed, key(0))


def _draw_again(spec: CopySpec, split: Split, block: Block, block_key: Key, epoch: int, held_out: HeldOut) -> Block:
    """Replace the sequences that are held out, until none is left."""
    symbols = block.symbols
    positions = np.flatnonzero(held_out.contains(held_out.fingerprint(block)))  # (sequences to replace,)
    attempt = 0
    while len(positions):
        attempt += 1
        lengths = block.lengths[positions]
        fresh = Block(_draw_symbols(spec, split, lengths, block_key, epoch, attempt), lengths)
        target = np.repeat(block.starts[positions] - fresh.starts, lengths) + np.arange(len(fresh.symbols))
        symbols[target] = fresh.symbols
        positions = positions[held_out.contains(held_out.fingerprint(fresh))]
    return block


def _key(block_key: Key, stream: int, epoch: int, *turn: int) -> Key:
    """The stream for ``block_key``; the first draws of epoch 0 have the shortest key."""
    if any(turn):
        return (*block_key, stream, epoch, *turn)
    return (*block_key, stream, epoch) if epoch else (*block_key, stream)


def held_out_fingerprints(
    spec: CopySpec, fingerprint: Fingerprinter, progress: Progress = lambda sequences: None
) -> dict[str, npt.NDArray[np.uint64]]:
    """Sample every split but train.

    :returns: for each of them, (sequences,) the fingerprints.
    :raises UserError: if train cannot do without them, but is to.
    """
    feasibility = TrainFeasibility(spec)
    found = {}
    for split in spec.splits[1:]:
        parts = []
        for block in sample_split(spec, split):
            parts.append(fingerprint(block))
            if spec.no_overlap:
                feasibility.see(block, parts[-1])
            progress(len(block.lengths))
        found[split.name] = np.concatenate(parts)
    if spec.no_overlap:
        feasibility.require()
    return found


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
    positions = np.repeat(np.repeat(block.starts, number) - (np.cumsum(lengths) - lengths), lengths)
    positions += np.arange(len(positions))
    return Block(block.symbols[positions], block.lengths * number)


def _duplicate(block: Block, number: int, num_symbols: int) -> Block:
    return Block(np.repeat(block.symbols, 2), block.lengths * 2)


_TRANSFORMS: Final[dict[str, Callable[[Block, int, int], Block]]] = {
    "reverse": _reverse,
    "sort": _sort,
    "shift": _shift,
    "repeat": _repeat,
    "duplicate": _duplicate,
}


@dataclass(frozen=True, kw_only=True)
class Shard:
    """Which part of how many. An undivided dataset is the only part of one.

    :param number: from 0 to ``of - 1``.
    :param of: how many parts there are.
    :raises ValueError: if there is no such part.
    """

    number: int = 0
    of: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.number < self.of:
            raise ValueError(f"there is no shard {self.number} of {self.of}")

    @property
    def name(self) -> str:
        """What its folder is called."""
        return f"shard{self.number}"

    def splits(self, spec: CopySpec) -> tuple[Split, ...]:
        """The splits that it holds something of, in the order in which they are written."""
        return spec.splits if self.number == 0 else spec.splits[:1]

    def blocks(self, spec: CopySpec, split: Split) -> range:
        """Its blocks of ``split``; the parts differ by one block at most."""
        blocks = blocks_in_split(spec, split)
        if split.number > 0:
            return range(blocks)
        return range(blocks * self.number // self.of, blocks * (self.number + 1) // self.of)

    def sequences(self, spec: CopySpec, split: Split) -> int:
        """How many sequences of ``split`` it holds."""
        blocks, size = self.blocks(spec, split), sequences_per_block(spec, split)
        return min(blocks.stop * size, split.sequences) - blocks.start * size

    def all_sequences(self, spec: CopySpec) -> int:
        """How many sequences it holds."""
        return sum(self.sequences(spec, split) for split in self.splits(spec))
