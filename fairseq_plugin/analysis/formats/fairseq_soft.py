"""Attention as fairseq-generate prints it with ``--print-alignment soft`` (``fairseq_cli/generate.py``).

    S-3<tab>a b c             source
    T-3<tab>a b c             reference, if there is one
    H-3<tab>-0.25<tab>a b c   score in bits, hypothesis
    A-3<tab>0.9,0.1,0,0 ...   for each target token the weights of the source tokens, ``</s>`` included in both

H and A come once for each hypothesis, best first. Other lines (D-, P-, messages) are skipped in reading, and sentences
may come in any order, so what fairseq-generate itself wrote can be read; it must not have used ``--remove-bpe``, which
joins tokens but not weights. We write all digits of a weight, fairseq six. Not kept: whether a reference ended in
``</s>`` (one is read back), the last bit of a score.
"""

import math
import re
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from data_gen.errors import UserError
from data_gen.text.reading import lines_of
from fairseq_plugin.analysis.formats.layout import counted_ranks, in_order, tokens_of, words
from fairseq_plugin.analysis.formats.text import matrix_of, number_of, soft_line, text_of
from fairseq_plugin.analysis.records import END, AttentionRecord

NAME = "fairseq"
LINE = re.compile(r"([STHA])-([0-9]{1,19})\t(.*)", re.DOTALL)


def write_fairseq(records: Iterable[AttentionRecord], stream: BinaryIO) -> None:
    """Write the lines of each record; those of the sentence come once."""
    last = -1
    for record in counted_ranks(records, NAME):
        lines = []
        if record.id != last:
            lines.append(f"S-{record.id}\t{words(record.source, NAME)}")
            if record.reference is not None:
                lines.append(f"T-{record.id}\t{words(record.reference, NAME)}")
        bits = record.score / math.log(2)
        lines.append(f"H-{record.id}\t{bits}\t{words(record.target, NAME)}")
        lines.append(f"A-{record.id}\t{soft_line(record, NAME)}")
        stream.write("".join(f"{line}\n" for line in lines).encode())
        last = record.id


def read_fairseq(stream: BinaryIO) -> Iterator[AttentionRecord]:
    """Read every hypothesis that has an A line, all of them before the first is given: they come in any order.

    :raises UserError: naming the line that does not fit those before it.
    """
    records = sorted(_records(stream), key=lambda record: (record.id, record.rank))
    if not records:
        raise UserError("no line A-...: let fairseq-generate print with --print-alignment soft")
    yield from in_order(records)


def _records(stream: BinaryIO) -> Iterator[AttentionRecord]:
    seen: dict[str, tuple[int, str]] = {}  # the last line of each kind: id, text
    ranks: dict[int, int] = {}
    for number, line in enumerate(lines_of(stream), 1):
        found = LINE.fullmatch(text_of(line, number))
        if not found:
            continue
        kind, sentence, text = found[1], int(found[2]), found[3]
        if kind != "A":
            seen[kind] = (sentence, text)
            continue
        try:
            yield _record(sentence, text, seen, ranks.get(sentence, 0))
        except UserError as error:
            raise UserError(f"line {number}: {error}") from None
        ranks[sentence] = ranks.get(sentence, 0) + 1
        del seen["H"]


def _record(sentence: int, soft: str, seen: dict[str, tuple[int, str]], rank: int) -> AttentionRecord:
    for kind in "SH":
        if seen.get(kind, (-1, ""))[0] != sentence:
            raise UserError(f"A-{sentence} without a line {kind}-{sentence} before it")
    weights = matrix_of(soft)  # (T, S)
    score, tab, hypothesis = seen["H"][1].partition("\t")
    if not tab:
        raise UserError(f"H-{sentence} has no tab between score and hypothesis")
    reference = None
    if seen.get("T", (-1, ""))[0] == sentence:
        reference = (*seen["T"][1].split(), END)
    return AttentionRecord(
        id=sentence,
        rank=rank,
        source=tokens_of(seen["S"][1], weights.shape[1], f"S-{sentence}"),
        target=tokens_of(hypothesis, weights.shape[0], f"H-{sentence}"),
        weights=weights,
        score=number_of(float, "score", score) * math.log(2),
        reference=reference,
    )
