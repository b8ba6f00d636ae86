"""Options whose value is a word, or a word with a number: ``reverse``, ``shift:3``, ``zipf``, ``zipf:1.5``."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

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
    """:returns: the number, or None if it is none or out of bounds."""
    pattern = r"[0-9]{1,9}" if number.whole else r"[0-9]{1,9}(\.[0-9]{1,15})?"
    if not re.fullmatch(pattern, digits, flags=re.ASCII):
        return None
    amount = int(digits) if number.whole else float(digits)
    return amount if number.low <= amount <= number.high and math.isfinite(amount) else None
