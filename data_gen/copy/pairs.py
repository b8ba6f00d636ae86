"""Sources and targets, block by block; sources of train are remembered while they fit, for they are needed twice."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from data_gen.copy.block import Block
from data_gen.copy.overlap import HeldOut
from data_gen.copy.sample import blocks_in_split, sample_block, sequences_per_block
from data_gen.copy.spec import CopySpec, Split
from data_gen.copy.transform import transform_block
from data_gen.parallel import available_cores

KEPT_BYTES: Final = 256 * 2**20
"""How much memory remembered sources may take."""

WORKING_BYTES: Final = 256 * 2**20
"""How much memory all threads together may take, about."""

_BYTES_PER_SYMBOL: Final = 100
"""How much memory a thread takes at most for each symbol of a block: that of ``--unique``, about."""


class Pairs:
    """Makes any block of a dataset, in any order, from several threads.

    :param held_out: sequences that train must not hold.
    :param needed: the blocks of train that are worth remembering; all of them by default.
    """

    def __init__(self, spec: CopySpec, held_out: HeldOut | None = None, needed: Sequence[range] | None = None) -> None:
        self.spec = spec
        self._held_out = held_out
        self._needed = [range(blocks_in_split(spec, spec.splits[0]))] if needed is None else needed
        self._kept: dict[int, Block] = {}
        self._room = KEPT_BYTES

    def make(self, split: Split, index: int) -> tuple[Block, Block]:
        """:returns: sources and targets of block ``index``; for copies, the same object twice."""
        kept = self._kept.get(index) if split.number == 0 else None
        if kept is None:
            source = sample_block(self.spec, split, index, held_out=self._held_out if split.number == 0 else None)
        else:
            source = Block(kept.symbols.astype(np.uint32), kept.lengths.astype(np.int64))
        return source, transform_block(self.spec, source)

    def keep(self, index: int, source: Block) -> None:
        """Remember the sources of block ``index`` of train, if they are needed and there is room."""
        if not any(index in blocks for blocks in self._needed):
            return
        symbols = source.symbols.astype(np.min_scalar_type(self.spec.num_symbols - 1))
        lengths = source.lengths.astype(np.min_scalar_type(self.spec.max_len))
        size = symbols.nbytes + lengths.nbytes
        if size <= self._room:
            self._room -= size
            self._kept[index] = Block(symbols, lengths)

    def threads(self, split: Split, blocks: int) -> int:
        """How many threads may work on ``blocks`` blocks of ``split`` at once."""
        symbols = sequences_per_block(self.spec, split) * split.max_len * self.spec.growth
        return max(1, min(available_cores(), blocks, WORKING_BYTES // (symbols * _BYTES_PER_SYMBOL)))
