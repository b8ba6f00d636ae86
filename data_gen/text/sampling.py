"""A random choice of lines to train on, the same for the same seed.

sentencepiece's own choice cannot be seeded (0.2.3 makes another one in each process, whatever
``set_random_generator_seed`` was given), so ``input_sentence_size`` is dealt with here. Every line draws a number, and
the lines with the smallest numbers are taken: one pass, with no more lines in memory than are taken.
"""

import heapq
from collections.abc import Iterable, Iterator

import numpy as np

_NUMBERS_AT_A_TIME = 4_096


def choose_lines(lines: Iterable[str], size: int, seed: int) -> list[str]:
    """Choose ``size`` lines, each set of lines as likely as any other.

    :returns: them in their order; all lines if there are no more.
    """
    taken: list[tuple[int, int, str]] = []  # a heap with the largest number on top: (-number, place, line)
    for number, (place, line) in zip(_random_numbers(seed), enumerate(lines), strict=False):
        if len(taken) < size:
            heapq.heappush(taken, (-number, place, line))
        elif taken and number < -taken[0][0]:
            heapq.heapreplace(taken, (-number, place, line))
    return [line for _, _, line in sorted(taken, key=lambda item: item[1])]


def _random_numbers(seed: int) -> Iterator[int]:
    generator = np.random.PCG64(np.random.SeedSequence(seed))
    while True:
        yield from generator.random_raw(_NUMBERS_AT_A_TIME).tolist()
