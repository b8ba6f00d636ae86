"""What file formats of attention records agree on: axes, sequences, order, and how text shows tokens and weights.

In formats of plain text a sentence is its tokens with spaces between them, without a closing ``</s>``: the number of
weights tells whether one was there.
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from data_gen.errors import UserError
from fairseq_plugin.analysis.records import END, AttentionRecord, without_end

AXES = "target x source"
SEQUENCES = ("source", "target", "reference")
BAR = "|||"  # stands between fields in the formats of Moses, Nematus and Marian


def in_order(records: Iterable[AttentionRecord]) -> Iterator[AttentionRecord]:
    """Pass records on while their (id, rank) rises.

    :raises UserError: at the first record that does not come after the one before.
    """
    last = (-1, -1)
    for record in records:
        place = (record.id, record.rank)
        if place <= last:
            raise UserError(
                f"id {record.id}, rank {record.rank} comes after id {last[0]}, rank {last[1]}:"
                " records must be in corpus order, each once"
            )
        last = place
        yield record


def one_a_line(records: Iterable[AttentionRecord], name: str) -> Iterator[AttentionRecord]:
    """Pass records on if they are ids 0, 1, 2, ... at rank 0, so that line n of a file can be sentence n.

    :raises UserError: at a second hypothesis or a missing sentence; ``name`` is that of the format.
    """
    for number, record in enumerate(records):
        if (record.id, record.rank) != (number, 0):
            raise UserError(
                f"id {record.id}, rank {record.rank} where id {number}, rank 0 belongs: {name} has one line for each"
                " sentence; keep one hypothesis of every sentence, or write .jsonl"
            )
        yield record


def counted_ranks(records: Iterable[AttentionRecord], name: str) -> Iterator[AttentionRecord]:
    """Pass records on if the ranks of each sentence are 0, 1, 2, ..., so that a file needs no ranks.

    :raises UserError: at a rank that is left out; ``name`` is that of the format.
    """
    last, expected = -1, 0
    for record in records:
        expected = expected + 1 if record.id == last else 0
        if record.rank != expected:
            raise UserError(
                f"id {record.id}, rank {record.rank} where rank {expected} belongs: {name} counts the hypotheses of a"
                " sentence; keep them all, or write .jsonl"
            )
        last = record.id
        yield record


def words(tokens: Sequence[str], name: str) -> str:
    """Tokens with spaces between them, without a closing ``</s>``.

    :raises UserError: at a token that could not be read back: empty, with white space, or with three bars.
    """
    for token in tokens:
        if not token or BAR in token or any(character.isspace() for character in token):
            raise UserError(f"token {token!r} cannot be told apart in {name}, which is plain text: write .jsonl")
    return " ".join(without_end(tokens))


def tokens_of(text: str, count: int, where: str) -> tuple[str, ...]:
    """The ``count`` tokens that :func:`words` showed as ``text``.

    :param where: what the message starts with, e.g. ``sentence 3: source``.
    :raises UserError: if ``text`` has neither ``count`` tokens nor one less.
    """
    tokens = tuple(text.split())
    if len(tokens) == count:
        return tokens
    if len(tokens) + 1 == count:
        return (*tokens, END)
    raise UserError(
        f"{where} has {len(tokens)} tokens for {count} weights: text that was put together from subwords does not fit"
    )


def shortest(weights: np.ndarray) -> np.ndarray:
    """float32 numbers as the float64 of the fewest digits that is the same as float32: 0.1, not 0.10000000149011612."""
    short = weights.astype("U").astype(np.float64)
    # A short decimal goes through float64 on its way back; where that rounds to another float32, all digits are kept.
    return np.where(short.astype(np.float32) == weights, short, weights.astype(np.float64))


def check_equal(name: str, value: object, expected: str) -> None:
    """:raises UserError: if a file says something else of itself than what is expected."""
    if value != expected:
        raise UserError(f"{name} is {value!r}, expected {expected!r}: was it written by another program or version?")
