"""What a dataset of the copy family is: its splits, its parameters and the bounds they must keep."""

from dataclasses import dataclass
from typing import Final

from data_gen.copy.choice import Choice, Number, Words, parse_choice
from data_gen.errors import UserError

SPLITS: Final = ("train", "valid", "test")
"""The splits that every dataset has, in the order in which they are written."""

SOURCE_LANGUAGE: Final = "src"
TARGET_LANGUAGE: Final = "tgt"

MAX_SYMBOLS: Final = 1_000_000
MAX_LENGTH: Final = 100_000
MAX_TRAIN: Final = 1_000_000_000
MAX_HELD_OUT: Final = 10_000_000
MAX_SEED: Final = 2**63 - 1
MAX_TEST_LENGTHS: Final = 100

_EXPONENT: Final = Number("S", low=0, high=10, default=1)
TRANSFORMS: Final[Words] = {
    "copy": None,
    "reverse": None,
    "sort": None,
    "shift": Number("K", low=1, high=MAX_SYMBOLS, whole=True),
    "repeat": Number("N", low=1, high=1_000, whole=True),
    "duplicate": None,
}
LENGTHS: Final[Words] = {"uniform": None, "fixed": None, "zipf": _EXPONENT}
SYMBOLS: Final[Words] = {"uniform": None, "zipf": _EXPONENT}


@dataclass(frozen=True)
class Split:
    """One part of a dataset.

    :param name: the name that fairseq knows it by.
    :param number: its place among the splits, which seeds its random streams.
    :param sequences: how many it has.
    :param min_len: symbols in the shortest sequence that may be drawn.
    :param max_len: symbols in the longest one.
    """

    name: str
    number: int
    sequences: int
    min_len: int
    max_len: int


@dataclass(frozen=True, kw_only=True)
class CopySpec:
    """A dataset of the copy family: random sources, each with its transform as the target.

    The defaults are the reference set-up. The same specification always gives the same bytes.

    :param num_symbols: how many different symbols there are.
    :param min_len: symbols in the shortest sequence, end of sequence not counted; without effect if ``lengths`` is
        ``fixed``.
    :param max_len: symbols in the longest sequence.
    :param train: sequences in the training split.
    :param valid: sequences in the validation split.
    :param test: sequences in the test split, and in each of those for ``test_lengths``.
    :param seed: the seed of every random stream.
    :param transform: what the target is: ``copy``, ``reverse``, ``sort``, ``shift:K``, ``repeat:N``, ``duplicate``;
        see :mod:`data_gen.copy.transform`.
    :param lengths: how lengths are drawn from ``min_len`` to ``max_len``: ``uniform``, ``fixed`` (all ``max_len``),
        ``zipf`` or ``zipf:S`` (shortest most likely).
    :param symbols: how symbols are drawn: ``uniform``, ``zipf`` or ``zipf:S`` (``a`` most likely).
    :param unique: no symbol twice in a sequence.
    :param no_overlap: no sequence of another split occurs in train.
    :param test_lengths: one more split for each, test1, test2, ..., all of whose sequences have exactly that length.
    :raises UserError: if a value is out of bounds; the message names the option, the value and the bounds.
    """

    num_symbols: int = 8
    min_len: int = 3
    max_len: int = 7
    train: int = 2_000
    valid: int = 200
    test: int = 200
    seed: int = 1
    transform: str = "copy"
    lengths: str = "uniform"
    symbols: str = "uniform"
    unique: bool = False
    no_overlap: bool = False
    test_lengths: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        _check_bounds("num-symbols", self.num_symbols, 1, MAX_SYMBOLS)
        _check_bounds("min-len", self.min_len, 1, MAX_LENGTH)
        _check_bounds("max-len", self.max_len, 1, MAX_LENGTH)
        _check_bounds("train", self.train, 1, MAX_TRAIN)
        _check_bounds("valid", self.valid, 1, MAX_HELD_OUT)
        _check_bounds("test", self.test, 1, MAX_HELD_OUT)
        _check_bounds("seed", self.seed, 0, MAX_SEED)
        for length in self.test_lengths:
            _check_bounds("test-lengths", length, 1, MAX_LENGTH)
        if len(self.test_lengths) > MAX_TEST_LENGTHS:
            raise UserError(
                f"--test-lengths takes at most {MAX_TEST_LENGTHS} lengths, but has {len(self.test_lengths)}"
            )
        fixed = self.length_choice.name == "fixed"
        if self.max_len < self.min_len and not fixed:
            raise UserError(f"--max-len must be at least --min-len ({self.min_len}), but is {self.max_len}")
        self._check_combinations()

    def _check_combinations(self) -> None:
        symbols = self.symbol_choice.name
        if self.longest * self.growth > MAX_LENGTH:
            raise UserError(
                f"--transform {self.transform} makes targets of up to {self.longest * self.growth} symbols: "
                f"keep them to {MAX_LENGTH} by shorter sequences"
            )
        if self.unique and symbols != "uniform":
            raise UserError(f"--unique draws symbols uniformly, so it does not go with --symbols {self.symbols}")
        if self.unique and self.longest > self.num_symbols:
            raise UserError(
                f"--unique needs at least as many symbols as the longest sequence has ({self.longest}), "
                f"but --num-symbols is {self.num_symbols}"
            )

    @property
    def transform_choice(self) -> Choice:
        """:raises UserError: if ``transform`` is not one of :data:`TRANSFORMS`."""
        return parse_choice("transform", self.transform, TRANSFORMS)

    @property
    def length_choice(self) -> Choice:
        """:raises UserError: if ``lengths`` is not one of :data:`LENGTHS`."""
        return parse_choice("lengths", self.lengths, LENGTHS)

    @property
    def symbol_choice(self) -> Choice:
        """:raises UserError: if ``symbols`` is not one of :data:`SYMBOLS`."""
        return parse_choice("symbols", self.symbols, SYMBOLS)

    @property
    def growth(self) -> int:
        """Target symbols for each source symbol."""
        choice = self.transform_choice
        return {"repeat": int(choice.number), "duplicate": 2}.get(choice.name, 1)

    @property
    def longest(self) -> int:
        """Symbols in the longest source of any split."""
        return max(self.max_len, *self.test_lengths, 1)

    @property
    def splits(self) -> tuple[Split, ...]:
        """All splits in the order in which they are written: train, valid, test, test1, test2, ..."""
        min_len = self.max_len if self.length_choice.name == "fixed" else self.min_len
        sizes = (self.train, self.valid, self.test)
        ranges = [(name, size, min_len, self.max_len) for name, size in zip(SPLITS, sizes, strict=True)]
        ranges += [(f"test{n}", self.test, length, length) for n, length in enumerate(self.test_lengths, start=1)]
        return tuple(Split(name, number, size, low, high) for number, (name, size, low, high) in enumerate(ranges))

    def split(self, name: str) -> Split:
        """:returns: the split called ``name``, which must be one of ours."""
        return next(split for split in self.splits if split.name == name)

    @property
    def all_sequences(self) -> int:
        """Sequences in all the splits together."""
        return sum(split.sequences for split in self.splits)


def _check_bounds(option: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise UserError(f"--{option} must be from {low} to {high}, but is {value}")
