"""How much of a batch to work on at a time.

Several operations after each other over more numbers than a processor's cache holds fetch them from memory each time.
A piece that stays in the cache is fetched once.
"""

from torch import Tensor

# Numbers of a piece: 1 MB in float32.
PIECE = 1 << 18


def piece_size(batch: Tensor, numbers: int) -> int:
    """How many items of ``batch`` (first dimension), with so many ``numbers`` each, to work on together.

    A GPU takes all at once.
    """
    return max(1, PIECE // max(1, numbers) if batch.device.type == "cpu" else batch.size(0))
