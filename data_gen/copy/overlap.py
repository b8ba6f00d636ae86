"""Which sequences are held out, how many of them also occur in train, and whether train can do without them.

A sequence x_1..x_n is known by a 64-bit fingerprint, sum_i key(x_i) * B^i mod 2^64, with random keys and an odd B: two
different sequences share one less than once in 10^12 pairs, short ones less than once in 10^17. It takes one running
sum over all sequences of a block, from which each gets its part (Karp and Rabin 1987). Only the held-out fingerprints
stay in memory.

With n symbols there are n^L sequences of length L, and n! / (n - L)! of them without repeats. Train draws a held-out
one again, so what counts is how likely that is: at each length that train may draw, at least 1/64 of all draws must
be free.
"""

from math import lgamma, log, perm
from typing import Final

import numpy as np
import numpy.typing as npt

from data_gen.copy.draws import Block, probabilities
from data_gen.copy.spec import CopySpec
from data_gen.errors import UserError

_KEYS_SEED: Final = 2
_LEAST_BITS, _SPARE_BITS, _MOST_BITS = 16, 6, 24
_BASE: Final = 0xD1342543DE82EF95  # 5 modulo 8, so that its powers do not repeat before 2^62


class Fingerprinter:
    """Computes the fingerprints of sequences that keep to ``spec``."""

    def __init__(self, spec: CopySpec) -> None:
        self._keys = _random_words(spec.num_symbols, _KEYS_SEED)
        self._powers = (_powers(_BASE, 1), _powers(_BASE, 1))

    def __call__(self, block: Block) -> npt.NDArray[np.uint64]:
        """Compute fingerprints. :returns: (sequences,) one fingerprint for each sequence."""
        symbols = len(block.symbols)
        powers, inverses = self._powers
        if len(powers) < symbols:  # several threads may be here at once: each goes on with tables of its own
            size = symbols + symbols // 16  # some more, for the blocks to come
            powers, inverses = self._powers = (_powers(_BASE, size), _powers(pow(_BASE, -1, 2**64), size))
        terms = self._keys.take(block.symbols)
        terms *= powers[:symbols]  # all of this wraps around on purpose
        sums = np.cumsum(terms, out=terms)
        ends = np.cumsum(block.lengths)
        totals = sums[ends - 1]
        totals[1:] -= totals[:-1].copy()
        return totals * inverses[ends - block.lengths]


class HeldOut:
    """The sequences that train must not hold.

    :param fingerprint: computes the fingerprints of sequences.
    :param fingerprints: (sequences,) of all held-out splits.
    """

    def __init__(self, fingerprint: Fingerprinter, fingerprints: npt.NDArray[np.uint64]) -> None:
        self.fingerprint = fingerprint
        self._index = _Index(np.unique(fingerprints))

    def contains(self, fingerprints: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
        """Look fingerprints up. :returns: (sequences,) which of them are held out."""
        found = np.zeros(len(fingerprints), dtype=np.bool_)
        found[self._index.find(fingerprints)[0]] = True
        return found


class OverlapCounter:
    """Counts the sequences of one held-out split that occur in train.

    :param fingerprints: (sequences,) of the whole held-out split.
    """

    def __init__(self, fingerprints: npt.NDArray[np.uint64]) -> None:
        distinct, self._copies = np.unique(fingerprints, return_counts=True)
        self._index = _Index(distinct)
        self._found = np.zeros(len(distinct), dtype=np.bool_)

    def see(self, fingerprints: npt.NDArray[np.uint64]) -> None:
        """Take note of train sequences; several threads may do so at once."""
        self._found[self._index.find(fingerprints)[1]] = True

    @property
    def complete(self) -> bool:
        """True when every held-out sequence has been found, so that nothing more can change the count."""
        return bool(self._found.all())

    @property
    def count(self) -> int:
        """Held-out sequences seen in train so far; equal sequences count each."""
        return int(self._copies[self._found].sum())


class _Index:
    """Looks fingerprints up in a sorted list of different ones.

    Most are ruled out by their first bits alone, in a table that is mostly empty.
    """

    def __init__(self, distinct: npt.NDArray[np.uint64]) -> None:
        self._distinct = distinct
        bits = min(max(_LEAST_BITS, len(distinct).bit_length() + _SPARE_BITS), _MOST_BITS)
        self._shift = np.uint64(64 - bits)
        self._taken = np.zeros(1 << bits, dtype=np.bool_)
        self._taken[distinct >> self._shift] = True

    def find(self, fingerprints: npt.NDArray[np.uint64]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """Look fingerprints up in the list.

        :returns: (found,) where they stand in ``fingerprints``, and (found,) where in the list.
        """
        asked = np.flatnonzero(self._taken.take((fingerprints >> self._shift).view(np.int64)))
        likely = fingerprints[asked]
        positions = np.searchsorted(self._distinct, likely)
        positions[positions == len(self._distinct)] = 0
        right = self._distinct[positions] == likely
        return asked[right], positions[right]


def _powers(base: int, count: int) -> npt.NDArray[np.uint64]:
    """Compute powers. :returns: (count,) the powers of ``base`` from the one with exponent 0, modulo 2^64."""
    factors = np.full(count, base, dtype=np.uint64)
    factors[0] = 1
    return np.cumprod(factors)


def _random_words(count: int, seed: int) -> npt.NDArray[np.uint64]:
    return np.asarray(np.random.PCG64(seed).random_raw(count), dtype=np.uint64)


FREE_SHARE: Final = 64
"""One in how many draws must be free."""

_EXACT_LENGTH: Final = 64  # from two symbols on, there are more of any longer length than can be held out
_SHOWN_DIGITS: Final = 15


def number_of_sequences(spec: CopySpec, length: int) -> int:
    """How many different sequences of ``length`` the specification allows."""
    return perm(spec.num_symbols, length) if spec.unique else spec.num_symbols**length


class TrainFeasibility:
    """Takes note of held-out sequences and tells whether enough sequences are left for train."""

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
        """Check that train can be drawn.

        :raises UserError: if train would have to draw again and again at some length.
        """
        train = self._spec.splits[0]
        _, first = np.unique(np.concatenate(self._prints), return_index=True)  # (different sequences,)
        lengths = np.concatenate(self._lengths)[first]
        held_out = np.bincount(lengths)  # (longest + 1,)
        taken = np.bincount(lengths, np.concatenate(self._shares)[first]) if self._shares else None
        for length in range(train.min_len, min(train.max_len + 1, len(held_out))):
            self._require_at(length, int(held_out[length]), None if taken is None else float(taken[length]))

    def _require_at(self, length: int, held_out: int, taken: float | None) -> None:
        """Check one length.

        :param taken: the share of draws that are held out; None where all sequences are equally likely.
        """
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
