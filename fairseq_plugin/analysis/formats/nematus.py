"""Attention as the text that Nematus wrote with ``--output_alignment`` and that its ``utils/plot_heatmap.py`` reads.

A block for each hypothesis, after it an empty line (writer: ``nematus/translate.py`` before its move to TensorFlow):

    id ||| translation ||| score ||| source ||| S T
    T rows of S weights with spaces between them

S and T count ``</s>``, the sentences do not show it. Nematus always has one; we leave it out of the count where a
record has none, and S and T tell on reading. Hypotheses of a sentence come best first. Not kept: the reference.
"""

from collections.abc import Iterable, Iterator
from typing import BinaryIO

import numpy as np

from data_gen.errors import UserError
from data_gen.text.reading import lines_of
from fairseq_plugin.analysis.formats.layout import BAR, counted_ranks, in_order, tokens_of, words
from fairseq_plugin.analysis.formats.text import matrix, number_of, text_of, text_rows
from fairseq_plugin.analysis.records import AttentionRecord

NAME = "nematus"
SEPARATOR = f" {BAR} "


def write_nematus(records: Iterable[AttentionRecord], stream: BinaryIO) -> None:
    """Write one block a record."""
    for record in counted_ranks(records, NAME):
        rows, columns = record.weights.shape
        header = SEPARATOR.join(
            [
                str(record.id),
                words(record.target, NAME),
                repr(float(record.score)),
                words(record.source, NAME),
                f"{columns} {rows}",
            ]
        )
        lines = [header, *(" ".join(row) for row in text_rows(record.weights)), ""]
        stream.write("".join(f"{line}\n" for line in lines).encode())


def read_nematus(stream: BinaryIO) -> Iterator[AttentionRecord]:
    """Read every block.

    :raises UserError: naming the line where a block is not as described.
    """
    lines = enumerate(lines_of(stream), 1)
    return in_order(_records((number, text_of(line, number)) for number, line in lines))


def _records(lines: Iterator[tuple[int, str]]) -> Iterator[AttentionRecord]:
    last, rank = -1, 0
    for number, header in lines:
        if not header.strip():
            continue
        try:
            record = _record(header, lines, last, rank)
        except UserError as error:
            raise UserError(f"block at line {number}: {error}") from None
        last, rank = record.id, record.rank
        yield record


def _record(header: str, lines: Iterator[tuple[int, str]], last: int, last_rank: int) -> AttentionRecord:
    fields = header.split(SEPARATOR)
    counts = fields[-1].split()
    if len(fields) != 5 or len(counts) != 2:
        raise UserError(f"its first line is not 'id {BAR} translation {BAR} score {BAR} source {BAR} S T'")
    sentence = number_of(int, "id", fields[0])
    columns, rows = (number_of(int, name, count) for name, count in zip("ST", counts, strict=True))
    if columns < 0 or rows < 0:
        raise UserError(f"S is {columns} and T is {rows}: neither can be less than 0")
    target = tokens_of(fields[1], rows, "the translation")
    source = tokens_of(fields[3], columns, "the source")
    return AttentionRecord(
        id=sentence,
        rank=last_rank + 1 if sentence == last else 0,
        source=source,
        target=target,
        weights=_weights(lines, rows, columns),
        score=number_of(float, "score", fields[2]),
    )


def _weights(lines: Iterator[tuple[int, str]], rows: int, columns: int) -> np.ndarray:
    """(T, S) from the next T lines."""
    block = [text.split() for _, (_, text) in zip(range(rows), lines, strict=False)]
    if len(block) < rows:
        raise UserError(f"the file ends after {len(block)} of {rows} rows: write it again")
    for t, row in enumerate(block):
        if len(row) != columns:
            raise UserError(f"row {t} has {len(row)} weights for {columns} source tokens")
    return matrix(block) if rows and columns else np.zeros((rows, columns))
