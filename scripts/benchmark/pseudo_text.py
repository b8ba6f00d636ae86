"""Sentences of invented words, so that encoding text can be measured where there is none.

Words are two to four random syllables. The word of rank r comes with a probability of about 1 / r (Zipf's law), as in
any language; sentences have 5 to 25 words. Same seed, same text.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

WORDS = 20_000
SHORTEST, LONGEST = 5, 25
LATIN = [f"{first}{vowel}{last}" for first in "bdfgklmnprst" for vowel in "aeiou" for last in ("", "n", "r", "s")]
HANGUL = [chr(0xAC00 + 28 * number) for number in range(240)]


def sentences(syllables: list[str], lines: int, seed: int) -> Iterator[str]:
    """Invent ``lines`` sentences."""
    words = invent_words(syllables, seed)
    lengths = SHORTEST + _draw(lines, seed, 1) % np.uint64(LONGEST - SHORTEST + 1)
    uniform = _draw(int(lengths.sum()), seed, 2) / 2.0**64  # in [0, 1)
    ranks = np.minimum(WORDS**uniform, WORDS).astype(np.int64) - 1
    ends = np.cumsum(lengths.astype(np.int64))
    for start, end in zip((ends - lengths.astype(np.int64)).tolist(), ends.tolist(), strict=True):
        yield " ".join(words[rank] for rank in ranks[start:end].tolist()) + "."


def invent_words(syllables: list[str], seed: int) -> list[str]:
    """Invent a vocabulary, the most frequent word first; some words come twice."""
    draws = _draw(5 * WORDS, seed, 0).reshape(WORDS, 5)
    sizes = (2 + draws[:, 0] % np.uint64(3)).tolist()
    choices = (draws[:, 1:] % np.uint64(len(syllables))).tolist()
    return ["".join(syllables[choice] for choice in row[:size]) for size, row in zip(sizes, choices, strict=True)]


def _draw(count: int, seed: int, stream: int) -> npt.NDArray[np.uint64]:
    generator = np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(stream,)))
    return np.asarray(generator.random_raw(count), dtype=np.uint64)
