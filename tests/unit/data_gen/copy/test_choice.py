"""Words with numbers: read right, or refused in one line."""

import pytest

from data_gen.copy.spec import LENGTHS, SYMBOLS, TRANSFORMS, Choice, parse_choice, usage
from tests.support.errors import message_of


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("copy", Choice("copy", 0)),
        ("duplicate", Choice("duplicate", 0)),
        ("shift:3", Choice("shift", 3)),
        ("repeat:1000", Choice("repeat", 1000)),
    ],
)
def test_transforms(value: str, expected: Choice) -> None:
    assert parse_choice("transform", value, TRANSFORMS) == expected


@pytest.mark.parametrize(("value", "exponent"), [("zipf", 1), ("zipf:0", 0), ("zipf:1.5", 1.5), ("zipf:10", 10)])
def test_exponents(value: str, exponent: float) -> None:
    assert parse_choice("symbols", value, SYMBOLS) == Choice("zipf", exponent)


def test_usage_shows_every_word_with_its_number() -> None:
    assert usage(TRANSFORMS) == ["copy", "reverse", "sort", "shift:K", "repeat:N", "duplicate"]
    assert usage(LENGTHS) == ["uniform", "fixed", "zipf[:S]"]
    assert usage(SYMBOLS) == ["uniform", "zipf[:S]"]


TRANSFORM_WORDS = "--transform must be copy, reverse, sort, shift:K, repeat:N or duplicate, but is"
SHIFT = "--transform shift:K needs a whole number K from 1 to 1000000, but is"
ZIPF = "--symbols zipf:S needs a number S from 0 to 10, but is"


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("transform", "swap", f"{TRANSFORM_WORDS} 'swap'"),
        ("transform", "", f"{TRANSFORM_WORDS} ''"),
        ("transform", "copy:1", f"{TRANSFORM_WORDS} 'copy:1'"),
        ("transform", "copy:", f"{TRANSFORM_WORDS} 'copy:'"),
        ("transform", "shift", f"{SHIFT} 'shift'"),
        ("transform", "shift:0", f"{SHIFT} 'shift:0'"),
        ("transform", "shift:1.5", f"{SHIFT} 'shift:1.5'"),
        ("transform", "shift:-1", f"{SHIFT} 'shift:-1'"),
        ("transform", "shift:\u0663", f"{SHIFT} 'shift:\u0663'"),
        (
            "transform",
            "repeat:1001",
            "--transform repeat:N needs a whole number N from 1 to 1000, but is 'repeat:1001'",
        ),
        ("symbols", "fixed", "--symbols must be uniform or zipf[:S], but is 'fixed'"),
        ("symbols", "zipf:", f"{ZIPF} 'zipf:'"),
        ("symbols", "zipf:nan", f"{ZIPF} 'zipf:nan'"),
        ("symbols", "zipf:1e1", f"{ZIPF} 'zipf:1e1'"),
        ("symbols", "zipf:10.5", f"{ZIPF} 'zipf:10.5'"),
    ],
)
def test_a_bad_value_is_one_line(option: str, value: str, message: str) -> None:
    assert message_of(parse_choice, option, value, TRANSFORMS if option == "transform" else SYMBOLS) == message
