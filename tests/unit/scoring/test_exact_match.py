"""Exact match and token accuracy against counts made by hand."""

import pytest
from fairseq import scoring
from hypothesis import given
from hypothesis import strategies as st

from fairseq_plugin.scoring.exact_match import ExactMatchScorer, Matches, count_matches

COUNTS = {
    "equal": ("abc", "abc", Matches(1, 1, 4, 4)),
    "one wrong": ("abc", "axc", Matches(1, 0, 4, 3)),
    "shorter": ("abc", "ab", Matches(1, 0, 4, 2)),
    "longer": ("abc", "abcd", Matches(1, 0, 4, 3)),
    "shifted": ("abc", "bca", Matches(1, 0, 4, 1)),
    "no output": ("abc", "", Matches(1, 0, 4, 0)),
    "no reference": ("", "ab", Matches(1, 0, 1, 0)),
    "both empty": ("", "", Matches(1, 1, 1, 1)),
}


@pytest.mark.parametrize(("reference", "output", "expected"), COUNTS.values(), ids=COUNTS.keys())
def test_counts_by_hand(reference: str, output: str, expected: Matches) -> None:
    assert count_matches(reference, output) == expected


@given(st.lists(st.integers(0, 2), max_size=6), st.lists(st.integers(0, 2), max_size=6))
def test_an_exact_match_is_equality_and_all_tokens_right(reference: list[int], output: list[int]) -> None:
    matches = count_matches(reference, output)
    assert matches.exact == (reference == output) == (matches.correct == matches.tokens)
    assert 0 <= matches.correct <= matches.tokens == len(reference) + 1


def test_matches_add_up() -> None:
    total = sum((expected for _, _, expected in COUNTS.values()), Matches())
    assert total == Matches(sequences=8, exact=2, tokens=26, correct=14)
    assert total.exact_match == 0.25
    assert total.token_accuracy == 14 / 26


def test_nothing_counted_gives_zero() -> None:
    assert (Matches().exact_match, Matches().token_accuracy) == (0.0, 0.0)


def test_the_registered_scorer_and_its_line() -> None:
    scorer = scoring.build_scorer("exact_match", tgt_dict=None)
    assert type(scorer) is ExactMatchScorer
    assert scorer.result_string() == "exact match 0.0000, token accuracy 0.0000 (0 sequences, 0 tokens)"
    scorer.add_string("a b c", "a b c")
    scorer.add_string("s10 b", "s1 b")
    scorer.add_string("a", "a a")
    assert scorer.score() == 1 / 3
    assert scorer.result_string() == "exact match 0.3333, token accuracy 0.7778 (3 sequences, 9 tokens)"


def test_space_between_tokens_does_not_count() -> None:
    scorer = scoring.build_scorer("exact_match", tgt_dict=None)
    scorer.add_string("a  b", " a b\n")
    assert scorer.score() == 1.0
