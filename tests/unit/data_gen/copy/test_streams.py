"""Random numbers: uniform, independent, and the raw output of the bit generator."""

import numpy as np
import pytest

from data_gen.copy.draws import raw_halves, uniform_below


@pytest.mark.parametrize("bound", [1, 2, 5, 8, 100])
def test_numbers_are_uniform(bound: int) -> None:
    count = 200_000
    observed = np.bincount(uniform_below(bound, count, 1, (0,)), minlength=bound)
    expected = count / bound
    statistic = ((observed - expected) ** 2 / expected).sum()
    # Chi-square with bound - 1 degrees of freedom: mean bound - 1, variance twice that.
    assert len(observed) == bound
    assert statistic <= (bound - 1) + 4 * np.sqrt(2 * (bound - 1))


def test_neighbouring_numbers_are_independent() -> None:
    numbers = uniform_below(4, 200_001, 1, (0,)).astype(np.int64)
    pairs = np.bincount(4 * numbers[:-1] + numbers[1:], minlength=16)
    assert ((pairs - 12_500) ** 2 / 12_500).sum() <= 15 + 4 * np.sqrt(30)


def test_a_number_is_the_raw_half_word_times_the_bound_over_two_to_the_32() -> None:
    words = np.random.PCG64(np.random.SeedSequence(7, spawn_key=(1, 2))).random_raw(2).tolist()
    halves = [half for word in words for half in (word % 2**32, word // 2**32)]
    assert uniform_below(1_000, 3, 7, (1, 2)).tolist() == [half * 1_000 // 2**32 for half in halves[:3]]


def test_halves_are_those_of_the_raw_words_low_half_first() -> None:
    words = np.random.PCG64(np.random.SeedSequence(7, spawn_key=(3,))).random_raw(2).tolist()
    halves = [half for word in words for half in (word % 2**32, word // 2**32)]
    assert raw_halves(3, 7, (3,)).tolist() == halves[:3]
