"""How many sequences there are, and when too few are left for train."""

from itertools import permutations, product

import numpy as np
import pytest

from data_gen.copy.draws import Block
from data_gen.copy.overlap import Fingerprinter, TrainFeasibility, number_of_sequences
from data_gen.copy.spec import CopySpec
from data_gen.errors import UserError
from tests.support.errors import message_of


@pytest.mark.parametrize("num_symbols", [1, 2, 5])
@pytest.mark.parametrize("length", [1, 2, 4])
def test_the_number_of_sequences_is_that_of_their_list(num_symbols: int, length: int) -> None:
    free = CopySpec(num_symbols=num_symbols, min_len=1)
    assert number_of_sequences(free, length) == len(list(product(range(num_symbols), repeat=length)))
    if length <= num_symbols:
        unique = CopySpec(num_symbols=num_symbols, min_len=1, max_len=length, unique=True)
        assert number_of_sequences(unique, length) == len(list(permutations(range(num_symbols), length)))


def require(spec: CopySpec, rows: list[tuple[int, ...]]) -> None:
    symbols = np.array([symbol for row in rows for symbol in row], dtype=np.uint32)
    block = Block(symbols, np.array([len(row) for row in rows], dtype=np.int64))
    feasibility = TrainFeasibility(spec)
    feasibility.see(block, Fingerprinter(spec)(block))
    feasibility.require()


WAY_OUT = (
    "and at least 1 in 64 draws must be free; use smaller --valid and --test, a larger --num-symbols, or longer "
    "sequences"
)


@pytest.mark.parametrize("copies", [1, 3])
def test_one_in_64_must_be_free(copies: int) -> None:
    """Of 128 sequences of length 7 two must be free; equal ones count once."""
    spec = CopySpec(num_symbols=2, min_len=7, max_len=7)
    rows = list(product(range(2), repeat=7))
    require(spec, rows[:126] * copies)
    assert message_of(require, spec, rows[:127] * copies) == (
        f"--no-overlap leaves train too little: of the 128 sequences of length 7 that there are, 127 are held out, "
        f"{WAY_OUT}"
    )


def test_each_length_counts_by_itself() -> None:
    spec = CopySpec(num_symbols=3, min_len=1, max_len=9)
    with pytest.raises(UserError, match="of the 3 sequences of length 1 that there are, 3 are held out"):
        require(spec, [(0,), (1,), (2,), (0, 1, 2, 1, 2, 0)])
    require(spec, [(0,), (1,), (0, 1)])


def test_lengths_that_train_never_draws_do_not_count() -> None:
    spec = CopySpec(num_symbols=2, min_len=3, max_len=4, test_lengths=(1, 5))
    require(spec, [(0,), (1,), *product(range(2), repeat=5)])


def test_without_repeats_there_are_fewer() -> None:
    spec = CopySpec(num_symbols=3, min_len=3, max_len=3, unique=True)
    rows = list(permutations(range(3)))
    require(spec, rows[:5])
    with pytest.raises(UserError, match="of the 6 sequences of length 3 that there are, 6 are held out"):
        require(spec, rows)


def test_zipf_counts_what_is_likely() -> None:
    """With exponent 10 nearly every draw of length 1 is ``a``: P(b) is about 1/1024."""
    spec = CopySpec(num_symbols=8, min_len=1, max_len=1, symbols="zipf:10")
    require(spec, [(symbol,) for symbol in range(1, 8)])
    assert message_of(require, spec, [(0,)]) == (
        "--no-overlap leaves train too little: of the 8 sequences of length 1 that there are, 1 are held out, "
        f"{WAY_OUT}"
    )


@pytest.mark.parametrize(
    ("length", "num_symbols", "shown"),
    [(14, 10, "100000000000000"), (3, 1_000_000, "about 10.18"), (80, 10, "about 10.80"), (100, 1, "1")],
)
def test_huge_numbers_are_shown_as_powers_of_ten(length: int, num_symbols: int, shown: str) -> None:
    """Nearly all draws are ``a a a ...`` or have one ``b`` among them."""
    spec = CopySpec(num_symbols=num_symbols, min_len=length, max_len=length, symbols="zipf:10")
    rows = [(0,) * length]
    if num_symbols > 1:
        rows += [(0,) * place + (1,) + (0,) * (length - place - 1) for place in range(length)]
    with pytest.raises(UserError, match=f"of the {shown} sequences of length {length} that there are, {len(rows)} are"):
        require(spec, rows)


def test_a_share_of_long_sequences_is_not_all_of_them() -> None:
    require(CopySpec(num_symbols=10, min_len=100_000, max_len=100_000, symbols="zipf:10"), [(0,) * 100_000])


def test_long_sequences_always_have_room() -> None:
    for unique in (False, True):
        spec = CopySpec(num_symbols=100_000, min_len=1, max_len=100_000, unique=unique)
        require(spec, [tuple(range(100_000))])
