"""Tokens as a person sees them: codes for what cannot be seen, and long labels without their middle."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairseq_plugin.analysis.labels import WIDEST, label, shortened

EMOJI = "👩‍👧"  # with a joiner


@pytest.mark.parametrize(
    "token",
    [
        "</s>",
        "$x$",
        "a_b",
        "\\frac",
        "<b>&",
        "▁é",
        "한",
        EMOJI,
        "a b",
        "e\u0301",
        "❤\ufe0f",
        "می\u200cشد",
        "क्\u200dष",
        "\u06dd٣",
        "\U0010f123",
    ],
)
def test_what_can_be_seen_is_shown_as_it_is(token):
    assert label(token) == token


@pytest.mark.parametrize(
    ("token", "shown"),
    [
        ("a\nb\t\r\0\x7f", r"a\nb\t\r\x00\x7f"),
        ("\u2028\u2029\ud800", r"\u2028\u2029\ud800"),
        ("a\u200bb", r"a\u200bb"),
        ("10\xa0000\u202f\u2003\u3000", r"10\xa0000\u202f\u2003\u3000"),
        ("\u202eabc\u202c", r"\u202eabc\u202c"),
        ("\u2066\u2067\u2068\u2069\u200e\u200f\u061c", r"\u2066\u2067\u2068\u2069\u200e\u200f\u061c"),
        ("sof\xadt", r"sof\xadt"),
        ("\ufeffa\u2060", r"\ufeffa\u2060"),
        ("\U000e0001\ufffe\U0001ffff\ufdd0", r"\U000e0001\ufffe\U0001ffff\ufdd0"),
        ("\u3164a\u115f\uffa0\u2800", r"\u3164a\u115f\uffa0\u2800"),
        ("\u200c", r"\u200c"),
        ("\u200da\u200c", r"\u200da\u200c"),
        ("", "∅"),
        (" ", r"\x20"),
        ("  a b ", r"\x20\x20a b\x20"),
        ("\u0301", "◌\u0301"),
        ("\u093fक", "◌\u093fक"),
    ],
)
def test_what_cannot_be_seen_is_shown_as_its_code(token, shown):
    assert label(token) == shown


@given(st.text(st.characters(), max_size=5))
def test_a_label_holds_nothing_that_hides_or_turns_text(token):
    shown = label(token)
    assert shown.strip(" ") == shown != ""
    assert not {"\u200b", "\u202e", "\xa0", "\n", "\u2028", "\ufeff"} & set(shown)
    assert shown[0] not in "\u200c\u200d"
    assert not unicodedata.category(shown[0]).startswith("M")
    assert label(shown) == shown


def test_a_label_of_32_columns_is_whole_and_a_longer_one_loses_its_middle():
    assert shortened("") == ""
    assert shortened("a" * 32) == "a" * 32
    assert shortened("a" * 16 + "b" * 17) == "a" * 16 + "…" + "b" * 15
    assert shortened("漢" * 16) == "漢" * 16
    assert shortened("漢" * 8 + "字" * 9) == "漢" * 8 + "…" + "字" * 7


def test_codes_and_letters_with_their_marks_are_not_cut():
    assert shortened(r"\u200b" * 6) == r"\u200b" * 3 + "…" + r"\u200b" * 2
    assert shortened("e\u0301" * 20) == "e\u0301" * 8 + "…" + "e\u0301" * 7
    assert shortened(EMOJI * 20) == EMOJI * 3 + "…" + EMOJI * 3
    assert len(shortened("a" + "\u0301" * 200)) <= WIDEST


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200))
def test_a_shortened_label_has_the_start_and_the_end(token):
    text = label(token)
    short = shortened(text)
    assert len(short) <= WIDEST or short == text
    if short != text:
        ends = [(short[:cut], short[cut + 1 :]) for cut, character in enumerate(short) if character == "…"]
        assert any(text.startswith(head) and text.endswith(tail) for head, tail in ends)
