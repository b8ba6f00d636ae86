"""Exact match and token accuracy: is the output the reference, and how much of it is?

exact match    = share of sequences that equal their reference
token accuracy = share of reference tokens, the end included, found at their own position in the output
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from fairseq.dataclass import FairseqDataclass
from fairseq.scoring import BaseScorer, register_scorer


class Matches(NamedTuple):
    """Counts of one sequence, or of many added up."""

    sequences: int = 0
    exact: int = 0
    tokens: int = 0
    correct: int = 0

    def __add__(self, other: "Matches") -> "Matches":  # type: ignore[override]
        return Matches(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))

    @property
    def exact_match(self) -> float:
        """Share of sequences that are right from end to end; 0 for none."""
        return self.exact / self.sequences if self.sequences else 0.0

    @property
    def token_accuracy(self) -> float:
        """Share of reference tokens that are right; 0 for none."""
        return self.correct / self.tokens if self.tokens else 0.0


def count_matches(reference: Sequence[Any], output: Sequence[Any]) -> Matches:
    """Compare one output with its reference, both without end symbol.

    The end counts as one more token, so that an output which runs on past the reference is not fully right.
    """
    same = sum(expected == got for expected, got in zip(reference, output, strict=False))
    end = len(reference) == len(output)
    return Matches(
        sequences=1,
        exact=int(end and same == len(reference)),
        tokens=len(reference) + 1,
        correct=same + int(end),
    )


@register_scorer("exact_match", dataclass=FairseqDataclass)
class ExactMatchScorer(BaseScorer):
    """``fairseq-generate --scoring exact_match``; tokens are what stands between spaces."""

    def __init__(self, cfg: Any) -> None:
        super().__init__(cfg)
        self.matches = Matches()

    def add_string(self, ref: str, pred: str) -> None:
        """Count one sequence."""
        self.matches += count_matches(ref.split(), pred.split())

    def score(self) -> float:
        """Exact match, between 0 and 1."""
        return self.matches.exact_match

    def result_string(self) -> str:
        """The line that fairseq-generate prints."""
        matches = self.matches
        return (
            f"exact match {matches.exact_match:.4f}, token accuracy {matches.token_accuracy:.4f} "
            f"({matches.sequences} sequences, {matches.tokens} tokens)"
        )
