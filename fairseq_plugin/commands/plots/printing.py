"""Lines that plot_attention.py prints: the sentence, the path of the picture, warnings."""

import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from fairseq_plugin.analysis.labels import label
from fairseq_plugin.analysis.pictures.fonts import MissingGlyphWarning, RightToLeftWarning
from fairseq_plugin.analysis.pictures.panel import ThinnedWarning
from fairseq_plugin.analysis.records import AttentionRecord, without_end
from fairseq_plugin.commands import program_name

NAME = program_name("plot_attention")
OF_PICTURES = (MissingGlyphWarning, RightToLeftWarning, ThinnedWarning)


@contextmanager
def warnings_printed(program: str = NAME) -> Iterator[None]:
    """What a picture cannot show as it should is told in a line, once; other warnings are dropped."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        for category in OF_PICTURES:
            warnings.simplefilter("always", category)
        yield
    for message in dict.fromkeys(str(warning.message) for warning in caught):
        print(f"{program}: warning: {message}", file=sys.stderr)


def sentence_lines(record: AttentionRecord) -> list[str]:
    """Source, reference and hypothesis one under the other, without the end symbol."""
    rows = [("SRC", record.source), ("TRG", record.reference), ("PRED", record.target)]
    return [f"{name:<4} {' '.join(map(label, without_end(tokens)))}" for name, tokens in rows if tokens is not None]


def print_lines(lines: Iterable[str]) -> None:
    """Print lines, with escapes for what the terminal's encoding cannot show."""
    for line in lines:
        print(printable(line))


def printable(line: str) -> str:
    """The line with escapes for what the terminal's encoding cannot show."""
    encoding = sys.stdout.encoding or "utf-8"
    return line.encode(encoding, "backslashreplace").decode(encoding)
