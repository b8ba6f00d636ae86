"""The overlap count, and train without held-out sequences, against plain lists of sequences."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_gen.copy import sample
from data_gen.copy.overlap import Fingerprinter, HeldOut, OverlapCounter
from data_gen.copy.sample import sample_block, sample_split
from data_gen.copy.spec import CopySpec

from .test_sample import sequences


@settings(deadline=None)  # a busy machine is no failure
@given(
    st.integers(1, 5),
    st.integers(1, 3),
    st.integers(0, 4),
    st.integers(1, 200),
    st.integers(1, 200),
    st.integers(0, 10**6),
)
def test_count_equals_brute_force(
    num_symbols: int, min_len: int, extra: int, train: int, valid: int, seed: int
) -> None:
    spec = CopySpec(
        num_symbols=num_symbols, min_len=min_len, max_len=min_len + extra, train=train, valid=valid, seed=seed
    )
    in_train, held_out = (sample_block(spec, spec.split(name), 0) for name in ("train", "valid"))
    fingerprint = Fingerprinter(spec)
    counter = OverlapCounter(fingerprint(held_out))
    assert (counter.count, counter.complete) == (0, False)
    prints = fingerprint(in_train)
    counter.see(prints[: train // 2])
    counter.see(prints[train // 2 :])
    expected = sum(sequence in sequences(in_train) for sequence in sequences(held_out))
    assert counter.count == expected
    assert counter.complete == (expected == valid)


def test_order_and_length_make_a_difference() -> None:
    spec = CopySpec(num_symbols=3, min_len=1, max_len=6, train=3_000)
    block = sample_block(spec, spec.split("train"), 0)
    distinct = {tuple(sequence) for sequence in sequences(block)}
    assert len(set(Fingerprinter(spec)(block).tolist())) == len(distinct) > 500


def hold_out(spec: CopySpec) -> tuple[HeldOut, set[tuple[int, ...]]]:
    """All that is held out, for train and as plain sequences."""
    fingerprint = Fingerprinter(spec)
    blocks = [block for split in spec.splits[1:] for block in sample_split(spec, split)]
    held_out = HeldOut(fingerprint, np.concatenate([fingerprint(block) for block in blocks]))
    return held_out, {tuple(sequence) for block in blocks for sequence in sequences(block)}


def test_contains_says_which_sequences_are_held_out() -> None:
    spec = CopySpec(num_symbols=3, min_len=1, max_len=3, valid=9, test=2)
    held_out, known = hold_out(spec)
    block = sample_block(spec, spec.split("train"), 0)
    expected = [tuple(sequence) in known for sequence in sequences(block)]
    assert held_out.contains(held_out.fingerprint(block)).tolist() == expected
    assert True in expected
    assert False in expected


TIGHT = (
    CopySpec(num_symbols=3, min_len=3, max_len=4, train=500, valid=20, test=10),
    CopySpec(num_symbols=4, min_len=2, max_len=4, train=500, valid=15, test=10, unique=True),
    CopySpec(num_symbols=8, min_len=2, max_len=4, train=500, valid=40, test=40, unique=True),
    CopySpec(num_symbols=5, min_len=2, max_len=4, train=500, valid=40, test=40, symbols="zipf", test_lengths=(3, 6)),
)


@pytest.mark.parametrize("spec", TIGHT, ids=["few", "shuffled", "drawn again", "zipf"])
@pytest.mark.parametrize("epoch", [0, 1, 7])
def test_nothing_held_out_is_left_and_the_rest_stays(spec: CopySpec, epoch: int) -> None:
    held_out, known = hold_out(spec)
    train = spec.split("train")
    before = sequences(sample_block(spec, train, 0, epoch=epoch))
    after = sequences(sample_block(spec, train, 0, epoch=epoch, held_out=held_out))
    assert {tuple(sequence) for sequence in before} & known
    assert not {tuple(sequence) for sequence in after} & known
    assert [len(sequence) for sequence in after] == [len(sequence) for sequence in before]
    for old, new in zip(before, after, strict=True):
        assert tuple(old) in known or new == old
        assert not spec.unique or len(set(new)) == len(new)


def test_sequences_drawn_again_are_as_random_as_the_others() -> None:
    """Of the 8 sequences of 3 bits, those not held out occur equally often."""
    spec = CopySpec(num_symbols=2, min_len=3, max_len=3, train=60_000, valid=3, test=1)
    held_out, known = hold_out(spec)
    numbers = sample_block(spec, spec.split("train"), 0, held_out=held_out).symbols.reshape(-1, 3) @ [4, 2, 1]
    counts = np.bincount(numbers.astype(np.int64), minlength=8)
    free = counts[counts > 0]
    assert len(free) == 8 - len(known)
    assert 0 < len(known) < 7
    expected = 60_000 / len(free)
    assert ((free - expected) ** 2 / expected).sum() <= len(free) - 1 + 4 * np.sqrt(2 * (len(free) - 1))


@pytest.mark.parametrize("spec", TIGHT, ids=["few", "shuffled", "drawn again", "zipf"])
def test_any_block_can_be_made_alone(spec: CopySpec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "BLOCK_SEQUENCES", 60)
    held_out, known = hold_out(spec)
    train = spec.split("train")
    whole = [sequences(block) for block in sample_split(spec, train, held_out=held_out)]
    assert len(whole) == 9
    for index in (8, 0, 4):
        assert sequences(sample_block(spec, train, index, held_out=held_out)) == whole[index]
    assert not {tuple(sequence) for rows in whole for sequence in rows} & known
