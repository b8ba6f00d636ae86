"""Subwords put together to words, in the tokens and in the attention.

With words w of the target and v of the source, pieces t and s:

    merged[w, v] = 1 / |w| * sum over t in w of (sum over s in v of weights[t, s])

so each row of a word sums to what its pieces' rows sum to on average: 1 stays 1. Special symbols stay words of their
own and end the word before them.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np

from data_gen.errors import UserError
from fairseq_plugin.analysis.records import END, AttentionRecord

SPECIAL = frozenset({"<s>", "<pad>", END, "<unk>"})  # the symbols that a fairseq dictionary makes itself
SPACE = "\u2581"  # sentencepiece's mark of a word's beginning
JOIN = "@@"  # subword-nmt's mark of a word that goes on


def merge(record: AttentionRecord, scheme: str) -> AttentionRecord:
    """A record of words from a record of subwords; its score, id and rank stay.

    A record of whole words keeps its weights. Words have no marks left, so a merged record is not to be merged again
    with ``sentencepiece``, for which a word without a mark goes on with the word before.

    :param scheme: ``sentencepiece`` (a piece with ``▁`` begins a word), ``bpe`` (a piece with ``@@`` at its end goes
        on in the next) or ``none``.
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
    """:raises UserError: if :func:`merge` knows no such scheme, listing those that there are."""
    if scheme not in SCHEMES:
        raise UserError(f"no way to merge subwords called {scheme!r}: choose one of {', '.join(SCHEMES)}")


def check_marks(scheme: str, source: Iterable[str], target: Iterable[str]) -> None:
    """Make sure that data was cut into the pieces that a scheme puts together.

    :param source: the symbols of the source dictionary.
    :param target: the symbols of the target dictionary.
    :raises UserError: with ``sentencepiece``, for which a sentence without marks is one word, if a side has no mark;
        with ``bpe``, which leaves whole words alone, if neither side has one.
    """
    sides = {"source": source, "target": target}
    if scheme == "sentencepiece":
        without = [name for name, symbols in sides.items() if not any(map(_begins_word, symbols))]
        mark = f"begins with {SPACE!r}"
    elif scheme == "bpe" and not any(_goes_on(symbol) for symbols in sides.values() for symbol in symbols):
        without, mark = list(sides), f"ends in {JOIN!r}"
    else:
        return
    if without:
        raise UserError(
            f"--merge {scheme}: no symbol of the {' and '.join(without)} dictionary {mark}, the data is not in such"
            " pieces: leave --merge out"
        )


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
        place
        for place, token in enumerate(tokens)
        if place == 0 or token in SPECIAL or tokens[place - 1] in SPECIAL or begins(tokens[place - 1], token)
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


def _goes_on(piece: str) -> bool:
    return piece.endswith(JOIN) and piece != JOIN  # a token that is nothing but the mark is the text "@@"


def _bpe_text(pieces: Sequence[str]) -> str:
    return "".join(piece.removesuffix(JOIN) if _goes_on(piece) else piece for piece in pieces)


# For each scheme: does a word begin between two neighbouring pieces, and what is the text of a word's pieces.
SCHEMES: dict[str, tuple[Callable[[str, str], bool], Callable[[Sequence[str]], str]]] = {
    "none": (lambda _before, _piece: True, "".join),
    "sentencepiece": (lambda _before, piece: _begins_word(piece), _sentencepiece_text),
    "bpe": (lambda before, _piece: not _goes_on(before), _bpe_text),
}
