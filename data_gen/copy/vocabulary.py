"""Symbol names, and the dictionary fairseq-preprocess would build from their counts.

fairseq sorts symbols by falling count, equal counts by name, after its four special tokens, leaves out what does not
occur in train, and fills the dictionary up to a multiple of 8 with ``madeupword0000``, ``madeupword0001``, ...
"""

import string
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from data_gen.indexed_files import SPECIAL_TOKENS, UNKNOWN

_PADDING_FACTOR: Final = 8


@dataclass(frozen=True)
class Vocabulary:
    """A fairseq dictionary and the way into it.

    :param entries: the lines of ``dict.*.txt``: (token, count), in the order of their ids, which start at 4.
    :param ids: (symbols,) the id of each symbol number; :data:`UNKNOWN` for a symbol that does not occur in train.
    """

    entries: tuple[tuple[str, int], ...]
    ids: npt.NDArray[np.uint32]

    @property
    def size(self) -> int:
        """How many ids there are, special tokens included: ``len`` of the dictionary that fairseq loads."""
        return SPECIAL_TOKENS + len(self.entries)

    def text(self) -> str:
        """The content of ``dict.*.txt``."""
        return "".join(f"{token} {count}\n" for token, count in self.entries)


def symbol_names(num_symbols: int) -> list[str]:
    """Name the symbols: ``a`` to ``z``, then ``s0``, ``s1``, ..."""
    letters = string.ascii_lowercase[:num_symbols]
    return [*letters, *(f"s{number}" for number in range(num_symbols - len(letters)))]


def build_vocabulary(names: list[str], counts: npt.NDArray[np.int64]) -> Vocabulary:
    """Build the dictionary of the symbols that occur.

    :param names: one name for each symbol number.
    :param counts: (symbols,) how often each occurs in train, source and target together.
    """
    occurring = np.flatnonzero(counts)
    by_name = np.array(names, dtype=np.bytes_)[occurring]  # ASCII: in the order of strings
    occurring = occurring[np.lexsort((by_name, -counts[occurring]))]
    ids = np.full(len(names), UNKNOWN, dtype=np.uint32)
    ids[occurring] = np.arange(SPECIAL_TOKENS, SPECIAL_TOKENS + len(occurring))
    entries = list(zip((names[symbol] for symbol in occurring.tolist()), counts[occurring].tolist(), strict=True))
    filler = -(SPECIAL_TOKENS + len(entries)) % _PADDING_FACTOR
    entries += [(f"madeupword{number:04d}", 0) for number in range(filler)]
    return Vocabulary(tuple(entries), ids)
