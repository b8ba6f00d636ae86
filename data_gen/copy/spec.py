"""What a dataset of the copy family is: its splits, its parameters and the bounds they must keep.

An option may be a word, or a word with a number: ``reverse``, ``shift:3``, ``zipf``, ``zipf:1.5``.

The presets are benchmarks that people know, as frozen specifications. ``reference`` is ours: the set-up that the README
trains.

``t2t-40`` is ``algorithmic_identity_decimal40`` of tensor2tensor (``data_generators/algorithmic.py``, as of 2018).
Theirs: 10 symbols, uniform; lengths uniform from 1 to 40; 100,000 sequences to train on, 10,000 held out; held-out
lengths up to 400. Ours: a held-out set at the lengths of train, for validation and for testing, and longer ones of one
length each (theirs are uniform from 1 to 400); the seed.

``jelassi`` is the copy task of Jelassi, Brandfonbrener, Kakade and Malach, "Repeat After Me" (arXiv 2402.01032;
``synthetic_exps`` of their repository ``transformers_ssm_copy``). Theirs: 26 letters (``launch.py``), uniform; lengths
uniform from 8 to 50 in training, tests from 40 to 200 (the defaults of ``main.py``). Ours: how many sequences there
are (they draw new ones at every step), the lengths of the test sets between 40 and 200, the seed. They pack several
strings into one context; here each is a sequence of its own.

``joeynmt-reverse`` is the reversal task of JoeyNMT (``scripts/generate_reverse_task.py``). Theirs: 50 symbols, uniform;
lengths uniform from 1 to 25; 50,000 sequences to train on, 1,000 to validate and 1,000 to test on; held-out lengths up
to 30; the seed 42 (of another generator, so that the sequences differ). Ours: held-out sets at the lengths of train
and a test set of length 30 (theirs are uniform from 1 to 30); names of symbols (theirs are 0 to 49).
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from data_gen.errors import UserError


@dataclass(frozen=True)
class Number:
    """The number that may follow a word.

    :param letter: how the help calls it.
    :param low: the smallest that is allowed.
    :param high: the largest that is allowed.
    :param default: what the word alone means; None if it needs a number.
    :param whole: whether only whole numbers are allowed.
    """

    letter: str
    low: float
    high: float
    default: float | None = None
    whole: bool = False


@dataclass(frozen=True)
class Choice:
    """A value read.

    :param name: the word.
    :param number: the number after it, or its default; 0 for a word that takes none.
    """

    name: str
    number: float = 0


Words = Mapping[str, Number | None]
"""What an option accepts: for each word the number that goes with it."""


def usage(words: Words) -> list[str]:
    """How each value is written: ``["copy", "shift:K", "zipf[:S]"]``."""
    return [name + _suffix(number) for name, number in words.items()]


def parse_choice(option: str, value: str, words: Words) -> Choice:
    """Read ``value``.

    :param option: the option's name without dashes, for the message.
    :raises UserError: if it is none of ``words``, or if its number is wrong.
    """
    name, colon, digits = value.partition(":")
    number = words.get(name)
    if name not in words or (colon and number is None):
        *others, last = usage(words)
        raise UserError(f"--{option} must be {', '.join(others)} or {last}, but is {value!r}")
    if number is None:
        return Choice(name)
    if not colon and number.default is not None:
        return Choice(name, number.default)
    amount = _read(digits, number)
    if amount is None:
        kind = "a whole number" if number.whole else "a number"
        raise UserError(
            f"--{option} {name}:{number.letter} needs {kind} {number.letter} from {number.low:.0f} to "
            f"{number.high:.0f}, but is {value!r}"
        )
    return Choice(name, amount)


def _suffix(number: Number | None) -> str:
    if number is None:
        return ""
    return f":{number.letter}" if number.default is None else f"[:{number.letter}]"


def _read(digits: str, number: Number) -> float | None:
    """Read the number after a word. :returns: the number, or None if it is none or out of bounds."""
    pattern = r"[0-9]{1,9}" if number.whole else r"[0-9]{1,9}(\.[0-9]{1,15})?"
    if not re.fullmatch(pattern, digits, flags=re.ASCII):
        return None
    amount = int(digits) if number.whole else float(digits)
    return amount if number.low <= amount <= number.high and math.isfinite(amount) else None


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
        see :mod:`data_gen.copy.sample`.
    :param lengths: how lengths are drawn from ``min_len`` to ``max_len``: ``uniform``, ``fixed`` (all ``max_len``),
        ``zipf`` or ``zipf:S`` (shortest most likely).
    :param symbols: how symbols are drawn: ``uniform``, ``zipf`` or ``zipf:S`` (``a`` most likely).
    :param unique: no symbol twice in a sequence.
    :param no_overlap: no sequence of another split occurs in train.
    :param test_lengths: one more split for each length: test1, test2, ... All its sequences have that length.
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
        """Read ``transform``. :raises UserError: if ``transform`` is not one of :data:`TRANSFORMS`."""
        return parse_choice("transform", self.transform, TRANSFORMS)

    @property
    def length_choice(self) -> Choice:
        """Read ``lengths``. :raises UserError: if ``lengths`` is not one of :data:`LENGTHS`."""
        return parse_choice("lengths", self.lengths, LENGTHS)

    @property
    def symbol_choice(self) -> Choice:
        """Read ``symbols``. :raises UserError: if ``symbols`` is not one of :data:`SYMBOLS`."""
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
        """Look a split up. :returns: the split called ``name``, which must be one of ours."""
        return next(split for split in self.splits if split.name == name)

    @property
    def all_sequences(self) -> int:
        """Sequences in all the splits together."""
        return sum(split.sequences for split in self.splits)


def _check_bounds(option: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise UserError(f"--{option} must be from {low} to {high}, but is {value}")


DEFAULT: Final = "reference"

PRESETS: Final[Mapping[str, CopySpec]] = MappingProxyType(
    {
        DEFAULT: CopySpec(num_symbols=8, min_len=3, max_len=7, train=2_000, valid=200, test=200, seed=1),
        "t2t-40": CopySpec(
            num_symbols=10,
            min_len=1,
            max_len=40,
            train=100_000,
            valid=10_000,
            test=10_000,
            seed=1,
            test_lengths=(50, 100, 200, 400),
        ),
        "jelassi": CopySpec(
            num_symbols=26,
            min_len=8,
            max_len=50,
            train=100_000,
            valid=1_000,
            test=1_000,
            seed=1,
            test_lengths=(40, 60, 80, 100, 150, 200),
        ),
        "joeynmt-reverse": CopySpec(
            num_symbols=50,
            min_len=1,
            max_len=25,
            train=50_000,
            valid=1_000,
            test=1_000,
            seed=42,
            transform="reverse",
            test_lengths=(30,),
        ),
    }
)


def find_preset(name: str) -> CopySpec:
    """Look a preset up. :raises UserError: if there is none of that name."""
    if name not in PRESETS:
        *others, last = PRESETS
        raise UserError(f"--preset must be {', '.join(others)} or {last}, but is {name!r}")
    return PRESETS[name]
