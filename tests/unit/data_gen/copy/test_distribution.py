"""Zipf tables counted out, and numbers drawn from them."""

from fractions import Fraction
from math import floor

import numpy as np
import pytest

from data_gen.copy.draws import _power, cumulative_zipf, draw_below, probabilities, raw_words
from data_gen.copy.spec import Choice

WHOLE = 2**53


@pytest.mark.parametrize(("bound", "exponent"), [(1, 1), (2, 1), (3, 2), (8, 1), (100, 3), (1_000, 0)])
def test_a_table_of_a_whole_exponent_equals_exact_fractions(bound: int, exponent: int) -> None:
    weights = [floor(Fraction(2**40, rank**exponent)) for rank in range(1, bound + 1)]
    sums = [sum(weights[: place + 1]) for place in range(bound)]
    assert cumulative_zipf(bound, exponent).tolist() == [total * WHOLE // sums[-1] for total in sums]


def test_a_table_by_hand() -> None:
    """1, 1/2, 1/4 of 2^40 in sum 7/4 of it: 4/7, 6/7 and 7/7 of 2^53."""
    assert cumulative_zipf(4, 2.0)[-1] == WHOLE
    weights = np.diff(cumulative_zipf(2, 1.0), prepend=np.uint64(0))
    assert weights.tolist() == [WHOLE * 2 // 3, WHOLE - WHOLE * 2 // 3]


@pytest.mark.parametrize("exponent", [0, 0.5, 1.05, 1.5, 2.999, 10])
@pytest.mark.parametrize("bound", [1, 7, 60_000, 1_000_000])
def test_every_number_can_be_drawn_and_small_ones_are_most_likely(bound: int, exponent: float) -> None:
    table = cumulative_zipf(bound, exponent).astype(np.int64)
    weights = np.diff(table, prepend=0)
    assert table[-1] == WHOLE
    assert weights.min() > 0
    assert np.all(np.diff(weights) <= 1)  # 1: each is rounded by itself


@pytest.mark.parametrize("exponent", [0.0, 0.5, 0.7, 1.0, 1.05, 3.25, 9.99])
def test_powers_are_right_to_the_last_places(exponent: float) -> None:
    base = np.arange(1.0, 2_000)
    np.testing.assert_allclose(_power(base, exponent), base**exponent, rtol=1e-13)


def test_powers_of_the_lowest_places_are_not_lost() -> None:
    """1.1 in binary uses all 52 places: cutting it short by a few would show."""
    exact = float(Fraction(3) * Fraction(3 ** (1 / 10)))
    assert _power(np.array([3.0]), 1.1)[0] == pytest.approx(exact, rel=1e-15 * 8)


def test_a_number_is_the_first_whose_entry_lies_above_the_raw_word() -> None:
    raw = [word >> 11 for word in raw_words(50, 7, (1, 2)).tolist()]
    table = cumulative_zipf(9, 1.5).tolist()
    expected = [next(number for number, entry in enumerate(table) if word < entry) for word in raw]
    assert draw_below(Choice("zipf", 1.5), 9, 50, 7, (1, 2)).tolist() == expected


def test_the_integers_on_the_borders_fall_to_the_right_side(monkeypatch: pytest.MonkeyPatch) -> None:
    """Entry i is the first integer that no longer means i."""
    entries = cumulative_zipf(4, 1.0)[:3]
    words = np.concatenate([[0], entries - np.uint64(1), entries, [WHOLE - 1]]).astype(np.uint64) << np.uint64(11)
    monkeypatch.setattr("data_gen.copy.draws.raw_words", lambda count, seed, key: words)
    assert draw_below(Choice("zipf", 1), 4, 8, 1, ()).tolist() == [0, 0, 1, 2, 1, 2, 3, 3]


def test_probabilities_are_those_of_the_table() -> None:
    assert probabilities(Choice("uniform"), 4).tolist() == [0.25] * 4
    shares = probabilities(Choice("zipf", 1), 3)
    assert shares.sum() == 1
    np.testing.assert_allclose(shares, [6 / 11, 3 / 11, 2 / 11], rtol=1e-11)


def test_the_first_numbers_do_not_depend_on_how_many_follow() -> None:
    few, many = (draw_below(Choice("zipf", 1), 20, count, 3, (0,)) for count in (11, 50))
    assert few.tolist() == many[:11].tolist()
