"""Measures against numbers worked out by hand, known cases and properties; gold alignments as files hold them."""

import math
import random
from itertools import pairwise

import numpy as np
import pytest
import torch
from fairseq.utils import extract_hard_alignment
from hypothesis import given, settings
from hypothesis import strategies as st

from data_gen.copy.draws import Block
from data_gen.copy.sample import transform_block
from data_gen.copy.spec import CopySpec
from fairseq_plugin.analysis.measures import (
    EXPECTED,
    GoldAlignment,
    Tally,
    alignment_errors,
    check_weights,
    coverage_gap,
    covered,
    diagonal,
    diagonal_hits,
    entropy,
    hard_alignment,
    measure,
    monotonicity,
    pool,
    read_gold,
)
from fairseq_plugin.analysis.records import AttentionRecord
from tests.support.errors import message_of

PERMUTATIONS = st.integers(1, 9).flatmap(lambda size: st.permutations(range(size)))


def record(weights, source=None, target=None, **fields):
    """A record of letters alone, unless the tokens are given."""
    weights = np.array(weights, dtype=np.float64)
    rows, columns = weights.shape
    source = tuple(f"x{s}" for s in range(columns)) if source is None else tuple(source.split())
    target = tuple(f"y{t}" for t in range(rows)) if target is None else tuple(target.split())
    return AttentionRecord(**{"id": 0, "score": 0.0, "weights": weights, "source": source, "target": target} | fields)


def gold(sure, possible=()):
    return GoldAlignment(frozenset(sure), frozenset((*sure, *possible)))


COPIED = "a b c </s>"
# Columns: a, b, c, </s>. In halves and quarters, which floats hold exactly.
BY_HAND = record(
    [
        [0.5, 0.5, 0.0, 0.0],  # argmax 0 (leftmost), 1 bit, on the diagonal
        [0.0, 0.25, 0.5, 0.25],  # argmax 2, 1.5 bits, off the diagonal
        [0.25, 0.25, 0.25, 0.25],  # argmax 0: back; 2 bits, off the diagonal
        [0.0, 0.0, 0.25, 0.75],  # argmax 3, 0.811... bits; the row of </s>, which counts nowhere
    ],
    "a b c </s>",
    "a b c </s>",
)


def test_hits_are_letters_whose_largest_weight_is_at_their_position():
    weights = [
        [0.7, 0.1, 0.1, 0.1],  # a: column 0, a hit
        [0.6, 0.2, 0.1, 0.1],  # b: column 0, a miss
        [0.1, 0.2, 0.4, 0.3],  # c: column 2, a hit
        [0.9, 0.0, 0.0, 0.1],  # </s>: no letter
    ]
    assert diagonal_hits(record(weights, COPIED, COPIED)) == (2, 3)


def test_the_leftmost_of_equal_weights_counts():
    assert diagonal_hits(record(np.full((4, 4), 0.25), COPIED, COPIED)) == (1, 3)


def test_letters_beyond_the_source_are_misses():
    weights = [[1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [0.0, 1.0]]
    assert diagonal_hits(record(weights, "a </s>", COPIED)) == (2, 3)


def test_a_letter_after_an_end_symbol_keeps_its_position():
    assert diagonal_hits(record(np.eye(3), "a b c", "a </s> c")) == (2, 2)


@pytest.mark.parametrize(("source", "target", "hits"), [("a", "", (0, 0)), ("", "a", (0, 1)), ("a", "</s>", (0, 0))])
def test_hits_without_letters_or_source(source, target, hits):
    weights = np.zeros((len(target.split()), len(source.split())))
    assert diagonal_hits(record(weights, source, target)) == hits


def test_measures_worked_out_by_hand():
    assert measure(BY_HAND, gold=gold([(0, 0), (1, 1)], [(2, 1), (1, 2)])) == {
        "diagonal": Tally(1, 3),
        "monotonic": Tally(1, 2),
        "entropy": Tally(4.5, 3),
        "coverage_gap": Tally(0.25 + 0.0 + 0.25, 3),  # c = 0.75, 1, 0.75
        "covered": Tally(2, 3),  # b is the argmax of no row
        # A = 0-0 2-1 0-2; A & S = 0-0; A & P = 0-0 2-1: 1 - (1 + 2) / (3 + 2)
        "aer": Tally(2, 5),
    }
    assert alignment_errors(BY_HAND, gold([(0, 0), (1, 1)], [(2, 1), (1, 2)])).mean == pytest.approx(0.4)


def test_a_weight_on_the_end_symbol_is_a_miss_and_no_link():
    only_end = record([[0.0, 0.25, 0.75], [0.0, 0.0, 1.0]], "a b </s>", "a b")
    assert diagonal(only_end) == Tally(0, 2)
    assert covered(only_end) == Tally(0, 2)
    assert coverage_gap(only_end) == Tally(1.75, 2)
    assert hard_alignment(only_end) == {(1, 0), (0, 1)}  # as if </s> were not there; the leftmost of equals


def test_positions_of_links_do_not_count_end_symbols():
    middle = record(np.eye(3), "</s> a b", "a </s> b")
    assert hard_alignment(middle) == {(0, 0), (1, 1)}  # row 0 has no weight on a letter: the leftmost


@settings(deadline=None)  # a busy machine is no failure
@given(PERMUTATIONS)
def test_a_permuted_identity_has_known_values(columns):
    size = len(columns)
    tallies = measure(record(np.eye(size)[columns]), gold=gold([(s, t) for t, s in enumerate(columns)]))
    rises = sum(first < second for first, second in pairwise(columns))
    assert tallies == {
        "diagonal": Tally(sum(s == t for t, s in enumerate(columns)), size),
        "monotonic": Tally(rises, size - 1),
        "entropy": Tally(0.0, size),
        "coverage_gap": Tally(0.0, size),
        "covered": Tally(size, size),
        "aer": Tally(0, 2 * size),
    }


@settings(deadline=None)  # a busy machine is no failure
@given(st.integers(1, 30), st.integers(1, 30))
def test_uniform_weights_have_known_values(rows, columns):
    uniform = record(np.full((rows, columns), 1 / columns))
    assert entropy(uniform).mean == pytest.approx(math.log2(columns), abs=1e-6)
    assert coverage_gap(uniform).mean == pytest.approx(abs(1 - rows / columns), abs=1e-5)
    assert monotonicity(uniform) == Tally(rows - 1, rows - 1)
    assert covered(uniform) == Tally(1, columns)


@st.composite
def distributions(draw):
    rows, columns = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    numbers = st.lists(st.integers(0, 10), min_size=columns, max_size=columns).filter(any)
    weights = np.array(draw(st.lists(numbers, min_size=rows, max_size=rows)), dtype=np.float64)
    return record(weights / weights.sum(axis=1, keepdims=True))


@settings(deadline=None)  # a busy machine is no failure
@given(distributions())
def test_every_measure_is_within_its_bounds(drawn):
    check_weights(drawn)
    means = {name: tally.mean for name, tally in measure(drawn, gold=gold([(0, 0)])).items()}
    rows, columns = drawn.weights.shape
    assert means.pop("monotonic") is None or rows > 1
    assert 0 <= means.pop("entropy") <= math.log2(columns) + 1e-9
    assert -1e-6 <= means.pop("coverage_gap") <= max(1, rows)
    assert all(0 <= mean <= 1 for mean in means.values())
    for t in range(rows):  # the definition, term by term
        alone = record(drawn.weights[t : t + 1])
        terms = [p * math.log2(p) for p in map(float, drawn.weights[t]) if p]
        assert entropy(alone).total == pytest.approx(-sum(terms), abs=1e-5)


@settings(deadline=None)  # a busy machine is no failure
@given(st.permutations(range(12)), st.lists(st.sampled_from("ab"), min_size=3, max_size=3), st.integers(0, 3))
def test_hard_alignments_are_those_that_fairseq_prints(numbers, source, end):
    weights = np.array(numbers, dtype=np.float64).reshape(3, 4)  # (T, S), no two equal
    source = [*source[:end], "</s>", *source[end:]]
    drawn = record(weights, " ".join(source), "y z </s>")
    ids = {"</s>": 2}
    tensors = [torch.tensor([ids.get(token, 5) for token in tokens]) for tokens in (source, drawn.target)]
    printed = extract_hard_alignment(torch.tensor(weights), *tensors, pad=1, eos=2)
    assert hard_alignment(drawn) == set(printed)


@settings(deadline=None)  # a busy machine is no failure
@given(st.lists(distributions(), min_size=1, max_size=6), st.randoms())
def test_the_order_of_sentences_makes_no_difference(drawn, generator: random.Random):
    tallies = [measure(each) for each in drawn]
    mixed = generator.sample(tallies, len(tallies))
    for name in tallies[0]:
        assert pool(each[name] for each in tallies) == pool(each[name] for each in mixed)


def test_pooling_counts_every_thing_once_and_nothing_has_no_mean():
    assert pool([Tally(3, 3), Tally(0, 1)]).mean == 0.75
    assert pool([]).mean is None
    empty = record(np.zeros((0, 1)), "a", "")
    assert {name: tally.count for name, tally in measure(empty).items()} == {
        "diagonal": 0,
        "monotonic": 0,
        "entropy": 0,
        "coverage_gap": 1,
        "covered": 1,
    }
    nothing = record(np.zeros((0, 0)), "", "")
    assert [tally.mean for tally in measure(nothing, gold=gold([])).values()] == [None] * 6


@pytest.mark.parametrize(
    ("transform", "source", "columns"),
    [
        ("copy", "c a b", [0, 1, 2]),
        ("shift:1", "c a b", [0, 1, 2]),
        ("reverse", "c a b", [2, 1, 0]),
        ("sort", "c a b", [1, 2, 0]),
        ("repeat:2", "c a b", [0, 1, 2, 0, 1, 2]),
        ("duplicate", "c a b", [0, 0, 1, 1, 2, 2]),
    ],
)
def test_every_transform_of_the_generator_has_its_expected_positions(transform, source, columns):
    spec = CopySpec(transform=transform)
    numbers = np.array(["abcdefgh".index(letter) for letter in source.split()], dtype=np.uint32)
    target = transform_block(spec, Block(numbers, np.array([3]))).symbols
    written = " ".join("abcdefgh"[number] for number in target)
    weights = np.eye(4)[[*columns, 3]]
    perfect = record(weights, f"{source} </s>", f"{written} </s>")
    name = transform.split(":")[0]
    assert diagonal(perfect, name) == Tally(len(columns), len(columns))
    wrong = record(np.eye(4)[[*np.roll(columns, 1), 3]], f"{source} </s>", f"{written} </s>")
    brute = sum(first == second for first, second in zip(columns, np.roll(columns, 1), strict=True))
    assert diagonal(wrong, name) == Tally(brute, len(columns))


def test_equal_letters_are_all_right_when_sorting():
    assert diagonal(record(np.eye(3)[[2, 2, 1]], "a b a", "a a b"), "sort") == Tally(3, 3)


def test_the_maps_are_named_as_the_transforms():
    for name in EXPECTED:
        CopySpec(transform=name + (":2" if name in ("shift", "repeat") else ""))
    assert len(EXPECTED) == 6


@pytest.mark.parametrize(
    ("weights", "found"),
    [
        ([[1.0, 0.0], [0.5, 0.25]], "row 1 of the attention sums to 0.75, not 1"),
        ([[1.0, 0.5], [0.5, 0.5]], "row 0 of the attention sums to 1.5, not 1"),
        ([[1.0, 0.0], [1.5, -0.5]], "row 1 of the attention has a negative weight"),
        (np.zeros((1, 1)), "row 0 of the attention sums to 0, not 1"),
    ],
)
def test_rows_that_are_no_distribution_are_refused(weights, found):
    assert message_of(check_weights, record(weights, id=3, rank=1)) == (
        f"sentence 3, rank 1: {found}: measures need the weights of a softmax, target x source"
    )


def test_rounding_to_few_bits_is_no_fault():
    check_weights(record([[0.333, 0.333, 0.333]]))


def test_gold_alignments_are_read(tmp_path):
    path = tmp_path / "gold.txt"
    path.write_bytes(b"0-0 2p1\t10?3\r\n\n1-1 1p1 1-1")
    assert read_gold(path) == [gold([(0, 0)], [(2, 1), (10, 3)]), gold([]), gold([(1, 1)])]
    path.write_text("1-1 3p2\n")
    assert read_gold(path, first=1) == [gold([(0, 0)], [(2, 1)])]


@pytest.mark.parametrize(
    ("text", "first", "message"),
    [
        (b"0-0\n0:1", 0, "{path} line 2: '0:1' is no link: write i-j if it is sure, ipj or i?j if it is possible"),
        (b"0--1", 0, "{path} line 1: '0--1' is no link: write i-j if it is sure, ipj or i?j if it is possible"),
        (b"\xff", 0, r"{path} line 1: '\\xff' is no link: write i-j if it is sure, ipj or i?j if it is possible"),
        (b"1-0", 1, "{path} line 1: link '1-0' has a position 0, but positions were said to count from 1"),
    ],
)
def test_what_is_no_gold_alignment_is_refused(text, first, message, tmp_path):
    path = tmp_path / "gold.txt"
    path.write_bytes(text)
    assert message_of(read_gold, path, first=first) == message.format(path=repr(str(path)))


def test_an_empty_source_counts_nowhere_but_off_the_diagonal() -> None:
    empty = record(np.zeros((3, 0)), "", "a b </s>")
    check_weights(empty)
    assert measure(empty, gold=gold([])) == {
        "diagonal": Tally(0, 2),
        "monotonic": Tally(0, 0),
        "entropy": Tally(0.0, 0),
        "coverage_gap": Tally(0.0, 0),
        "covered": Tally(0, 0),
        "aer": Tally(0, 0),
    }
