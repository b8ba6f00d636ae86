"""The dataset behind the task ``copy``: fairseq's pairs of sequences, none of them dropped."""

from typing import Any

import numpy as np
from fairseq.data import LanguagePairDataset


class CopyDataset(LanguagePairDataset):
    """Pairs of sequences; every index given to :meth:`batch_by_size` ends up in a batch.

    fairseq leaves out the last batch where its size is no multiple of ``--required-batch-size-multiple`` (8 by
    default): with a batch size of 1, the last sequence would never be read.
    """

    def batch_by_size(self, indices: np.ndarray, **kwargs: Any) -> list[np.ndarray]:
        """Cut ``indices`` into batches, in order; see fairseq for the limits."""
        batches = list(super().batch_by_size(indices, **kwargs))
        batched = sum(len(batch) for batch in batches)
        if batched < len(indices):
            batches.append(np.asarray(indices[batched:], dtype=np.int64))
        return batches
