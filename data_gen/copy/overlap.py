"""Which held-out sequences also occur in train, counted while train streams past.

A sequence x_1..x_n is known by a 64-bit fingerprint, sum_i key(x_i) * weight(i) mod 2^64, with random keys and
weights: two different sequences share one about once in 10^19 pairs. Only the held-out fingerprints stay in memory.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from data_gen.copy.sample import Block
from data_gen.copy.spec import CopySpec

_KEYS_SEED: Final = 2
_WEIGHTS_SEED: Final = 3


class Fingerprinter:
    """Computes the fingerprints of sequences that keep to ``spec``."""

    def __init__(self, spec: CopySpec) -> None:
        self._keys = _random_words(spec.num_symbols, _KEYS_SEED)
        self._weights = _random_words(spec.max_len, _WEIGHTS_SEED)

    def __call__(self, block: Block) -> npt.NDArray[np.uint64]:
        """:returns: (sequences,) one fingerprint for each sequence."""
        starts = block.starts
        positions = np.arange(len(block.symbols)) - np.repeat(starts, block.lengths)
        terms = self._keys[block.symbols] * self._weights[positions]  # wraps around on purpose
        return np.add.reduceat(terms, starts)


class OverlapCounter:
    """Counts the sequences of one held-out split that occur in train.

    :param fingerprints: (sequences,) of the whole held-out split.
    """

    def __init__(self, fingerprints: npt.NDArray[np.uint64]) -> None:
        self._distinct, self._copies = np.unique(fingerprints, return_counts=True)
        self._found = np.zeros(len(self._distinct), dtype=np.bool_)

    def see(self, fingerprints: npt.NDArray[np.uint64]) -> None:
        """Take note of train sequences."""
        places = np.searchsorted(self._distinct, fingerprints)
        places[places == len(self._distinct)] = 0
        self._found[places[self._distinct[places] == fingerprints]] = True

    @property
    def complete(self) -> bool:
        """True when every held-out sequence has been found, so that nothing more can change the count."""
        return bool(self._found.all())

    @property
    def count(self) -> int:
        """Held-out sequences seen in train so far; equal sequences count each."""
        return int(self._copies[self._found].sum())


def _random_words(count: int, seed: int) -> npt.NDArray[np.uint64]:
    return np.asarray(np.random.PCG64(seed).random_raw(count), dtype=np.uint64)
