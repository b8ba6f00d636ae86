"""The splits of a specification, and combinations of values that make no sense."""

from typing import Any

import pytest

from data_gen.copy.spec import CopySpec, Split
from tests.support.errors import message_of


def test_splits_come_in_order_with_the_test_lengths_last() -> None:
    spec = CopySpec(min_len=2, max_len=5, train=9, valid=8, test=7, test_lengths=(5, 12))
    assert spec.splits == (
        Split("train", 0, 9, 2, 5),
        Split("valid", 1, 8, 2, 5),
        Split("test", 2, 7, 2, 5),
        Split("test1", 3, 7, 5, 5),
        Split("test2", 4, 7, 12, 12),
    )
    assert spec.all_sequences == 9 + 8 + 7 + 7 + 7
    assert spec.longest == 12
    assert spec.split("test1") == spec.splits[3]


def test_fixed_lengths_do_without_min_len() -> None:
    spec = CopySpec(min_len=3, max_len=2, lengths="fixed", test_lengths=(4,))
    assert [(split.min_len, split.max_len) for split in spec.splits] == [(2, 2), (2, 2), (2, 2), (4, 4)]


@pytest.mark.parametrize(
    ("transform", "growth"),
    [("copy", 1), ("reverse", 1), ("sort", 1), ("shift:5", 1), ("repeat:3", 3), ("duplicate", 2)],
)
def test_growth_is_target_symbols_for_each_source_symbol(transform: str, growth: int) -> None:
    assert CopySpec(transform=transform).growth == growth


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"test_lengths": (3, 0)}, "--test-lengths must be from 1 to 100000, but is 0"),
        ({"min_len": 5, "max_len": 3}, "--max-len must be at least --min-len (5), but is 3"),
        ({"test_lengths": (1,) * 101}, "--test-lengths takes at most 100 lengths, but has 101"),
        (
            {"transform": "repeat:20", "test_lengths": (5_001,)},
            "--transform repeat:20 makes targets of up to 100020 symbols: keep them to 100000 by shorter sequences",
        ),
        (
            {"unique": True, "symbols": "zipf"},
            "--unique draws symbols uniformly, so it does not go with --symbols zipf",
        ),
        (
            {"unique": True, "num_symbols": 6},
            "--unique needs at least as many symbols as the longest sequence has (7), but --num-symbols is 6",
        ),
        (
            {"unique": True, "test_lengths": (9,)},
            "--unique needs at least as many symbols as the longest sequence has (9), but --num-symbols is 8",
        ),
        ({"lengths": "normal"}, "--lengths must be uniform, fixed or zipf[:S], but is 'normal'"),
        ({"symbols": "normal"}, "--symbols must be uniform or zipf[:S], but is 'normal'"),
    ],
)
def test_a_bad_combination_is_one_line(values: dict[str, Any], message: str) -> None:
    assert message_of(CopySpec, **values) == message
