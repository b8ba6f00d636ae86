"""Records check themselves."""

import numpy as np
import pytest

from data_gen.errors import UserError
from fairseq_plugin.analysis.records import AttentionRecord
from tests.support.errors import message_of

LETTERS = ("a", "b", "c", "</s>")


def record(weights, source=LETTERS, target=LETTERS, **fields):
    return AttentionRecord(**{"id": 0, "score": -0.5, "weights": weights, "source": source, "target": target} | fields)


def test_weights_are_kept_as_read_only_float32_and_the_callers_array_stays_writable():
    mine = np.eye(4, dtype=np.float32)
    kept = record(mine).weights
    assert kept.dtype == np.float32
    assert not kept.flags.writeable
    assert mine.flags.writeable
    assert record(np.eye(4, dtype=np.float64)).weights.dtype == np.float32


def test_a_shape_that_does_not_fit_names_both_shapes():
    assert message_of(record, np.zeros((4, 3)), id=7, rank=1) == (
        "sentence 7, rank 1: attention of shape (4, 3) does not fit 4 target and 4 source tokens, which need (4, 4)"
        " (target x source): count </s> wherever the model saw it"
    )


def test_source_and_target_are_not_interchangeable():
    with pytest.raises(UserError, match=r"shape \(2, 4\) does not fit 4 target and 2 source tokens"):
        record(np.zeros((2, 4)), source=("a", "</s>"))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"id": -1}, "id -1 is not from 0 to 9223372036854775807: count ids from 0"),
        ({"rank": -2}, "rank -2 is not from 0"),
        ({"id": 2**63}, "id 9223372036854775808 is not from 0"),
        ({"score": float("nan")}, "sentence 0, rank 0: an attention weight or the score is NaN or infinite"),
        ({"weights": np.full((4, 4), np.nan)}, "an attention weight or the score is NaN or infinite"),
        ({"weights": np.full((4, 4), 1e300)}, "an attention weight or the score is NaN or infinite"),
        ({"reference": ("\ud800",)}, r"token '\\ud800' is not valid Unicode: read the corpus as UTF-8"),
    ],
)
def test_values_that_make_no_sense_are_refused(fields, message):
    with pytest.raises(UserError, match=message):
        record(**{"weights": np.eye(4)} | fields)
