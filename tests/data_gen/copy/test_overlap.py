"""The overlap count against a plain count of equal sequences."""

from hypothesis import given, settings
from hypothesis import strategies as st

from data_gen.copy.overlap import Fingerprinter, OverlapCounter
from data_gen.copy.sample import sample_block
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
    in_train, held_out = sample_block(spec, "train", 0), sample_block(spec, "valid", 0)
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
    block = sample_block(spec, "train", 0)
    distinct = {tuple(sequence) for sequence in sequences(block)}
    assert len(set(Fingerprinter(spec)(block).tolist())) == len(distinct) > 500
