"""The sequences of all splits but train, known by their fingerprints."""

import numpy as np
import numpy.typing as npt

from data_gen.copy.overlap import Fingerprinter
from data_gen.copy.room import Room
from data_gen.copy.sample import sample_split
from data_gen.copy.spec import CopySpec
from data_gen.progress import Progress


def held_out_fingerprints(
    spec: CopySpec, fingerprint: Fingerprinter, progress: Progress = lambda sequences: None
) -> dict[str, npt.NDArray[np.uint64]]:
    """Sample every split but train.

    :returns: for each of them, (sequences,) the fingerprints.
    :raises UserError: if train cannot do without them, but is to.
    """
    room = Room(spec)
    found = {}
    for split in spec.splits[1:]:
        parts = []
        for block in sample_split(spec, split):
            parts.append(fingerprint(block))
            if spec.no_overlap:
                room.see(block, parts[-1])
            progress(len(block.lengths))
        found[split.name] = np.concatenate(parts)
    if spec.no_overlap:
        room.require()
    return found
