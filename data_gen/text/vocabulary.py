"""fairseq's dictionary of the pieces of a model, one to one and in the model's order.

The model's own ``<unk>``, ``<s>``, ``</s>`` and ``<pad>`` give way to fairseq's, which come first. So where they come
first in the model too, as sentencepiece puts them, a fairseq id is the sentencepiece id plus a constant. Nothing is
added to reach a multiple of 8: ``--vocab-size`` says how many pieces there are.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from data_gen.errors import UserError
from data_gen.indexed_files import SPECIAL_TOKENS, UNKNOWN, id_type

_FAIRSEQ_SYMBOLS: Final = ("<s>", "<pad>", "</s>", "<unk>")
# Lets a line of dict.*.txt define a symbol that is there already.
_OVERWRITE: Final = " #fairseq:overwrite"


@dataclass(frozen=True)
class PieceVocabulary:
    """A dictionary and the way into it.

    :param pieces: in the order of their ids, which start at 4.
    :param ids: (pieces of the model,) the fairseq id of each piece of the model, in the type that ``.bin`` holds.
    """

    pieces: tuple[str, ...]
    ids: npt.NDArray[np.unsignedinteger]

    @property
    def size(self) -> int:
        """How many ids there are, special tokens included: ``len`` of the dictionary that fairseq loads."""
        return SPECIAL_TOKENS + len(self.pieces)

    def text(self, counts: npt.NDArray[np.int64]) -> str:
        """The content of ``dict.*.txt``.

        :param counts: (size,) how often each id occurs in train.
        """
        return "".join(
            f"{piece} {count}{_OVERWRITE * (piece in _FAIRSEQ_SYMBOLS)}\n"
            for piece, count in zip(self.pieces, counts[SPECIAL_TOKENS:].tolist(), strict=True)
        )


def build_vocabulary(processor: Any, name: str) -> PieceVocabulary:
    """Build the dictionary of a model.

    :param processor: a ``sentencepiece.SentencePieceProcessor``.
    :param name: of the model, for messages.
    :raises UserError: if a piece cannot stand in a line of a dictionary.
    """
    special = {processor.unk_id(), processor.bos_id(), processor.eos_id(), processor.pad_id()}
    numbers = [
        number
        for number in range(processor.get_piece_size())
        if not (number in special and (processor.is_control(number) or processor.is_unknown(number)))
    ]
    pieces = tuple(processor.id_to_piece(number) for number in numbers)
    for piece in pieces:
        if set(piece) & set(" \n\r"):
            raise UserError(
                f"the piece {piece!r} of {name} contains a space or a line end, which fairseq's dictionary cannot "
                "hold: give a model without such pieces"
            )
    ids = np.full(processor.get_piece_size(), UNKNOWN, dtype=id_type(SPECIAL_TOKENS + len(pieces)))
    ids[numbers] = np.arange(SPECIAL_TOKENS, SPECIAL_TOKENS + len(pieces))
    return PieceVocabulary(pieces, ids)
