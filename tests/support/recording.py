"""Attention records for the tests of file formats: made, compared, drawn by hypothesis."""

from tempfile import NamedTemporaryFile

import numpy as np
from hypothesis import strategies as st

from fairseq_plugin.analysis.formats import FORMATS
from fairseq_plugin.analysis.records import AttentionRecord

EXACT = ("bertviz", "jsonl", "npz", "safetensors")  # the formats that keep everything


def record(number=0, source=("a", "b", "</s>"), target=("a", "</s>"), **fields):
    weights = np.arange(len(target) * len(source), dtype=np.float32).reshape(len(target), len(source)) / 7
    return AttentionRecord(
        **{"id": number, "source": source, "target": target, "weights": weights, "score": -0.1} | fields
    )


def fields_of(record):
    """All of a record in a form that == compares, weights bit for bit."""
    weights = (record.weights.shape, record.weights.dtype.str, record.weights.tobytes())
    return record.id, record.rank, record.source, record.target, record.reference, record.score, weights


def round_trip(records, name):
    with NamedTemporaryFile() as stream:  # a name, which the library safetensors asks for
        FORMATS[name].write(iter(records), stream)
        stream.seek(0)
        return list(FORMATS[name].read(stream))


TOKENS = st.lists(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=4).filter(lambda token: not token.endswith("\0"))
    | st.sampled_from(["", "</s>", "한국어", "▁é", '"', "\\", "👩‍👩‍👧", "\n", "\u2028", "\0a"]),
    max_size=5,
).map(tuple)
FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)


@st.composite
def record_lists(draw):
    places = sorted(draw(st.sets(st.tuples(st.integers(0, 2**63 - 1), st.integers(0, 3)), max_size=4)))
    records = []
    for number, rank in places:
        source, target = draw(TOKENS), draw(TOKENS)
        size = len(source) * len(target)
        flat = draw(st.lists(FLOATS, min_size=size, max_size=size))
        records.append(
            AttentionRecord(
                id=number,
                rank=rank,
                source=source,
                target=target,
                reference=draw(st.none() | TOKENS),
                weights=np.array(flat, dtype=np.float32).reshape(len(target), len(source)),
                score=draw(st.floats(allow_nan=False, allow_infinity=False)),
            )
        )
    return records
