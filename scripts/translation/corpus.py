"""The sentences of a corpus: files such as ``train.ko`` and ``train.en``, one sentence a line."""

from pathlib import Path

from data_gen.errors import UserError, failure_from_os_error
from scripts.translation.recipe import PARTS, SOURCE, TARGET

Corpus = dict[str, dict[str, list[str]]]
"""Part -> language -> sentences; the same line of both languages is a pair."""


def read_corpus(folder: Path) -> Corpus:
    """All parts in both languages.

    :raises UserError: a file is missing or is not text, or a part has more lines in one language.
    """
    corpus = {
        part: {language: read_sentences(folder / f"{part}.{language}") for language in (SOURCE, TARGET)}
        for part in PARTS
    }
    for part, sides in corpus.items():
        source, target = (len(sentences) for sentences in sides.values())
        if source != target:
            raise UserError(
                f"'{folder / part}.{SOURCE}' has {source} lines, but .{TARGET} has {target}: make them the same"
            )
    return corpus


def read_sentences(path: Path) -> list[str]:
    r"""Lines of a file. As for data_gen, a line ends at ``\n`` and nowhere else, and one ``\r`` before it is no part.

    :raises UserError: there is no such file of UTF-8 text.
    """
    try:
        lines = path.read_bytes().removesuffix(b"\n").split(b"\n")
        return [line.removesuffix(b"\r").decode() for line in lines]
    except OSError as error:
        raise failure_from_os_error("read", error) from None
    except UnicodeDecodeError:
        raise UserError(f"cannot read {str(path)!r}: it is not UTF-8 text") from None


def sources_seen(corpus: Corpus) -> int:
    """How many test sources stand in the training part as well, letter for letter."""
    trained = set(corpus["train"][SOURCE])
    return sum(sentence in trained for sentence in corpus["test"][SOURCE])
