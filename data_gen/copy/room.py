"""Whether train can do without the held-out sequences: how many sequences there are, and how many are left.

With n symbols there are n^L sequences of length L, and n! / (n - L)! of them without repeats. Train draws a held-out
one again, so what counts is how likely that is: at each length that train may draw, at least 1/64 of all draws must
be free.
"""

from math import lgamma, log, perm
from typing import Final

import numpy as np
import numpy.typing as npt

from data_gen.copy.block import Block
from data_gen.copy.distribution import probabilities
from data_gen.copy.spec import CopySpec
from data_gen.errors import UserError

FREE_SHARE: Final = 64
"""One in how many draws must be free."""

_EXACT_LENGTH: Final = 64  # from two symbols on, there are more of any longer length than can be held out
_SHOWN_DIGITS: Final = 15


def number_of_sequences(spec: CopySpec, length: int) -> int:
    """How many different sequences of ``length`` the specification allows."""
    return perm(spec.num_symbols, length) if spec.unique else spec.num_symbols**length


class Room:
    """Takes note of held-out sequences and tells whether train has room beside them."""

    def __init__(self, spec: CopySpec) -> None:
        self._spec = spec
        uniform = spec.symbol_choice.name == "uniform"
        self._logarithms = None if uniform else np.log2(probabilities(spec.symbol_choice, spec.num_symbols))
        self._prints: list[npt.NDArray[np.uint64]] = []
        self._lengths: list[npt.NDArray[np.int64]] = []
        self._shares: list[npt.NDArray[np.float64]] = []

    def see(self, block: Block, fingerprints: npt.NDArray[np.uint64]) -> None:
        """Take note of held-out sequences.

        :param fingerprints: (sequences,) those of ``block``.
        """
        self._prints.append(fingerprints)
        self._lengths.append(block.lengths)
        if self._logarithms is not None:
            self._shares.append(np.exp2(np.add.reduceat(self._logarithms[block.symbols], block.starts)))

    def require(self) -> None:
        """:raises UserError: if train would have to draw again and again at some length."""
        train = self._spec.splits[0]
        _, first = np.unique(np.concatenate(self._prints), return_index=True)  # (different sequences,)
        lengths = np.concatenate(self._lengths)[first]
        held_out = np.bincount(lengths)  # (longest + 1,)
        taken = np.bincount(lengths, np.concatenate(self._shares)[first]) if self._shares else None
        for length in range(train.min_len, min(train.max_len + 1, len(held_out))):
            self._require_at(length, int(held_out[length]), None if taken is None else float(taken[length]))

    def _require_at(self, length: int, held_out: int, taken: float | None) -> None:
        """:param taken: the share of draws that are held out; None where all sequences are equally likely."""
        exact = self._spec.num_symbols == 1 or length <= _EXACT_LENGTH
        total = number_of_sequences(self._spec, length) if exact else None
        if taken is None:
            enough = total is None or (total - held_out) * FREE_SHARE >= total
        else:
            enough = total != held_out and (1 - taken) * FREE_SHARE >= 1
        if not enough:
            raise UserError(
                f"--no-overlap leaves train too little: of the {self._shown(total, length)} sequences of length "
                f"{length} that there are, {held_out} are held out, and at least 1 in {FREE_SHARE} draws must be free; "
                "use smaller --valid and --test, a larger --num-symbols, or longer sequences"
            )

    def _shown(self, total: int | None, length: int) -> str:
        if total is not None and total < 10**_SHOWN_DIGITS:
            return str(total)
        symbols = self._spec.num_symbols
        natural = lgamma(symbols + 1) - lgamma(symbols - length + 1) if self._spec.unique else length * log(symbols)
        return f"about 10^{natural / log(10):.0f}"
