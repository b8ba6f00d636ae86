"""Attention as plain text: as Nematus, fairseq-generate and Marian write it, and hard alignments as Pharaoh does.

A sentence is its tokens with spaces between them, without a closing ``</s>``: the number of weights tells whether one
was there. A soft line holds a whole matrix: target rows with spaces between them, the weights of a row with commas.

**nematus** is what Nematus wrote with ``--output_alignment`` and what its ``utils/plot_heatmap.py`` reads. Each
hypothesis is a block with an empty line after it (writer: ``nematus/translate.py`` before its move to TensorFlow):

    id ||| translation ||| score ||| source ||| S T
    T rows of S weights with spaces between them

S and T count ``</s>``, the sentences do not show it. Nematus always has one; we leave it out of the count where a
record has none, and S and T tell on reading. Hypotheses of a sentence come best first. Not kept: the reference.

**fairseq** is what fairseq-generate prints with ``--print-alignment soft`` (``fairseq_cli/generate.py``).

    S-3<tab>a b c             source
    T-3<tab>a b c             reference, if there is one
    H-3<tab>-0.25<tab>a b c   score in bits, hypothesis
    A-3<tab>0.9,0.1,0,0 ...   for each target token the weights of the source tokens, ``</s>`` included in both

H and A come once for each hypothesis, best first. Other lines (D-, P-, messages) are skipped in reading, and sentences
may come in any order, so what fairseq-generate itself wrote can be read; it must not have used ``--remove-bpe``, which
joins tokens but not weights. We write all digits of a weight, fairseq six. Not kept: whether a reference ended in
``</s>`` (one is read back), the last bit of a score.

**marian** is what Marian prints with ``--alignment soft`` (``src/translator/output_printer.h``, ``SoftAlignToString``
in ``src/data/alignment.cpp``).

Line n is sentence n: ``translation ||| 0.9,0.1,0 0.2,0.8,0``, for each target token the weights of the source tokens,
``</s>`` included in both. We write all digits of a weight, Marian six. Not kept: the source tokens (read back as their
positions "0", "1", ..., and ``</s>`` in the end where the translation has it), the score (read back as 0), the
reference, hypotheses beyond the best.

**pharaoh** is hard alignments as pairs ``i-j``, as the decoder Pharaoh and every aligner since print them.

Line n is sentence n: ``0-0 2-1 1-2`` says that target token 0 was read off source token 0, target token 1 off source
token 2, and so on. The SOURCE position stands first, both count from 0, pairs are in target order. For each target
token, i is the argmax of its row, the leftmost of equal weights. ``</s>`` is not there: its row gives no pair, its
column cannot be chosen and neither is counted. This is what fairseq prints (``extract_hard_alignment`` in
``fairseq/utils.py``); Marian (``src/data/alignment.cpp``) pairs ``</s>`` as well.

Tokens, weights, scores, lengths and n-best hypotheses are not kept, so the pairs cannot become records again;
:func:`fairseq_plugin.analysis.measures.read_gold` reads them.
"""

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO, TypeVar

import numpy as np

from data_gen.errors import UserError, listed
from data_gen.text.corpus import lines_of
from fairseq_plugin.analysis.records import END, AttentionRecord, in_order, shortest, without_end

Number = TypeVar("Number", int, float)
BAR = "|||"  # stands between fields in the formats of Moses, Nematus and Marian


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
    """The number that ``text`` says; ``name`` is what it counts.

    :raises UserError: if it is not a number of this kind.
    """
    try:
        return kind(text)
    except ValueError:
        raise UserError(f"{name} is {text[:40]!r}, not a number") from None


NEMATUS_NAME = "nematus"
NEMATUS_SEPARATOR = f" {BAR} "


def write_nematus(records: Iterable[AttentionRecord], stream: BinaryIO) -> None:
    """Write one block a record."""
    for record in counted_ranks(records, NEMATUS_NAME):
        rows, columns = record.weights.shape
        header = NEMATUS_SEPARATOR.join(
            [
                str(record.id),
                words(record.target, NEMATUS_NAME),
                repr(float(record.score)),
                words(record.source, NEMATUS_NAME),
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
    return in_order(_nematus_records((number, text_of(line, number)) for number, line in lines))


def _nematus_records(lines: Iterator[tuple[int, str]]) -> Iterator[AttentionRecord]:
    last, rank = -1, 0
    for number, header in lines:
        if not header.strip():
            continue
        try:
            record = _nematus_record(header, lines, last, rank)
        except UserError as error:
            raise UserError(f"block at line {number}: {error}") from None
        last, rank = record.id, record.rank
        yield record


def _nematus_record(header: str, lines: Iterator[tuple[int, str]], last: int, last_rank: int) -> AttentionRecord:
    fields = header.split(NEMATUS_SEPARATOR)
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
        weights=_nematus_weights(lines, rows, columns),
        score=number_of(float, "score", fields[2]),
    )


def _nematus_weights(lines: Iterator[tuple[int, str]], rows: int, columns: int) -> np.ndarray:
    """(T, S) from the next T lines."""
    block = [text.split() for _, (_, text) in zip(range(rows), lines, strict=False)]
    if len(block) < rows:
        raise UserError(f"the file ends after {len(block)} of {rows} rows: write it again")
    for t, row in enumerate(block):
        if len(row) != columns:
            raise UserError(f"row {t} has {len(row)} weights for {columns} source tokens")
    return matrix(block) if rows and columns else np.zeros((rows, columns))


FAIRSEQ_NAME = "fairseq"
FAIRSEQ_LINE = re.compile(r"([STHA])-([0-9]{1,19})\t(.*)", re.DOTALL)


def write_fairseq(records: Iterable[AttentionRecord], stream: BinaryIO) -> None:
    """Write the lines of each record; those of the sentence come once."""
    last = -1
    for record in counted_ranks(records, FAIRSEQ_NAME):
        lines = []
        if record.id != last:
            lines.append(f"S-{record.id}\t{words(record.source, FAIRSEQ_NAME)}")
            if record.reference is not None:
                lines.append(f"T-{record.id}\t{words(record.reference, FAIRSEQ_NAME)}")
        bits = record.score / math.log(2)
        lines.append(f"H-{record.id}\t{bits}\t{words(record.target, FAIRSEQ_NAME)}")
        lines.append(f"A-{record.id}\t{soft_line(record, FAIRSEQ_NAME)}")
        stream.write("".join(f"{line}\n" for line in lines).encode())
        last = record.id


def read_fairseq(stream: BinaryIO) -> Iterator[AttentionRecord]:
    """Read every hypothesis that has an A line, all of them before the first is given: they come in any order.

    :raises UserError: naming the line that does not fit those before it.
    """
    records = sorted(_fairseq_records(stream), key=lambda record: (record.id, record.rank))
    if not records:
        raise UserError("no line A-...: let fairseq-generate print with --print-alignment soft")
    yield from in_order(records)


def _fairseq_records(stream: BinaryIO) -> Iterator[AttentionRecord]:
    seen: dict[str, tuple[int, str]] = {}  # the last line of each kind: id, text
    ranks: dict[int, int] = {}
    for number, line in enumerate(lines_of(stream), 1):
        found = FAIRSEQ_LINE.fullmatch(text_of(line, number))
        if not found:
            continue
        kind, sentence, text = found[1], int(found[2]), found[3]
        if kind != "A":
            seen[kind] = (sentence, text)
            continue
        try:
            yield _fairseq_record(sentence, text, seen, ranks.get(sentence, 0))
        except UserError as error:
            raise UserError(f"line {number}: {error}") from None
        ranks[sentence] = ranks.get(sentence, 0) + 1
        del seen["H"]


def _fairseq_record(sentence: int, soft: str, seen: dict[str, tuple[int, str]], rank: int) -> AttentionRecord:
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


MARIAN_NAME = "marian"


def write_marian(records: Iterable[AttentionRecord], stream: BinaryIO) -> None:
    """Write one line a record."""
    for record in one_a_line(records, MARIAN_NAME):
        stream.write(f"{words(record.target, MARIAN_NAME)} {BAR} {soft_line(record, MARIAN_NAME)}\n".encode())


def read_marian(stream: BinaryIO) -> Iterator[AttentionRecord]:
    """Read every line.

    :raises UserError: naming the line that holds something else.
    """
    for number, line in enumerate(lines_of(stream), 1):
        text = text_of(line, number)
        try:
            record = _marian_record(number - 1, text)
        except UserError as error:
            raise UserError(f"line {number}: {error}") from None
        yield record


def _marian_record(number: int, text: str) -> AttentionRecord:
    translation, bar, soft = text.partition(f" {BAR} ")
    if not bar or BAR in soft:
        raise UserError(f"not of the form 'translation {BAR} weights': let Marian print with --alignment soft")
    weights = matrix_of(soft)  # (T, S)
    target = tokens_of(translation, weights.shape[0], "the translation")
    positions = tuple(map(str, range(weights.shape[1])))
    source = (*positions[:-1], END) if target[-1:] == (END,) else positions
    return AttentionRecord(id=number, source=source, target=target, weights=weights, score=0.0)


PHARAOH_NAME = "pharaoh"


def write_pharaoh(records: Iterable[AttentionRecord], stream: BinaryIO) -> None:
    """Write one line a record; a sentence without pairs is an empty line."""
    for record in one_a_line(records, PHARAOH_NAME):
        stream.write(" ".join(f"{i}-{j}" for i, j in hard_pairs(record)).encode() + b"\n")


def hard_pairs(record: AttentionRecord) -> list[tuple[int, int]]:
    """The (source, target) pair of each target token other than ``</s>``."""
    columns = [s for s, token in enumerate(record.source) if token != END]
    rows = [t for t, token in enumerate(record.target) if token != END]
    if not columns:
        return []
    read: list[int] = record.weights[np.ix_(rows, columns)].argmax(axis=1).tolist()  # (rows,)
    return [(i, j) for j, i in enumerate(read)]
