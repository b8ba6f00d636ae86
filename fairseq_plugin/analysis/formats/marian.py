"""Attention as Marian prints it with ``--alignment soft`` (``src/translator/output_printer.h``, ``SoftAlignToString``
in ``src/data/alignment.cpp``).

Line n is sentence n: ``translation ||| 0.9,0.1,0 0.2,0.8,0``, for each target token the weights of the source tokens,
``</s>`` included in both. We write all digits of a weight, Marian six. Not kept: the source tokens (read back as their
positions "0", "1", ..., and ``</s>`` in the end where the translation has it), the score (read back as 0), the
reference, hypotheses beyond the best.
"""

from collections.abc import Iterable, Iterator
from typing import BinaryIO

from data_gen.errors import UserError
from data_gen.text.reading import lines_of
from fairseq_plugin.analysis.formats.layout import BAR, one_a_line, tokens_of, words
from fairseq_plugin.analysis.formats.text import matrix_of, soft_line, text_of
from fairseq_plugin.analysis.records import END, AttentionRecord

NAME = "marian"


def write_marian(records: Iterable[AttentionRecord], stream: BinaryIO) -> None:
    """Write one line a record."""
    for record in one_a_line(records, NAME):
        stream.write(f"{words(record.target, NAME)} {BAR} {soft_line(record, NAME)}\n".encode())


def read_marian(stream: BinaryIO) -> Iterator[AttentionRecord]:
    """Read every line.

    :raises UserError: naming the line that holds something else.
    """
    for number, line in enumerate(lines_of(stream), 1):
        text = text_of(line, number)
        try:
            record = _record(number - 1, text)
        except UserError as error:
            raise UserError(f"line {number}: {error}") from None
        yield record


def _record(number: int, text: str) -> AttentionRecord:
    translation, bar, soft = text.partition(f" {BAR} ")
    if not bar or BAR in soft:
        raise UserError(f"not of the form 'translation {BAR} weights': let Marian print with --alignment soft")
    weights = matrix_of(soft)  # (T, S)
    target = tokens_of(translation, weights.shape[0], "the translation")
    positions = tuple(map(str, range(weights.shape[1])))
    source = (*positions[:-1], END) if target[-1:] == (END,) else positions
    return AttentionRecord(id=number, source=source, target=target, weights=weights, score=0.0)
