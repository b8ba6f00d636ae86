"""What a copy dataset is: its splits, its parameters and the bounds they must keep."""

from dataclasses import dataclass
from typing import Final

from data_gen.errors import UserError

SPLITS: Final = ("train", "valid", "test")
"""The splits in the order in which they are written; a split's place here also seeds its own random stream."""

SOURCE_LANGUAGE: Final = "src"
TARGET_LANGUAGE: Final = "tgt"

MAX_SYMBOLS: Final = 1_000_000
MAX_LENGTH: Final = 100_000
MAX_TRAIN: Final = 1_000_000_000
MAX_HELD_OUT: Final = 10_000_000
MAX_SEED: Final = 2**63 - 1


@dataclass(frozen=True, kw_only=True)
class CopySpec:
    """A copy dataset: the target of each sequence is the sequence itself. The defaults are the reference set-up.

    The same specification always gives the same bytes.

    :param num_symbols: how many different symbols there are, drawn uniformly.
    :param min_len: symbols in the shortest sequence, end of sequence not counted.
    :param max_len: symbols in the longest sequence; lengths are drawn uniformly from ``min_len`` to ``max_len``.
    :param train: sequences in the training split.
    :param valid: sequences in the validation split.
    :param test: sequences in the test split.
    :param seed: the seed of every random stream.
    :raises UserError: if a value is out of bounds; the message names the option, the value and the bounds.
    """

    num_symbols: int = 8
    min_len: int = 3
    max_len: int = 7
    train: int = 2_000
    valid: int = 200
    test: int = 200
    seed: int = 1

    def __post_init__(self) -> None:
        _check_bounds("num-symbols", self.num_symbols, 1, MAX_SYMBOLS)
        _check_bounds("min-len", self.min_len, 1, MAX_LENGTH)
        _check_bounds("max-len", self.max_len, 1, MAX_LENGTH)
        _check_bounds("train", self.train, 1, MAX_TRAIN)
        _check_bounds("valid", self.valid, 1, MAX_HELD_OUT)
        _check_bounds("test", self.test, 1, MAX_HELD_OUT)
        _check_bounds("seed", self.seed, 0, MAX_SEED)
        if self.max_len < self.min_len:
            raise UserError(f"--max-len must be at least --min-len ({self.min_len}), but is {self.max_len}")

    def sequences(self, split: str) -> int:
        """Sequences in ``split``, which is one of :data:`SPLITS`."""
        return {"train": self.train, "valid": self.valid, "test": self.test}[split]

    @property
    def all_sequences(self) -> int:
        """Sequences in all the splits together."""
        return self.train + self.valid + self.test


def _check_bounds(option: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise UserError(f"--{option} must be from {low} to {high}, but is {value}")
