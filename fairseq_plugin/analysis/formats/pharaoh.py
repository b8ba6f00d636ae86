"""Hard alignments as pairs ``i-j``, as the decoder Pharaoh and every aligner since print them.

Line n is sentence n: ``0-0 2-1 1-2`` says that target token 0 was read off source token 0, target token 1 off source
token 2, and so on. The SOURCE position stands first, both count from 0, pairs are in target order. For each target
token, i is the argmax of its row, the leftmost of equal weights. ``</s>`` is not there: its row gives no pair, its
column cannot be chosen and neither is counted. This is what fairseq prints (``extract_hard_alignment`` in
``fairseq/utils.py``); Marian (``src/data/alignment.cpp``) pairs ``</s>`` as well.

Tokens, weights, scores, lengths and n-best hypotheses are not kept, so the pairs cannot become records again;
:func:`fairseq_plugin.analysis.alignments.read_gold` reads them.
"""

from collections.abc import Iterable
from typing import BinaryIO

import numpy as np

from fairseq_plugin.analysis.formats.layout import one_a_line
from fairseq_plugin.analysis.records import END, AttentionRecord

NAME = "pharaoh"


def write_pharaoh(records: Iterable[AttentionRecord], stream: BinaryIO) -> None:
    """Write one line a record; a sentence without pairs is an empty line."""
    for record in one_a_line(records, NAME):
        stream.write(" ".join(f"{i}-{j}" for i, j in hard_pairs(record)).encode() + b"\n")


def hard_pairs(record: AttentionRecord) -> list[tuple[int, int]]:
    """The (source, target) pair of each target token other than ``</s>``."""
    columns = [s for s, token in enumerate(record.source) if token != END]
    rows = [t for t, token in enumerate(record.target) if token != END]
    if not columns:
        return []
    read: list[int] = record.weights[np.ix_(rows, columns)].argmax(axis=1).tolist()  # (rows,)
    return [(i, j) for j, i in enumerate(read)]
