"""Properties of the random sequences."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_gen.copy import sample
from data_gen.copy.sample import Block, blocks_in_split, sample_block, sample_split, sequences_per_block, uniform_below
from data_gen.copy.spec import SPLITS, CopySpec

specs = st.builds(
    lambda min_len, extra, **others: CopySpec(min_len=min_len, max_len=min_len + extra, **others),
    min_len=st.integers(1, 30),
    extra=st.integers(0, 30),
    num_symbols=st.integers(1, 1_000_000),
    train=st.integers(1, 300),
    seed=st.integers(0, 2**63 - 1),
)


def sequences(block: Block) -> list[list[int]]:
    """A plain loop over the flat arrays."""
    rows, start = [], 0
    for length in block.lengths.tolist():
        rows.append(block.symbols[start : start + length].tolist())
        start += length
    assert start == len(block.symbols)
    return rows


@settings(deadline=None)  # a busy machine is no failure
@given(specs, st.sampled_from(SPLITS))
def test_lengths_and_symbols_keep_to_the_specification(spec: CopySpec, split: str) -> None:
    block = sample_block(spec, split, 0)
    assert len(block.lengths) == spec.sequences(split)
    assert block.lengths.min() >= spec.min_len
    assert block.lengths.max() <= spec.max_len
    assert block.symbols.max() < spec.num_symbols
    assert len(block.symbols) == block.lengths.sum()


@settings(deadline=None)  # a busy machine is no failure
@given(specs, st.integers(1, 300))
def test_the_first_sequences_do_not_depend_on_how_many_follow(spec: CopySpec, more: int) -> None:
    longer = CopySpec(
        num_symbols=spec.num_symbols,
        min_len=spec.min_len,
        max_len=spec.max_len,
        train=spec.train + more,
        seed=spec.seed,
    )
    ours, theirs = sequences(sample_block(spec, "train", 0)), sequences(sample_block(longer, "train", 0))
    assert ours == theirs[: spec.train]


def test_blocks_join_to_the_whole_and_can_be_made_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "BLOCK_SEQUENCES", 10)
    spec = CopySpec(train=25)
    assert blocks_in_split(spec, "train") == 3
    blocks = list(sample_split(spec, "train"))
    assert [len(block.lengths) for block in blocks] == [10, 10, 5]
    for index in (2, 0, 1):
        assert sequences(sample_block(spec, "train", index)) == sequences(blocks[index])
    longer = CopySpec(train=28)
    assert sequences(sample_block(longer, "train", 2))[:5] == sequences(blocks[2])


def test_blocks_splits_and_seeds_have_streams_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "BLOCK_SEQUENCES", 50)
    blocks = [
        sample_block(CopySpec(valid=100, test=100, seed=seed), split, index)
        for seed in (1, 2, 2**32 + 1)
        for split in SPLITS
        for index in (0, 1)
    ]
    assert len({block.symbols[:100].tobytes() for block in blocks}) == len(blocks)
    assert len({block.lengths.tobytes() for block in blocks}) == len(blocks)


@pytest.mark.parametrize(("max_len", "expected"), [(1, 65_536), (64, 65_536), (65, 64_527), (100_000, 41)])
def test_long_sequences_make_smaller_blocks(max_len: int, expected: int) -> None:
    assert sequences_per_block(CopySpec(min_len=1, max_len=max_len)) == expected


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


def test_the_global_generator_is_left_alone() -> None:
    np.random.seed(3)  # noqa: NPY002
    before = np.random.get_state(legacy=False)["state"]["key"].copy()  # noqa: NPY002
    sample_block(CopySpec(), "train", 0)
    assert np.array_equal(np.random.get_state(legacy=False)["state"]["key"], before)  # noqa: NPY002
