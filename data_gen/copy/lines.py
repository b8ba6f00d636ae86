"""Sequences as lines of text: symbols apart by one space, one sequence a line."""

import numpy as np
import numpy.typing as npt

from data_gen.copy.block import Block


def separated_names(names: list[str]) -> npt.NDArray[np.bytes_]:
    """Every symbol as it stands inside a line, then every symbol as it ends a line.

    :returns: (2 * symbols,) fixed-width byte strings, filled up with NUL.
    """
    return np.array([f"{name}{end}".encode("ascii") for end in (" ", "\n") for name in names])


def format_lines(block: Block, separated: npt.NDArray[np.bytes_]) -> bytes:
    """Format the sequences of a block.

    :param separated: what :func:`separated_names` returns.
    """
    ends_line = np.zeros(len(block.symbols), dtype=np.int64)
    ends_line[np.cumsum(block.lengths) - 1] = len(separated) // 2
    padded = separated[block.symbols + ends_line].view(np.uint8)  # (symbols * width,)
    content: bytes = padded[padded != 0].tobytes()
    return content
