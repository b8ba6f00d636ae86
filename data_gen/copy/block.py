"""Some sequences of symbol numbers, laid one after the other."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


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
