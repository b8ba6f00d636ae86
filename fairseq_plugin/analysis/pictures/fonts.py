"""Fonts for text of any script: a chain of installed families in which matplotlib finds each character.

matplotlib draws a box for a character that none of the named families has, and names only DejaVu Sans by default,
which lacks Chinese, Japanese and Korean. :func:`choose` adds installed families until every character is covered, or
no installed font helps. From version 3.11 on, matplotlib joins the letters of Arabic and sets right-to-left text in
its order; before, it does neither. :func:`warn` tells of what cannot be drawn as it should be.
"""

import unicodedata
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import matplotlib
from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.text import Text

from data_gen.errors import listed
from fairseq_plugin.analysis.labels import SEEN

BASE = "DejaVu Sans"  # comes with matplotlib
# Families that come with matplotlib for other ends: boxes for anything, and mathematics under made-up codes.
NOT_FOR_TEXT = ("Last Resort", "STIXNonUnicode", "STIXSize", "cmex", "cmmi", "cmsy")
# The start of a character's Unicode name, and the Debian package with fonts for it that matplotlib can use.
PACKAGES = dict.fromkeys(("CJK", "HANGUL", "HIRAGANA", "KATAKANA", "HALFWIDTH", "FULLWIDTH"), "fonts-noto-cjk")

LAYS_OUT_TEXT = matplotlib.__version_info__ >= (3, 11)  # by libraqm: bidirectional, letters joined


class MissingGlyphWarning(UserWarning):
    """Some characters of a picture have no installed font and are drawn as boxes."""


class RightToLeftWarning(UserWarning):
    """Right-to-left text of a picture is drawn from left to right, letter by letter."""


@dataclass(frozen=True)
class FontChoice:
    """Families in the order in which matplotlib should try them, and the characters that none of them has."""

    families: tuple[str, ...]
    missing: tuple[str, ...]


def choose(texts: Iterable[str]) -> FontChoice:
    """Choose installed font families that together cover ``texts``, DejaVu Sans first and as few others as possible."""
    return _choose("".join(sorted(set().union(*texts))))


def missing_message(missing: Iterable[str]) -> str:
    """The line that tells a user which characters have no font and what to install."""
    characters = list(missing)
    packages = sorted({_package(character) for character in characters})
    return (
        f"no installed font has {listed(characters, between=' ')}: drawn as boxes; install one"
        f" (e.g. `apt-get install {' '.join(packages)}`), or write .svg, which the viewer's own fonts show"
    )


def characters_of(figure: Figure) -> set[str]:
    """All characters that a figure shows."""
    return set().union(*(text.get_text() for text in figure.findobj(Text)))


def warn(characters: set[str]) -> None:
    """Warn, in a line each, of what matplotlib cannot draw as it should be, whose own warnings are held back.

    Warns with :class:`MissingGlyphWarning` of characters that no installed font has, with :class:`RightToLeftWarning`
    of right-to-left text if this matplotlib does not lay it out.
    """
    missing = choose(characters).missing
    if missing:
        warnings.warn(missing_message(missing), MissingGlyphWarning, stacklevel=3)
    if not LAYS_OUT_TEXT and any(unicodedata.bidirectional(character) in ("R", "AL") for character in characters):
        warnings.warn(
            f"matplotlib {matplotlib.__version__} draws right-to-left text from left to right, letters not joined:"
            " install matplotlib 3.11 or later (Python 3.11 or later), or write .svg, which a browser sets right",
            RightToLeftWarning,
            stacklevel=3,
        )


@contextmanager
def without_glyph_warnings() -> Iterator[None]:
    """Hold back matplotlib's warnings about missing glyphs, one a character and drawing; all others pass."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph \d+ .*missing from")
        warnings.filterwarnings("ignore", message=r"Matplotlib currently does not support .* natively")
        yield


@lru_cache(maxsize=256)
def _choose(characters: str) -> FontChoice:
    missing = {character for character in characters if _is_drawn(character)}
    missing -= _covered(_installed()[BASE], missing)
    families = [BASE]
    coverage = {}
    if missing:
        _add_new_fonts()
        coverage = {family: _covered(entry, missing) for family, entry in _installed().items()}
    while missing and coverage:
        family = min(coverage, key=lambda name: (-len(coverage[name] & missing), *_preference(name)))
        if not coverage[family] & missing:
            break
        families.append(family)
        missing -= coverage[family]
    return FontChoice(tuple(families), tuple(sorted(missing)))


def _is_drawn(character: str) -> bool:
    """Whether a character needs a glyph: joiners, variation selectors and control characters do not."""
    hidden = character not in SEEN and unicodedata.category(character) in ("Cc", "Cf")
    return not (hidden or 0xFE00 <= ord(character) <= 0xFE0F)


def _preference(family: str) -> tuple[bool, bool, str]:
    """Among families that cover as much: Noto Sans, then other faces without serifs, then by name."""
    return not family.startswith("Noto Sans"), "Serif" in family or "Mono" in family, family


def _add_new_fonts() -> None:
    """Tell matplotlib of fonts installed since it cached its list: that cache is renewed only with a new matplotlib."""
    known = {Path(entry.fname) for entry in font_manager.fontManager.ttflist}
    for file in sorted(font_manager.findSystemFonts()):
        if Path(file) not in known:
            try:
                font_manager.fontManager.addfont(file)
            except (OSError, RuntimeError):  # not a font that matplotlib can use
                continue


def _installed() -> dict[str, font_manager.FontEntry]:
    """The regular face of each installed family that has letters."""
    faces: dict[str, font_manager.FontEntry] = {}
    for entry in font_manager.fontManager.ttflist:
        best = faces.get(entry.name)
        if not entry.name.startswith(NOT_FOR_TEXT) and (best is None or _distance(entry) < _distance(best)):
            faces[entry.name] = entry
    return faces


def _distance(entry: font_manager.FontEntry) -> tuple[bool, int]:
    """How far a face is from upright and of normal weight."""
    weight = entry.weight if isinstance(entry.weight, int) else font_manager.weight_dict.get(entry.weight, 400)
    return entry.style != "normal", abs(weight - 400)


def _covered(entry: font_manager.FontEntry, characters: Iterable[str]) -> set[str]:
    face = getattr(entry, "index", 0)  # of a collection; matplotlib before 3.11 knows the first face only
    try:
        font = font_manager.get_font(font_manager.FontPath(entry.fname, face) if face else entry.fname)
    except (OSError, RuntimeError):  # gone, or not a font that matplotlib can use
        return set()
    if not font.scalable:  # colour pictures, as in most emoji fonts
        return set()
    return {character for character in characters if font.get_char_index(ord(character))}


def _package(character: str) -> str:
    name = unicodedata.name(character, "")
    for start, package in PACKAGES.items():
        if name.startswith(start):
            return package
    return "fonts-symbola" if unicodedata.category(character) == "So" else "fonts-noto-core"
