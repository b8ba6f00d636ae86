"""What all file formats of attention records agree on: the axes, the sequences of a record, the order of records."""

from collections.abc import Iterable, Iterator

from data_gen.errors import UserError
from fairseq_plugin.analysis.records import AttentionRecord

AXES = "target x source"
SEQUENCES = ("source", "target", "reference")


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


def check_equal(name: str, value: object, expected: str) -> None:
    """:raises UserError: if a file says something else of itself than what is expected."""
    if value != expected:
        raise UserError(f"{name} is {value!r}, expected {expected!r}: was it written by another program or version?")
