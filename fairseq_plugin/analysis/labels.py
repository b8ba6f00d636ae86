"""Tokens as a person sees them: in pictures, in the viewer, in lines SRC, TRG and PRED. Files keep tokens as they are.

What cannot be seen, or turns the text around it, is shown as its code: control characters, white space, soft hyphens,
zero-width spaces, marks of direction. U+200C and U+200D are part of the spelling of Persian, of Indic scripts and of
emoji: they stay where they stand inside a token. A combining mark without its letter gets a dotted circle.
"""

import re
import unicodedata
from typing import Final

EMPTY: Final = "∅"  # a token without any character
CIRCLE: Final = "◌"  # carries a combining mark that has no letter
ZWJ: Final = "\u200d"
JOINERS: Final = "\u200c" + ZWJ
HIDDEN: Final = ("Cc", "Cf", "Cs", "Zl", "Zp", "Zs")
# Number signs of Arabic, Syriac and Kaithi are of category Cf, but can be seen.
SEEN: Final = " \u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"
# Letters, marks and a symbol that are drawn as nothing: fillers of Hangul, vowels of Khmer, the empty Braille cell.
BLANK: Final = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"

WIDEST: Final = 32  # columns of a label in a picture; a Chinese character takes two
LETTER: Final = 8  # characters that one letter with its marks has at most, as far as cutting goes
PARTS: Final = re.compile(r"\\(?:x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8}|[nrt])|.")


def label(token: str) -> str:
    """The whole token, with codes for what cannot be seen: ``\\n``, ``\\xa0``, ``\\u200b``."""
    if not token:
        return EMPTY
    text = re.sub(r"\A +| +\Z", lambda spaces: r"\x20" * len(spaces[0]), visible(token))
    return CIRCLE + text if _is_mark(text[0]) else text


def visible(text: str) -> str:
    """Any text, with codes for what cannot be seen other than spaces."""
    last = len(text) - 1
    return "".join(
        character if _is_seen(character) or (character in JOINERS and 0 < position < last) else _code(character)
        for position, character in enumerate(text)
    )


def shortened(text: str) -> str:
    """A label whose middle gives way to an ellipsis, if it is longer than 32 columns."""
    parts: list[str] = []
    for part in PARTS.findall(text):
        joined = part in JOINERS or _is_mark(part[0]) or (parts and parts[-1][-1] == ZWJ)
        if joined and parts and len(parts[-1]) < LETTER:
            parts[-1] += part
        else:
            parts.append(part)
    widths = [_width(part) for part in parts]
    if sum(widths) <= WIDEST:
        return text
    head = tail = 0  # parts that are kept
    left = WIDEST - 1
    while True:
        index = head if head <= tail else -1 - tail
        left -= widths[index]
        if left < 0:
            return "".join([*parts[:head], "…", *parts[len(parts) - tail :]])
        head, tail = head + (index >= 0), tail + (index < 0)


def _is_seen(character: str) -> bool:
    if character in SEEN:
        return True
    code = ord(character)
    noncharacter = code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF  # which an .svg cannot hold
    return not (noncharacter or character in BLANK or unicodedata.category(character) in HIDDEN)


def _code(character: str) -> str:
    return character.encode("unicode_escape").decode()


def _is_mark(character: str) -> bool:
    return unicodedata.category(character).startswith("M")


def _width(text: str) -> int:
    """Columns; marks count as well, for without a font they are boxes."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)
