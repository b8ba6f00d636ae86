"""A map over several threads gives what a plain one gives."""

import threading
from collections.abc import Iterator

import pytest

from data_gen.parallel import available_cores, ordered_map


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("items", [0, 1, 3, 40])
def test_results_come_in_order(threads: int, items: int) -> None:
    assert list(ordered_map(lambda item: item * item, range(items), threads)) == [item * item for item in range(items)]


@pytest.mark.parametrize("threads", [1, 3])
def test_items_are_taken_as_they_are_needed(threads: int) -> None:
    taken = 0

    def items() -> Iterator[int]:
        nonlocal taken
        while True:
            taken += 1
            yield taken

    results = ordered_map(lambda item: item, items(), threads)
    for count in range(1, 50):
        assert next(results) == count
        assert taken <= count + threads
    results.close()


def test_they_run_at_once() -> None:
    barrier = threading.Barrier(3, timeout=30)
    assert sorted(ordered_map(lambda item: barrier.wait(), range(3), 3)) == [0, 1, 2]


@pytest.mark.parametrize("threads", [1, 3])
def test_an_error_comes_through(threads: int) -> None:
    results = ordered_map(lambda item: 1 // item, (1, 0, 1), threads)
    assert next(results) == 1
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_there_is_a_core() -> None:
    assert available_cores() >= 1
