"""Attention weights as a table in long form, for spreadsheets and for pandas. It is written, not read.

Each weight is a line: id of the sentence, rank of the hypothesis, positions and tokens of target and source, weight.
Positions count from 0. The file is UTF-8 with ``\\n`` at the end of a line, quoted as RFC 4180 says.
"""

import csv
import io
from collections.abc import Iterable
from typing import BinaryIO

from fairseq_plugin.analysis.records import AttentionRecord, shortest

HEAD = ("id", "hypothesis", "target_position", "source_position", "target", "source", "weight")


def write_csv(records: Iterable[AttentionRecord], stream: BinaryIO) -> None:
    """Write a line of names, and one line for each weight."""
    text = io.TextIOWrapper(stream, encoding="utf-8", newline="")
    try:
        table = csv.writer(text, lineterminator="\n")
        table.writerow(HEAD)
        for record in records:
            for t, (target, row) in enumerate(zip(record.target, shortest(record.weights).tolist(), strict=True)):
                for s, (source, weight) in enumerate(zip(record.source, row, strict=True)):
                    table.writerow((record.id, record.rank, t, s, target, source, weight))
    finally:
        text.detach()  # flushes, and leaves the stream open
