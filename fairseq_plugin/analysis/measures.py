"""What attention looks like, in numbers: diagonal, monotonic, sharp, covering, close to gold alignments.

Legend: a_ts is the weight of source token s in row t. Tokens are counted without ``</s>``. One rule for it:

- its rows count nowhere: they predict the end and copy nothing;
- its columns belong to the distribution of a row, for entropy and for the argmax of ``diagonal`` and ``monotonic``;
- its columns are no source token to be covered, and never part of a hard alignment.

Rows over an empty source hold no weights: their tokens are not on the diagonal, and count nowhere else.

Among equal weights the leftmost is the argmax. Each measure is a :class:`Tally`, a total over a number of things;
pooled over sentences, each thing (token, step, source token, link) counts the same, not each sentence.

A gold alignment says which source word stands for which target word, as people marked it. A file of them has one line
a sentence, in the order of the corpus. The line holds links with spaces between them, each ``source-target``, positions
counted from 0 ("Pharaoh format", after the decoder that introduced it). An empty line is a sentence without links.
Annotators mark a link as sure or, where they hesitate, as possible (Och and Ney 2003,
https://aclanthology.org/J03-1002):

- ``i-j`` sure;
- ``ipj`` possible, as in lilt/alignment-scripts (``scripts/aer.py``), awesome-align and simalign;
- ``i?j`` possible, as in the alignment exercises of CMU 11-731 (clab/sp2016.11-731, ``hw1/README.md``).

Some gold files count from 1; ``first`` says so.
"""

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_gen.errors import UserError, failure_from_os_error
from data_gen.text.corpus import lines_of
from fairseq_plugin.analysis.formats.text import hard_pairs
from fairseq_plugin.analysis.records import AttentionRecord, token_positions

Link = tuple[int, int]  # source position, target position
LINK = re.compile(rb"([0-9]{1,9})([-p?])([0-9]{1,9})")
SURE = b"-"


@dataclass(frozen=True)
class GoldAlignment:
    """The links of one sentence, from 0.

    :param sure: links that nobody doubts.
    :param possible: all links, the sure ones among them, as Och and Ney define it.
    """

    sure: frozenset[Link]
    possible: frozenset[Link]


def read_gold(path: str | Path, *, first: int = 0) -> list[GoldAlignment]:
    """Read a file of gold alignments.

    :param first: the number of the first word in the file, 0 or 1.
    :returns: one alignment a line, positions counted from 0.
    :raises UserError: if the file cannot be read or holds something else; the message names the file and the line.
    """
    path = Path(path)
    try:
        with path.open("rb") as stream:
            lines = list(lines_of(stream))
    except FileNotFoundError:
        raise UserError(f"no gold alignments {str(path)!r}: give a file with a line of links i-j a sentence") from None
    except OSError as error:
        raise failure_from_os_error("read", OSError(error.errno, error.strerror or str(error), str(path))) from error
    except UserError as error:
        raise UserError(f"{str(path)!r}: {error}") from None
    alignments = []
    for number, line in enumerate(lines, 1):
        try:
            alignments.append(_parse(line, first))
        except UserError as error:
            raise UserError(f"{str(path)!r} line {number}: {error}") from None
    return alignments


def _parse(line: bytes, first: int) -> GoldAlignment:
    sure, possible = set(), set()
    for word in line.split():
        shown = word[:40].decode(errors="backslashreplace")
        match = LINK.fullmatch(word)
        if match is None:
            raise UserError(f"{shown!r} is no link: write i-j if it is sure, ipj or i?j if it is possible")
        link = (int(match[1]) - first, int(match[3]) - first)
        if min(link) < 0:
            raise UserError(f"link {shown!r} has a position 0, but positions were said to count from {first}")
        possible.add(link)
        if match[2] == SURE:
            sure.add(link)
    return GoldAlignment(frozenset(sure), frozenset(possible))


TOLERANCE = 0.01  # how far from 1 a row may sum: weights of bfloat16 models are that rough


@dataclass(frozen=True)
class Tally:
    """A total and the number of things it was taken over."""

    total: float
    count: int

    @property
    def mean(self) -> float | None:
        """total / count; None where there was nothing to count."""
        return self.total / self.count if self.count else None


def pool(tallies: Iterable[Tally]) -> Tally:
    """Add tallies up, exactly: the order makes no difference."""
    kept = list(tallies)
    return Tally(math.fsum(tally.total for tally in kept), sum(tally.count for tally in kept))


def check_weights(record: AttentionRecord) -> None:
    """Check that each row is a distribution; over an empty source there is none to be.

    :raises UserError: naming the first row that has a negative weight or does not sum to 1.
    """
    if not record.source:
        return
    sums = record.weights.sum(axis=1, dtype=np.float64)  # (T,)
    for t in np.flatnonzero((np.abs(sums - 1) > TOLERANCE) | (record.weights < 0).any(axis=1)):
        found = "has a negative weight" if (record.weights[t] < 0).any() else f"sums to {sums[t]:.4g}, not 1"
        raise UserError(
            f"sentence {record.id}, rank {record.rank}: row {t} of the attention {found}: measures need the weights of"
            " a softmax, target x source"
        )


def _source_length(record: AttentionRecord) -> int:
    return len(token_positions(record.source))


def _same_token(record: AttentionRecord) -> np.ndarray:
    target, source = (np.array(tokens, dtype=np.object_) for tokens in (record.target, record.source))
    return np.equal(target[:, None], source[None, :], dtype=np.object_).astype(np.bool_)  # (T, S)


# For each task, (T, S) bool: where the task reads the token of row t; t (T, 1) and s (1, S) are positions.
EXPECTED: dict[str, Callable[[np.ndarray, np.ndarray, AttentionRecord], np.ndarray]] = {
    "copy": lambda t, s, record: s == t,
    "shift": lambda t, s, record: s == t,
    "reverse": lambda t, s, record: s == _source_length(record) - 1 - t,
    "repeat": lambda t, s, record: s == t % max(_source_length(record), 1),
    "duplicate": lambda t, s, record: s == t // 2,
    "sort": lambda t, s, record: _same_token(record),
}


def diagonal_hits(record: AttentionRecord, expected: np.ndarray | None = None) -> tuple[int, int]:
    """Count the tokens of the hypothesis that the model read off their own position.

    Target tokens are counted without ``</s>``. The token at target position t is a hit if the largest weight
    of row t stands in column t; among equal weights the leftmost counts. A token beyond the end of the source
    (t >= S) is a miss.

    :param expected: (T, S) bool, the columns that make a hit of each row, where these are not the diagonal.
    :returns: (hits, tokens).
    """
    positions = token_positions(record.target)
    if not positions.size or not record.source:
        return 0, positions.size
    columns = record.weights[positions].argmax(axis=1)  # (tokens,)
    hits = columns == positions if expected is None else expected[positions, columns]
    return int(hits.sum()), positions.size


def diagonal(record: AttentionRecord, task_map: str = "copy") -> Tally:
    """Diagonal accuracy: the share of tokens t whose argmax_s a_ts is where the task has them from.

    That is t for ``copy`` and ``shift``, L - 1 - t for ``reverse``, t mod L for ``repeat``, floor(t / 2) for
    ``duplicate``, with L source tokens; for ``sort`` any position that holds the token which was written.

    :param task_map: a key of ``EXPECTED``.
    """
    t, s = np.ogrid[: len(record.target), : len(record.source)]
    return Tally(*diagonal_hits(record, EXPECTED[task_map](t, s, record)))


def monotonicity(record: AttentionRecord) -> Tally:
    """Monotonicity: the share of the steps t -> t + 1 between tokens with argmax_s a_(t+1)s >= argmax_s a_ts.

    Monotonic in the sense of Raffel et al. 2017 (https://arxiv.org/abs/1704.00784): reading may stay or go on, but
    not go back. A sentence of n tokens has n - 1 steps.
    """
    columns = _columns(record)  # (tokens,)
    return Tally(int((np.diff(columns) >= 0).sum()), max(len(columns) - 1, 0))


def row_entropies(weights: np.ndarray) -> np.ndarray:
    """Entropy of each row in bits: H_t = -sum_s a_ts log2 a_ts (Shannon 1948), with 0 log2 0 = 0.

    0 if all weight is on one token, log2 S if it is spread evenly over all S. Rows are first divided by their sum,
    which rounding keeps a little off 1.

    :param weights: (T, S), T rows that sum to about 1.
    :returns: (T,) float64.
    """
    shares = weights.astype(np.float64)
    shares /= shares.sum(axis=1, keepdims=True)
    logarithms = np.log2(shares, out=np.zeros_like(shares), where=shares > 0)
    return np.asarray(0.0 - (shares * logarithms).sum(axis=1))  # 0 - x, not -x: no -0.0


def entropy(record: AttentionRecord) -> Tally:
    """Entropy in bits, over tokens: :func:`row_entropies` of their rows."""
    if not record.source:
        return Tally(0.0, 0)
    rows = row_entropies(record.weights[token_positions(record.target)])  # (tokens,)
    return Tally(math.fsum(rows), len(rows))


def coverage_gap(record: AttentionRecord) -> Tally:
    """Coverage gap, over source tokens: |1 - c_s| with the coverage c_s = sum over tokens t of a_ts.

    The coverage is that of Tu et al. 2016 (https://arxiv.org/abs/1601.04811) with fertility 1, as in the penalty of
    Wu et al. 2016 (https://arxiv.org/abs/1609.08144). 0 if each source token got the weight of one row in all.
    """
    weights = _between_tokens(record).astype(np.float64)  # (tokens, source tokens)
    return Tally(math.fsum(np.abs(1 - weights.sum(axis=0))), weights.shape[1])


def covered(record: AttentionRecord) -> Tally:
    """Covered: the share of the source tokens that are argmax_s a_ts of some token t.

    Koehn and Knowles 2017 (https://arxiv.org/abs/1706.03872) read attention as an alignment in this way.
    """
    columns = _columns(record)  # (tokens,)
    positions = token_positions(record.source)
    return Tally(int(np.isin(positions, columns).sum()), len(positions))


def hard_alignment(record: AttentionRecord) -> frozenset[Link]:
    """A = {(argmax_s a_ts, t)}: each target token linked to one source token, both counted without ``</s>``.

    ``</s>`` is left out of the argmax, as fairseq-generate --print-alignment does: every target token has a link.
    """
    return frozenset(hard_pairs(record))


def alignment_errors(record: AttentionRecord, gold: GoldAlignment) -> Tally:
    """Alignment error rate: AER = 1 - (|A & S| + |A & P|) / (|A| + |S|), A of :func:`hard_alignment`.

    S are the sure links, P the possible ones, which include S (Och and Ney 2003, https://aclanthology.org/J03-1002).
    Pooled, it is the AER of the set of sentences as they define it: the counts are summed before they are divided.
    """
    found = hard_alignment(record)
    links = len(found) + len(gold.sure)
    return Tally(links - len(found & gold.sure) - len(found & gold.possible), links)


def measure(record: AttentionRecord, task_map: str = "copy", gold: GoldAlignment | None = None) -> dict[str, Tally]:
    """All measures of one hypothesis by name; ``aer`` only with gold alignments."""
    tallies = {
        "diagonal": diagonal(record, task_map),
        "monotonic": monotonicity(record),
        "entropy": entropy(record),
        "coverage_gap": coverage_gap(record),
        "covered": covered(record),
    }
    return tallies if gold is None else {**tallies, "aer": alignment_errors(record, gold)}


def _columns(record: AttentionRecord) -> np.ndarray:
    """argmax_s a_ts for each token t."""
    rows = record.weights[token_positions(record.target)]  # (tokens, S)
    return rows.argmax(axis=1) if rows.size else np.zeros(0, dtype=np.int64)


def _between_tokens(record: AttentionRecord) -> np.ndarray:
    """Rows and columns of tokens: (tokens, source tokens)."""
    return record.weights[np.ix_(token_positions(record.target), token_positions(record.source))]
