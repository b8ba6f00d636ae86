"""No repeats, and every sequence without repeats as likely as any other."""

from collections import Counter
from itertools import permutations
from math import perm

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_gen.copy.draws import Block, _repeats, draw_unique, raw_halves
from data_gen.copy.sample import sample_block
from data_gen.copy.spec import CopySpec

from .test_sample import sequences


def draw(num_symbols: int, max_len: int, lengths: list[int], seed: int = 1) -> list[list[int]]:
    sizes = np.array(lengths, dtype=np.int64)
    return sequences(Block(draw_unique(num_symbols, max_len, sizes, seed, lambda turn: (turn,)), sizes))


@settings(deadline=None)  # a busy machine is no failure
@given(st.integers(1, 40), st.data(), st.integers(0, 10**6))
def test_no_symbol_occurs_twice(num_symbols: int, data: st.DataObject, seed: int) -> None:
    max_len = data.draw(st.integers(1, num_symbols))
    lengths = data.draw(st.lists(st.integers(1, max_len), min_size=1, max_size=30))
    rows = draw(num_symbols, max_len, lengths, seed)
    assert [len(set(row)) for row in rows] == lengths
    assert all(0 <= symbol < num_symbols for row in rows for symbol in row)


@pytest.mark.parametrize(("num_symbols", "length"), [(3, 3), (4, 3), (6, 3), (5, 2), (4, 2), (4, 1)])
def test_all_sequences_are_equally_likely(num_symbols: int, length: int) -> None:
    """Both methods: a shuffle below twice as many symbols as places, drawing again from there on."""
    count, outcomes = 60_000, perm(num_symbols, length)
    seen = Counter(tuple(row) for row in draw(num_symbols, length, [length] * count))
    assert set(seen) == set(permutations(range(num_symbols), length))
    expected = count / outcomes
    statistic = sum((number - expected) ** 2 / expected for number in seen.values())
    assert statistic <= (outcomes - 1) + 4 * np.sqrt(2 * (outcomes - 1))


def test_a_shuffle_is_that_of_fisher_and_yates() -> None:
    raw = iter(raw_halves(3 * 4, 5, (0,)).tolist())
    expected = []
    for _ in range(3):
        deck = list(range(5))
        for place in range(4):
            chosen = place + (next(raw) * (5 - place) >> 32)
            deck[place], deck[chosen] = deck[chosen], deck[place]
        expected.append(deck[:4])
    assert draw(5, 4, [4, 4, 4], seed=5) == expected


def test_only_what_occurs_earlier_in_the_same_sequence_is_a_repeat() -> None:
    symbols = np.array([7, 1, 7, 7, 1, 7, 2], dtype=np.uint32)
    owners = np.array([0, 0, 0, 1, 1, 1, 1], dtype=np.uint64)
    assert _repeats(symbols, owners).tolist() == [2, 5]


@pytest.mark.parametrize("num_symbols", [9, 12, 100])
def test_the_first_sequences_do_not_depend_on_how_many_follow(num_symbols: int) -> None:
    lengths = [5, 6, 1, 3] * 25
    assert draw(num_symbols, 6, lengths)[:40] == draw(num_symbols, 6, lengths[:40])


def test_a_specification_can_ask_for_it() -> None:
    spec = CopySpec(num_symbols=7, unique=True, test_lengths=(2, 7))
    for split in spec.splits:
        rows = sequences(sample_block(spec, split, 0))
        assert len(rows) == split.sequences
        assert all(len(set(row)) == len(row) for row in rows)
