"""Attention as lines of plain text, and back: the parts that several formats share.

A soft line holds a whole matrix: target rows with spaces between them, the weights of a row with commas between them.
"""

from typing import TypeVar

import numpy as np

from data_gen.errors import UserError, listed
from fairseq_plugin.analysis.formats.layout import shortest
from fairseq_plugin.analysis.records import AttentionRecord

Number = TypeVar("Number", int, float)


def text_of(line: bytes, number: int) -> str:
    """A line without its end.

    :raises UserError: naming the line if it is not UTF-8.
    """
    try:
        return line.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise UserError(f"line {number}: not UTF-8 text: is this an attention file?") from None


def text_rows(weights: np.ndarray) -> list[list[str]]:
    """(T, S) float32 weights as text that gives back the same float32."""
    rows: list[list[str]] = shortest(weights).astype("U").tolist()
    return rows


def soft_line(record: AttentionRecord, name: str) -> str:
    """``0.9,0.1 0.2,0.8``: (T, S) weights, T and S at least 1.

    :raises UserError: if there is no token to write a weight for; ``name`` is that of the format.
    """
    if not record.weights.size:
        raise UserError(
            f"sentence {record.id}, rank {record.rank} has {len(record.target)} target and {len(record.source)} source"
            f" tokens: {name} cannot keep a matrix without weights; write .jsonl"
        )
    return " ".join(",".join(row) for row in text_rows(record.weights))


def matrix_of(text: str) -> np.ndarray:
    """(T, S) weights of a soft line.

    :raises UserError: if it is none.
    """
    return matrix([row.split(",") for row in text.split()])


def matrix(rows: list[list[str]]) -> np.ndarray:
    """(T, S) weights of T lists of S numbers as text.

    :raises UserError: if the rows are not equally long, or an entry is no number.
    """
    widths = sorted({len(row) for row in rows})
    if len(widths) != 1:
        raise UserError(f"no matrix of weights: its rows have {listed(widths, between=' and ') or 'no'} numbers")
    try:
        return np.array(rows, dtype=np.str_).astype(np.float64)  # (T, S)
    except ValueError as error:
        raise UserError(f"no matrix of weights: {' '.join(str(error).split())}") from None


def number_of(kind: type[Number], name: str, text: str) -> Number:
    """:raises UserError: if ``text`` is not a number of this kind."""
    try:
        return kind(text)
    except ValueError:
        raise UserError(f"{name} is {text[:40]!r}, not a number") from None
