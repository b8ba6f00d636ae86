"""The attention of one hypothesis, and how much of it lies on the diagonal.

Legend: S source length, T target length. Attention is always target x source: row t holds the weights with which the
model read the S source tokens while it predicted target token t.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from data_gen.errors import UserError

END = "</s>"
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
    :param rank: place in the n-best list of the sentence, 0 for the best hypothesis.
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


def letters(tokens: Iterable[str]) -> np.ndarray:
    """The positions of the tokens other than ``</s>``."""
    return np.array([place for place, token in enumerate(tokens) if token != END], dtype=np.int64)


def diagonal_hits(record: AttentionRecord, expected: np.ndarray | None = None) -> tuple[int, int]:
    """Count the letters of the hypothesis that the model read off their own position.

    Letters are the target tokens other than ``</s>``. The letter at target position t is a hit if the largest weight
    of row t stands in column t; among equal weights the leftmost counts. A letter beyond the end of the source
    (t >= S) is a miss.

    :param expected: (T, S) bool, the columns that make a hit of each row, where these are not the diagonal.
    :returns: (hits, letters).
    """
    positions = letters(record.target)
    if not positions.size or not record.source:
        return 0, positions.size
    columns = record.weights[positions].argmax(axis=1)  # (letters,)
    hits = columns == positions if expected is None else expected[positions, columns]
    return int(hits.sum()), positions.size


def diagonal_share(records: Iterable[AttentionRecord]) -> float:
    """Share of all letters of all records that are hits, from 0 to 1: every letter counts the same, not every record.

    :raises UserError: if there is no letter to count.
    """
    counts = [diagonal_hits(record) for record in records]
    total = sum(count for _, count in counts)
    if total == 0:
        raise UserError(f"no target token other than {END} in {len(counts)} records: there is no diagonal to measure")
    return sum(hits for hits, _ in counts) / total


def _check_unicode(tokens: Sequence[str], where: str) -> None:
    try:
        "".join(tokens).encode()
    except UnicodeEncodeError as error:
        wrong = str(error.object)[error.start]
        token = next(token for token in tokens if wrong in token)
        raise UserError(f"{where}: token {token!r} is not valid Unicode: read the corpus as UTF-8") from None
