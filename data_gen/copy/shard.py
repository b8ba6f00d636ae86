"""A part of a dataset: whole blocks of train, one after the other; the first part also has the other splits.

fairseq reads the other splits from the first of several data folders only.
"""

from dataclasses import dataclass

from data_gen.copy.sample import blocks_in_split, sequences_per_block
from data_gen.copy.spec import CopySpec, Split


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
