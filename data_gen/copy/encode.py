"""From symbol numbers to the ids of a dictionary."""

import numpy as np
import numpy.typing as npt

from data_gen.copy.block import Block
from data_gen.copy.vocabulary import Vocabulary
from data_gen.indexed_files import end_sequences, id_type


def encode(block: Block, vocabulary: Vocabulary) -> npt.NDArray[np.unsignedinteger]:
    """Replace symbols by their ids and end each sequence.

    :returns: (symbols + sequences,) ids in the type that ``.bin`` holds.
    """
    return end_sequences(vocabulary.ids.astype(id_type(vocabulary.size)).take(block.symbols), block.lengths)
