"""The choice of lines to train on."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from data_gen.text.corpus import choose_lines


@given(lines=st.lists(st.text(max_size=3), max_size=30), size=st.integers(1, 40), seed=st.integers(0, 2**32 - 1))
def test_lines_keep_their_order_and_come_once(lines: list[str], size: int, seed: int) -> None:
    numbered = [f"{place} {line}" for place, line in enumerate(lines)]
    chosen = choose_lines(iter(numbered), size, seed)
    assert len(chosen) == min(size, len(lines))
    assert chosen == [line for line in numbered if line in chosen]
    assert chosen == choose_lines(numbered, size, seed)


def test_every_line_is_as_likely_as_any_other() -> None:
    lines = [str(place) for place in range(10)]
    often = Counter(line for seed in range(2_000) for line in choose_lines(lines, 3, seed))
    assert all(abs(often[line] - 600) < 5 * (2_000 * 0.3 * 0.7) ** 0.5 for line in lines)


def test_a_seed_means_the_same_choice_for_ever() -> None:
    assert choose_lines([str(place) for place in range(10_000)], 4, seed=1) == ["1329", "5678", "6264", "9181"]
