"""Subwords put together to words, in the tokens and in the attention.

With words w of the target and v of the source, pieces t and s:

    merged[w, v] = 1 / |w| * sum over t in w of (sum over s in v of weights[t, s])

so each row of a word sums to what its pieces' rows sum to on average: 1 stays 1. Special symbols stay words of their
own and end the word before them.

sentencepiece marks words at their beginning, or at their end (``treat_whitespace_as_suffix``): two schemes.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import islice

import numpy as np

from data_gen.errors import UserError
from fairseq_plugin.analysis.records import END, AttentionRecord

SPECIAL = frozenset({"<s>", "<pad>", END, "<unk>"})  # the symbols that a fairseq dictionary makes itself
SPACE = "\u2581"  # sentencepiece's mark of a word's beginning, or end
JOIN = "@@"  # subword-nmt's mark of a word that goes on
SUFFIX = "sentencepiece-suffix"
LOOKED_AT = 1000
"""The number of sentences of each side that show how data is cut."""


def merge(record: AttentionRecord, scheme: str) -> AttentionRecord:
    """A record of words from a record of subwords; its score, id and rank stay.

    A record of whole words keeps its weights. Do not merge a record twice with ``sentencepiece``: words have no marks
    left, and a word without a mark goes on with the word before.

    :param scheme: ``sentencepiece`` (a piece with ``▁`` begins a word), ``sentencepiece-suffix`` (it ends one),
        ``bpe`` (a piece with ``@@`` at its end goes on in the next) or ``none``.
    :raises UserError: if there is no such scheme.
    """
    check_scheme(scheme)
    if scheme == "none":
        return record
    begins, text = SCHEMES[scheme]
    target, source = _starts(record.target, begins), _starts(record.source, begins)
    reference = record.reference
    return replace(
        record,
        source=_words(record.source, source, text),
        target=_words(record.target, target, text),
        reference=None if reference is None else _words(reference, _starts(reference, begins), text),
        weights=merge_weights(record.weights, target, source),
    )


def check_scheme(scheme: str) -> None:
    """Check that :func:`merge` knows a scheme.

    :raises UserError: if it does not; the message lists the schemes that it knows.
    """
    if scheme not in SCHEMES:
        raise UserError(f"no way to merge subwords called {scheme!r}: choose one of {', '.join(SCHEMES)}")


def scheme_of(
    scheme: str, source: Iterable[Sequence[str]], target: Iterable[Sequence[str]], *, few: bool = False
) -> str:
    """The scheme that puts together what the data was cut into: ``sentencepiece`` stands for either way of marking.

    :param source: sentences of the source side; the first ``LOOKED_AT`` are looked at.
    :param target: the same of the target side; none if there are no references.
    :param few: whether these are a few sentences of the user, of which ``bpe`` may leave every word whole.
    :raises UserError: with ``sentencepiece``, for which a sentence without marks is one word, if fewer than half of the
        sentences of a side have one, or if the sides are marked in different ways; with ``bpe``, which leaves whole
        words alone, if fewer than one in a hundred sentences of both sides has one.
    """
    if scheme == "none" or (scheme == "bpe" and few):
        return scheme
    sides = {name: _looked_at(sentences) for name, sentences in (("source", source), ("target", target))}
    if scheme == "bpe":
        _require_marks(
            scheme, "ends in", JOIN, _goes_on, {"source and target": [*sides["source"], *sides["target"]]}, 0.01
        )
        return scheme
    _require_marks(scheme, "has", SPACE, lambda piece: SPACE in piece, sides, 0.5)
    ends = {name: _marks_ends(sentences) for name, sentences in sides.items() if sentences}
    if len(set(ends.values())) > 1:
        last, first = sorted(ends, key=ends.__getitem__, reverse=True)
        raise UserError(
            f"--merge {scheme}: {SPACE!r} ends words in the {last}, but begins them in the {first}: cut both in one "
            "way, or leave --merge out"
        )
    if scheme == SUFFIX and not any(ends.values()):
        raise UserError(f"--merge {scheme}: {SPACE!r} begins words in this data: use --merge sentencepiece")
    return SUFFIX if any(ends.values()) else "sentencepiece"


def _looked_at(sentences: Iterable[Sequence[str]]) -> list[list[str]]:
    """The pieces of the first sentences, special symbols and empty sentences left out."""
    pieces = ([token for token in sentence if token not in SPECIAL] for sentence in islice(sentences, LOOKED_AT))
    return [of_sentence for of_sentence in pieces if of_sentence]


def _require_marks(
    scheme: str,
    verb: str,
    mark: str,
    marked: Callable[[str], bool],
    sides: dict[str, list[list[str]]],
    share: float,
) -> None:
    for name, sentences in sides.items():
        count = sum(any(map(marked, sentence)) for sentence in sentences)
        if count < share * len(sentences):
            raise UserError(
                f"--merge {scheme}: a piece {verb} {mark!r} in {count} of {len(sentences)} {name} sentences, the data "
                "is not in such pieces: leave --merge out"
            )


def _marks_ends(sentences: list[list[str]]) -> bool:
    """Whether marks stand at the end of words.

    Marks within a piece tell nothing, nor do those that are a piece of their own, as in models of characters; there
    the end of the sentences tells, for sentencepiece puts a mark at one end of each.
    """
    letters = [piece for sentence in sentences for piece in sentence if piece.strip(SPACE)]
    begins, ends = sum(map(_begins_word, letters)), sum(map(_ends_word, letters))
    if begins == ends:
        begins, ends = (sum(SPACE in sentence[end] for sentence in sentences) for end in (0, -1))
    return ends > begins


def merge_weights(weights: np.ndarray, target: Sequence[int], source: Sequence[int]) -> np.ndarray:
    """Mean over the pieces of each target word of the sums over the pieces of each source word.

    :param weights: (T, S).
    :param target: the rows where words begin, from 0; empty only if T is 0.
    :param source: the columns where words begin, from 0; empty only if S is 0.
    :returns: float32 (target words, source words).
    """
    rows, columns = weights.shape
    if not (rows and columns):
        return np.zeros((len(target), len(source)), dtype=np.float32)
    sums = np.add.reduceat(weights.astype(np.float64), source, axis=1)  # (T, source words)
    sums = np.add.reduceat(sums, target, axis=0)  # (target words, source words)
    pieces = np.diff([*target, rows])  # (target words,)
    merged: np.ndarray = (sums / pieces[:, None]).astype(np.float32)
    return merged


def _starts(tokens: Sequence[str], begins: Callable[[str, str], bool]) -> list[int]:
    """The positions at which a word begins."""
    return [
        position
        for position, token in enumerate(tokens)
        if position == 0 or token in SPECIAL or tokens[position - 1] in SPECIAL or begins(tokens[position - 1], token)
    ]


def _words(tokens: Sequence[str], starts: Sequence[int], text: Callable[[Sequence[str]], str]) -> tuple[str, ...]:
    ends = [*starts[1:], len(tokens)]
    return tuple(text(tokens[start:end]) for start, end in zip(starts, ends, strict=bool(starts)))


def _sentencepiece_text(pieces: Sequence[str]) -> str:
    """``▁New ▁York`` without marks; a mark inside a piece is a space, a mark alone stays, to be seen."""
    joined = "".join(pieces)
    return joined.replace(SPACE, " ").strip(" ") or joined


def _begins_word(piece: str) -> bool:
    return piece.startswith(SPACE)


def _ends_word(piece: str) -> bool:
    return piece.endswith(SPACE)


def _goes_on(piece: str) -> bool:
    return piece.endswith(JOIN) and piece != JOIN  # a token that is nothing but the mark is the text "@@"


def _bpe_text(pieces: Sequence[str]) -> str:
    return "".join(piece.removesuffix(JOIN) if _goes_on(piece) else piece for piece in pieces)


# For each scheme: does a word begin between two neighbouring pieces, and what is the text of a word's pieces.
SCHEMES: dict[str, tuple[Callable[[str, str], bool], Callable[[Sequence[str]], str]]] = {
    "none": (lambda _before, _piece: True, "".join),
    "sentencepiece": (lambda _before, piece: _begins_word(piece), _sentencepiece_text),
    SUFFIX: (lambda before, _piece: _ends_word(before), _sentencepiece_text),
    "bpe": (lambda before, _piece: not _goes_on(before), _bpe_text),
}
