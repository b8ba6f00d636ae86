"""Properties of the random sequences."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_gen.copy import sample
from data_gen.copy.draws import Block, draw_below
from data_gen.copy.sample import blocks_in_split, sample_block, sample_split, sequences_per_block
from data_gen.copy.spec import SPLITS, Choice, CopySpec

specs = st.builds(
    lambda min_len, extra, **others: CopySpec(min_len=min_len, max_len=min_len + extra, **others),
    min_len=st.integers(1, 30),
    extra=st.integers(0, 30),
    num_symbols=st.integers(1, 1_000_000),
    train=st.integers(1, 300),
    lengths=st.sampled_from(["uniform", "fixed", "zipf", "zipf:0.3"]),
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
    block = sample_block(spec, spec.split(split), 0)
    assert len(block.lengths) == spec.split(split).sequences
    assert block.lengths.min() >= spec.min_len
    assert block.lengths.max() <= spec.max_len
    assert block.symbols.max() < spec.num_symbols
    assert len(block.symbols) == block.lengths.sum()


@settings(deadline=None)  # a busy machine is no failure
@given(specs, st.integers(1, 300))
def test_the_first_sequences_do_not_depend_on_how_many_follow(spec: CopySpec, more: int) -> None:
    longer = replace(spec, train=spec.train + more)
    ours, theirs = (sequences(sample_block(each, each.split("train"), 0)) for each in (spec, longer))
    assert ours == theirs[: spec.train]


def test_blocks_join_to_the_whole_and_can_be_made_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "BLOCK_SEQUENCES", 10)
    spec = CopySpec(train=25)
    assert blocks_in_split(spec, spec.split("train")) == 3
    blocks = list(sample_split(spec, spec.split("train")))
    assert [len(block.lengths) for block in blocks] == [10, 10, 5]
    for index in (2, 0, 1):
        assert sequences(sample_block(spec, spec.split("train"), index)) == sequences(blocks[index])
    longer = CopySpec(train=28)
    assert sequences(sample_block(longer, longer.split("train"), 2))[:5] == sequences(blocks[2])


def test_blocks_splits_and_seeds_have_streams_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "BLOCK_SEQUENCES", 50)
    blocks = [
        sample_block(spec, split, index)
        for spec in (CopySpec(valid=100, test=100, seed=seed) for seed in (1, 2, 2**32 + 1))
        for split in spec.splits
        for index in (0, 1)
    ]
    assert len({block.symbols[:100].tobytes() for block in blocks}) == len(blocks)
    assert len({block.lengths.tobytes() for block in blocks}) == len(blocks)


@pytest.mark.parametrize(("max_len", "expected"), [(1, 65_536), (64, 65_536), (65, 64_527), (100_000, 41)])
def test_long_sequences_make_smaller_blocks(max_len: int, expected: int) -> None:
    spec = CopySpec(min_len=1, max_len=max_len)
    assert sequences_per_block(spec, spec.split("train")) == expected


def test_the_global_generator_is_left_alone() -> None:
    np.random.seed(3)  # noqa: NPY002
    before = np.random.get_state(legacy=False)["state"]["key"].copy()  # noqa: NPY002
    sample_block(CopySpec(), CopySpec().split("train"), 0)
    assert np.array_equal(np.random.get_state(legacy=False)["state"]["key"], before)  # noqa: NPY002


SHAPES = {
    "plain": CopySpec(),
    "zipf": CopySpec(lengths="zipf:0.5", symbols="zipf:2"),
    "fixed": CopySpec(lengths="fixed"),
    "shuffled": CopySpec(unique=True),
    "drawn again": CopySpec(num_symbols=20, unique=True),
}


@pytest.mark.parametrize("spec", SHAPES.values(), ids=SHAPES)
def test_every_epoch_has_sequences_of_its_own(spec: CopySpec) -> None:
    train = spec.split("train")
    blocks = [sample_block(spec, train, 0, epoch=epoch) for epoch in range(5)]
    assert sequences(blocks[0]) == sequences(sample_block(spec, train, 0))
    assert len({block.symbols[:100].tobytes() for block in blocks}) == 5
    if spec.lengths != "fixed":
        assert len({block.lengths.tobytes() for block in blocks}) == 5


def test_no_two_streams_share_a_key() -> None:
    places = [(split, index) for split in range(3) for index in range(3)]
    keys = [
        sample._key(place, stream, epoch, *turn)
        for place in places
        for stream in (0, 1)
        for epoch in range(3)
        for turn in [(), *((attempt, again) for attempt in range(3) for again in range(3) if attempt or again)]
    ]
    assert len(set(keys)) == len(keys) == 9 * 2 * 3 * 9
    assert sample._key((2, 5), 1, 0) == sample._key((2, 5), 1, 0, 0, 0) == (2, 5, 1)


def test_fixed_lengths_are_all_the_longest() -> None:
    spec = CopySpec(lengths="fixed", max_len=5)
    assert {len(sequence) for sequence in sequences(sample_block(spec, spec.split("train"), 0))} == {5}


def test_zipf_lengths_follow_their_table() -> None:
    spec = CopySpec(min_len=4, max_len=9, lengths="zipf:1.5")
    train = spec.split("train")
    ranks = sample_block(spec, train, 0).lengths - 4
    expected = draw_below(Choice("zipf", 1.5), 6, train.sequences, spec.seed, (0, 0, 0))
    assert ranks.tolist() == expected.tolist()
    assert np.bincount(ranks).argmax() == 0


def test_test_lengths_are_exact() -> None:
    spec = CopySpec(test=50, test_lengths=(2, 30), lengths="zipf")
    for split, length in zip(spec.splits[3:], (2, 30), strict=True):
        assert sample_block(spec, split, 0).lengths.tolist() == [length] * 50


def test_blocks_count_the_longer_side() -> None:
    spec = CopySpec(max_len=100, transform="repeat:5")
    assert sequences_per_block(spec, spec.split("train")) == 4_194_304 // 500
