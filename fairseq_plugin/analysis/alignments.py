"""Gold alignments: which source word stands for which target word, as people marked it.

One line a sentence, in the order of the corpus; on it links separated by spaces, each ``source-target``, positions
counted from 0 ("Pharaoh format", after the decoder that introduced it). An empty line is a sentence without links.
Annotators mark a link as sure or, where they hesitate, as possible (Och and Ney 2003,
https://aclanthology.org/J03-1002):

- ``i-j`` sure;
- ``ipj`` possible, as in lilt/alignment-scripts (``scripts/aer.py``), awesome-align and simalign;
- ``i?j`` possible, as in the alignment exercises of CMU 11-731 (clab/sp2016.11-731, ``hw1/README.md``).

Some gold files count from 1; ``first`` says so.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from data_gen.errors import UserError, failure_from_os_error
from data_gen.text.reading import lines_of

Link = tuple[int, int]  # source position, target position
LINK = re.compile(rb"([0-9]{1,9})([-p?])([0-9]{1,9})")
SURE = b"-"


@dataclass(frozen=True)
class GoldAlignment:
    """The links of one sentence, from 0.

    :param sure: links that nobody doubts.
    :param possible: all links, the sure ones among them, as Och and Ney define it.
    """

    sure: frozenset[Link]
    possible: frozenset[Link]


def read_gold(path: str | Path, *, first: int = 0) -> list[GoldAlignment]:
    """Read a file of gold alignments.

    :param first: the number of the first word in the file, 0 or 1.
    :returns: one alignment a line, positions counted from 0.
    :raises UserError: if the file cannot be read or holds something else; the message names the file and the line.
    """
    path = Path(path)
    try:
        with path.open("rb") as stream:
            lines = list(lines_of(stream))
    except FileNotFoundError:
        raise UserError(f"no gold alignments {str(path)!r}: give a file with a line of links i-j a sentence") from None
    except OSError as error:
        raise failure_from_os_error("read", OSError(error.errno, error.strerror or str(error), str(path))) from error
    except UserError as error:
        raise UserError(f"{str(path)!r}: {error}") from None
    alignments = []
    for number, line in enumerate(lines, 1):
        try:
            alignments.append(_parse(line, first))
        except UserError as error:
            raise UserError(f"{str(path)!r} line {number}: {error}") from None
    return alignments


def _parse(line: bytes, first: int) -> GoldAlignment:
    sure, possible = set(), set()
    for word in line.split():
        shown = word[:40].decode(errors="backslashreplace")
        match = LINK.fullmatch(word)
        if match is None:
            raise UserError(f"{shown!r} is no link: write i-j if it is sure, ipj or i?j if it is possible")
        link = (int(match[1]) - first, int(match[3]) - first)
        if min(link) < 0:
            raise UserError(f"link {shown!r} has a position 0, but positions were said to count from {first}")
        possible.add(link)
        if match[2] == SURE:
            sure.add(link)
    return GoldAlignment(frozenset(sure), frozenset(possible))
