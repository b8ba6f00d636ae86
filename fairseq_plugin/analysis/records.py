"""The attention of one hypothesis, and what all files of such records agree on.

Legend: S source length, T target length. Attention is always target x source: row t holds the weights with which the
model read the S source tokens while it predicted target token t.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, TypeVar

import numpy as np

from data_gen.errors import UserError

END = "</s>"
AXES = "target x source"  # as files say it
SEQUENCES = ("source", "target", "reference")
Item = TypeVar("Item")
LARGEST_ID = 2**63 - 1  # files keep ids as int64


@dataclass(frozen=True, eq=False)
class AttentionRecord:
    """One hypothesis with its attention. Two records are equal only if they are the same object.

    :param id: position of the sentence in the corpus, from 0.
    :param source: the S source tokens, with ``</s>`` if the model saw it.
    :param target: the T tokens of the hypothesis, with ``</s>`` if the model predicted it.
    :param weights: (T, S), target x source; kept as a read-only float32 array.
    :param score: the score of the hypothesis as the generator reports it.
    :param reference: the tokens of the gold target, None if there is none.
    :param rank: position in the n-best list of the sentence, 0 for the best hypothesis.
    :raises UserError: if the shape of ``weights`` is not (T, S), if a number is not finite, if ``id`` or ``rank`` is
        negative, or if a token is not valid Unicode.
    """

    id: int
    source: tuple[str, ...]
    target: tuple[str, ...]
    weights: np.ndarray
    score: float
    reference: tuple[str, ...] | None = None
    rank: int = 0

    def __post_init__(self) -> None:
        for name, value in (("id", self.id), ("rank", self.rank)):
            if not 0 <= value <= LARGEST_ID:
                raise UserError(f"{name} {value} is not from 0 to {LARGEST_ID}: count {name}s from 0")
        where = f"sentence {self.id}, rank {self.rank}"
        check_shape(np.shape(self.weights), self.source, self.target, where)
        with np.errstate(over="ignore"):  # what float32 cannot hold becomes inf, and is refused below
            weights = np.asarray(self.weights, dtype=np.float32).view()
        if not (np.isfinite(weights).all() and math.isfinite(self.score)):
            raise UserError(f"{where}: an attention weight or the score is NaN or infinite: leave this hypothesis out")
        _check_unicode((*self.source, *self.target, *(self.reference or ())), where)
        weights.flags.writeable = False
        object.__setattr__(self, "weights", weights)

    @classmethod
    def trusted(cls, **fields: Any) -> "AttentionRecord":
        """A record of fields that come from another record, without checking them again."""
        record = object.__new__(cls)
        record.__dict__.update(fields)
        return record


def check_shape(shape: tuple[int, ...], source: Sequence[str], target: Sequence[str], where: str) -> None:
    """Check that attention of this shape has one row for each target token and one column for each source token.

    :param where: what the message starts with, e.g. ``sentence 3``.
    :raises UserError: naming both shapes.
    """
    expected = (len(target), len(source))
    if shape != expected:
        raise UserError(
            f"{where}: attention of shape {shape} does not fit {expected[0]} target and {expected[1]} source tokens,"
            f" which need {expected} (target x source): count {END} wherever the model saw it"
        )


def without_end(tokens: Sequence[str]) -> Sequence[str]:
    """The tokens without a closing ``</s>``."""
    return tokens[:-1] if tokens and tokens[-1] == END else tokens


def token_positions(tokens: Iterable[str]) -> np.ndarray:
    """The positions of the tokens other than ``</s>``."""
    return np.array([position for position, token in enumerate(tokens) if token != END], dtype=np.int64)


def in_order(
    items: Iterable[Item], position: Callable[[Item], tuple[int, int]] = attrgetter("id", "rank")
) -> Iterator[Item]:
    """Pass items on while their position rises.

    :param items: records, or whatever has a ``position``, the id and rank of a hypothesis.
    :raises UserError: at the first item that does not come after the one before.
    """
    last = (-1, -1)
    for item in items:
        current = position(item)
        if current <= last:
            raise UserError(
                f"id {current[0]}, rank {current[1]} comes after id {last[0]}, rank {last[1]}:"
                " records must be in corpus order, each once"
            )
        last = current
        yield item


def shortest(weights: np.ndarray) -> np.ndarray:
    """Float32 numbers as the float64 of the fewest digits that is the same as float32: 0.1, not 0.10000000149011612."""
    short = weights.astype("U").astype(np.float64)
    # A short decimal goes through float64 on its way back; where that rounds to another float32, all digits are kept.
    return np.where(short.astype(np.float32) == weights, short, weights.astype(np.float64))


def check_equal(name: str, value: object, expected: str) -> None:
    """Check what a file says of itself.

    :raises UserError: if it is not what is expected.
    """
    if value != expected:
        raise UserError(f"{name} is {value!r}, expected {expected!r}: was it written by another program or version?")


def _check_unicode(tokens: Sequence[str], where: str) -> None:
    try:
        "".join(tokens).encode()
    except UnicodeEncodeError as error:
        wrong = str(error.object)[error.start]
        token = next(token for token in tokens if wrong in token)
        raise UserError(f"{where}: token {token!r} is not valid Unicode: read the corpus as UTF-8") from None
