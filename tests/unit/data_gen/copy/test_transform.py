"""Each transform against a plain loop over sequences."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_gen.copy.draws import Block
from data_gen.copy.sample import transform_block
from data_gen.copy.spec import CopySpec

from .test_sample import sequences

Oracle = Callable[[list[int], int], list[int]]

ORACLES: dict[str, Oracle] = {
    "copy": lambda source, symbols: source,
    "reverse": lambda source, symbols: source[::-1],
    "sort": lambda source, symbols: sorted(source),
    "shift:1": lambda source, symbols: [(symbol + 1) % symbols for symbol in source],
    "shift:999999": lambda source, symbols: [(symbol + 999_999) % symbols for symbol in source],
    "repeat:1": lambda source, symbols: source,
    "repeat:3": lambda source, symbols: source * 3,
    "duplicate": lambda source, symbols: [symbol for symbol in source for _ in range(2)],
}


def block_of(rows: list[list[int]]) -> Block:
    symbols = np.array([symbol for row in rows for symbol in row], dtype=np.uint32)
    return Block(symbols, np.array([len(row) for row in rows], dtype=np.int64))


@st.composite
def sources(draw: st.DrawFn) -> tuple[int, list[list[int]]]:
    symbols = draw(st.sampled_from([1, 2, 3, 8, 64, 65, 1_000_000]))
    row = st.lists(st.integers(0, symbols - 1), min_size=1, max_size=9)
    return symbols, draw(st.lists(row, min_size=1, max_size=12))


@pytest.mark.parametrize("transform", ORACLES)
@settings(deadline=None, max_examples=60)  # a busy machine is no failure
@given(sources())
def test_equals_the_plain_loop(transform: str, made: tuple[int, list[list[int]]]) -> None:
    symbols, rows = made
    spec = CopySpec(num_symbols=symbols, transform=transform)
    source = block_of(rows)
    target = transform_block(spec, source)
    assert sequences(target) == [ORACLES[transform](row, symbols) for row in rows]
    assert (target.symbols.dtype, target.lengths.dtype) == (np.uint32, np.int64)
    assert sequences(source) == rows  # the source is left alone
    assert target.lengths.sum() == source.lengths.sum() * spec.growth


def test_the_copy_is_the_source_itself() -> None:
    block = block_of([[1, 2], [3]])
    assert transform_block(CopySpec(), block) is block
