r"""Lines of text files: read in step on both sides, checked, and chosen at random to train sentencepiece on.

A line ends at ``\n`` and nowhere else. So line numbers are those of ``wc -l`` and of editors. One ``\r`` before it is
taken off. Other characters that Unicode calls line ends are part of the line. A file whose lines end in ``\r`` alone is
refused.

sentencepiece's own random choice of lines cannot be seeded: 0.2.3 makes another choice in each process, whatever
``set_random_generator_seed`` was given. So the choice is made here. Every line draws a number, and the lines with the
smallest numbers are taken: one pass, with no more lines in memory than are taken.
"""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np

from data_gen.errors import UserError, failure_from_os_error, listed

BATCH_LINES: Final = 8_192
BATCH_BYTES: Final = 1 << 20
KEPT_LINES: Final = 100_000

EMPTY: Final = "empty"
BLANK: Final = "white space only"
INVALID: Final = "invalid UTF-8"
VANISHED: Final = "nothing left after normalisation"


@dataclass
class LineNumbers:
    """Numbers of lines, from 1: how many there are, and the first ``KEPT_LINES`` of them."""

    count: int = 0
    first: list[int] = field(default_factory=list)

    def add(self, number: int) -> None:
        """Count a line."""
        self.count += 1
        if len(self.first) < KEPT_LINES:
            self.first.append(number)

    def __str__(self) -> str:
        return f"line{'s' * (self.count != 1)} {listed(self.first, self.count)}"


Faults = dict[str, LineNumbers]
"""Bad lines of one file, by what is wrong with them."""


def add_fault(faults: Faults, kind: str, number: int) -> None:
    """Count a bad line."""
    faults.setdefault(kind, LineNumbers()).add(number)


@dataclass(frozen=True)
class Batch:
    """Lines that follow one another, with their line ends; the same lines on both sides.

    :param first: number of the first line, from 1.
    :param source: lines as they are in the file.
    :param target: the same; None in a copy dataset.
    """

    first: int
    source: list[bytes]
    target: list[bytes] | None

    @property
    def size(self) -> int:
        """Bytes on both sides."""
        return sum(map(len, self.source)) + sum(map(len, self.target or ()))


def read_batches(source: Path, target: Path | None) -> Iterator[Batch]:
    """Read two files in step.

    :raises UserError: if a file cannot be read, or if one has more lines than the other.
    """
    first = 1
    if target is None:
        for lines in _read(source):
            yield Batch(first, lines, None)
            first += len(lines)
        return
    others = _lines(target)
    for lines in _read(source):
        same = list(islice(others, len(lines)))
        if len(same) != len(lines):
            break
        yield Batch(first, lines, same)
        first += len(lines)
    else:
        if next(others, None) is None:
            return
    counts = [sum(1 for _ in _lines(path)) for path in (source, target)]
    raise UserError(
        f"number of lines: '{source}' has {counts[0]}, but '{target}' has {counts[1]}: each line must be the "
        "translation of the line with its number"
    )


def decode_lines(raw: Sequence[bytes]) -> tuple[list[str], dict[int, str]]:
    """Turn lines into text.

    :returns: the lines without their ends, and what is wrong with bad ones, by their index.
    """
    faults: dict[int, str] = {}
    try:  # all at once: line by line, this would take as long as the rest of the work that Python does
        text = b"".join(raw).decode("utf-8").removesuffix("\n")
        lines = text.split("\n") if raw else []
    except UnicodeDecodeError:
        lines = []
        for index, content in enumerate(raw):
            try:
                lines.append(content.removesuffix(b"\n").decode("utf-8"))
            except UnicodeDecodeError:
                faults[index] = INVALID
                lines.append("")
    if any("\r" in line for line in lines):
        lines = [line.removesuffix("\r") for line in lines]
    for index, line in enumerate(lines):
        if not line or line.isspace():
            faults.setdefault(index, BLANK if line else EMPTY)
    return lines, dict(sorted(faults.items()))


def lines_of(stream: BinaryIO) -> Iterator[bytes]:
    r"""Lines of an open file, with their ends.

    :raises UserError: if its only line has ``\r`` inside: so programs of old ended lines.
    """
    start = list(islice(stream, 2))
    if len(start) == 1 and b"\r" in start[0].rstrip(b"\r\n"):
        raise UserError(r"its lines end in CR alone, not in LF: write it again with `tr '\r' '\n' < OLD > NEW`")
    return chain(start, stream)


def require_file(path: Path, option: str) -> None:
    """Check that a file exists. :raises UserError: if there is no such file, naming the option that asked for it."""
    try:
        found = path.exists()
    except OSError as error:  # a name that is too long, a folder that may not be searched
        raise failure_from_os_error("read", OSError(error.errno, error.strerror, str(path))) from error
    if not found and path.with_suffix("").is_file():
        raise UserError(f"no file '{path}', which {option} asks for: leave out the ending {path.suffix!r} of the name")
    if not found:
        raise UserError(f"no file '{path}', which {option} asks for: check the path and the language")
    if path.is_dir():
        raise UserError(f"'{path}' is a folder: {option} must name text files, without their endings")


def _read(path: Path) -> Iterator[list[bytes]]:
    """Lines in batches: each ends when it has enough lines or bytes."""
    batch: list[bytes] = []
    size = 0
    for line in _lines(path):
        batch.append(line)
        size += len(line)
        if len(batch) == BATCH_LINES or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with open(path, "rb") as stream:
            yield from lines_of(stream)
    except UserError as error:
        raise UserError(f"'{path}': {error}") from None
    except OSError as error:
        reason = OSError(error.errno, error.strerror or str(error), str(path))
        raise failure_from_os_error("read", reason) from error


_NUMBERS_AT_A_TIME = 4_096


def choose_lines(lines: Iterable[str], size: int, seed: int) -> list[str]:
    """Choose ``size`` lines, each set of lines as likely as any other.

    :returns: them in their order; all lines if there are no more.
    """
    taken: list[tuple[int, int, str]] = []  # a heap with the largest number on top: (-number, index, line)
    for number, (index, line) in zip(_random_numbers(seed), enumerate(lines), strict=False):
        if len(taken) < size:
            heapq.heappush(taken, (-number, index, line))
        elif taken and number < -taken[0][0]:
            heapq.heapreplace(taken, (-number, index, line))
    return [line for _, _, line in sorted(taken, key=lambda item: item[1])]


def _random_numbers(seed: int) -> Iterator[int]:
    generator = np.random.PCG64(np.random.SeedSequence(seed))
    while True:
        yield from generator.random_raw(_NUMBERS_AT_A_TIME).tolist()
