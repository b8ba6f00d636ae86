"""Dictionary order, filling and unknown symbols, worked out by hand."""

import numpy as np

from data_gen.copy.binarize import build_vocabulary, symbol_names


def test_names_are_letters_then_numbered() -> None:
    assert symbol_names(3) == ["a", "b", "c"]
    assert symbol_names(26)[-1] == "z"
    assert symbol_names(29)[24:] == ["y", "z", "s0", "s1", "s2"]


def test_names_never_repeat() -> None:
    assert len(set(symbol_names(5_000))) == 5_000


def test_order_is_by_falling_count_then_by_name() -> None:
    vocabulary = build_vocabulary(["s", "s2", "s10", "b"], np.array([4, 6, 6, 9]))
    assert vocabulary.text() == "b 9\ns10 6\ns2 6\ns 4\n"
    assert vocabulary.ids.tolist() == [7, 6, 5, 4]
    assert vocabulary.size == 8


def test_a_symbol_that_never_occurs_is_unknown_and_the_size_is_a_multiple_of_eight() -> None:
    vocabulary = build_vocabulary(["a", "b", "c"], np.array([2, 0, 4]))
    assert vocabulary.text() == "c 4\na 2\nmadeupword0000 0\nmadeupword0001 0\n"
    assert vocabulary.ids.tolist() == [5, 3, 4]
    assert vocabulary.size == 8
