"""Records check themselves; diagonal numbers are worked out by hand."""

import numpy as np
import pytest

from data_gen.errors import UserError
from fairseq_plugin.analysis.records import AttentionRecord, diagonal_hits, diagonal_share
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


def test_hits_are_letters_whose_largest_weight_is_at_their_position():
    weights = [
        [0.7, 0.1, 0.1, 0.1],  # a: column 0, a hit
        [0.6, 0.2, 0.1, 0.1],  # b: column 0, a miss
        [0.1, 0.2, 0.4, 0.3],  # c: column 2, a hit
        [0.9, 0.0, 0.0, 0.1],  # </s>: no letter
    ]
    assert diagonal_hits(record(np.array(weights))) == (2, 3)


def test_the_leftmost_of_equal_weights_counts():
    assert diagonal_hits(record(np.full((4, 4), 0.25))) == (1, 3)


def test_letters_beyond_the_source_are_misses():
    weights = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [0.0, 1.0]])
    assert diagonal_hits(record(weights, source=("a", "</s>"))) == (2, 3)


def test_a_letter_after_an_end_symbol_keeps_its_position():
    assert diagonal_hits(record(np.eye(3), source=("a", "b", "c"), target=("a", "</s>", "c"))) == (2, 2)


@pytest.mark.parametrize(
    ("source", "target", "hits"), [(("a",), (), (0, 0)), ((), ("a",), (0, 1)), (("a",), ("</s>",), (0, 0))]
)
def test_hits_without_letters_or_source(source, target, hits):
    assert diagonal_hits(record(np.zeros((len(target), len(source))), source=source, target=target)) == hits


def test_the_share_counts_every_letter_once():
    three_of_three = record(np.eye(4))
    none_of_one = record(np.array([[0.0, 1.0], [0.0, 1.0]]), source=("a", "</s>"), target=("a", "</s>"))
    assert diagonal_share([three_of_three, none_of_one]) == 0.75


@pytest.mark.parametrize("records", [[], [record(np.ones((1, 1)), source=("</s>",), target=("</s>",))]])
def test_the_share_of_no_letters_is_an_error(records):
    none = f"no target token other than </s> in {len(records)} records: there is no diagonal to measure"
    with pytest.raises(UserError, match=none):
        diagonal_share(records)
