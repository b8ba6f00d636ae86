"""Translations out of fairseq-generate's output, and their BLEU and chrF by sacrebleu.

Both are measured on raw text: lines of the corpus against outputs whose pieces are joined again. English is split into
words by sacrebleu's default, ``13a``.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF
from sacrebleu.significance import PairedTest

from data_gen.errors import FAILURE, UserError

RESAMPLES = 1000
METRICS = {"BLEU": BLEU, "chrF2": CHRF}


@dataclass(frozen=True)
class Score:
    """One metric of one model.

    :param half_interval: half the width of the 95 % interval over resampled test parts.
    :param p_value: of the paired bootstrap test against the baseline; None for the baseline.
    """

    value: float
    half_interval: float
    p_value: float | None


@dataclass(frozen=True)
class Scores:
    """Metric (of ``METRICS``) to its signature, and to the score of each model."""

    signatures: dict[str, str]
    values: dict[str, dict[str, Score]]


def translations(output: str, sentences: int) -> list[str]:
    """The detokenised hypotheses in the order of the corpus.

    :param output: all that fairseq-generate said.
    :raises UserError: unless every sentence has one hypothesis.
    """
    found = re.findall(r"^D-(\d+)\t\S+\t(.*)$", output, flags=re.M)
    texts = {int(number): text for number, text in found}
    if len(found) != sentences or set(texts) != set(range(sentences)):
        raise UserError(f"{len(found)} hypotheses were written for {sentences} sentences", exit_code=FAILURE)
    return [texts[number] for number in range(sentences)]


def score(systems: Mapping[str, Sequence[str]], baseline: str, references: Sequence[str]) -> Scores:
    """Corpus BLEU and chrF of all systems, each with its interval, and the paired bootstrap test against ``baseline``.

    :param systems: name to hypotheses, one a reference.
    """
    order = [baseline, *(name for name in systems if name != baseline)]
    named: list[tuple[str, Sequence[str]]] = [(name, systems[name]) for name in order]
    metrics: dict[str, Any] = {name: metric() for name, metric in METRICS.items()}
    # Typed Any: sacrebleu's table mixes names and figures under one type.
    test: Any = PairedTest(named, metrics, [list(references)], test_type="bs", n_samples=RESAMPLES)
    signatures, table = test()
    values = {
        metric: {
            name: Score(float(each.score), float(each.ci), None if each.p_value is None else float(each.p_value))
            for name, each in zip(order, table[metric], strict=True)
        }
        for metric in metrics
    }
    return Scores({metric: str(signatures[metric]) for metric in metrics}, values)


def bleu(hypotheses: Sequence[str], references: Sequence[str]) -> float:
    """Corpus BLEU, one hypothesis a reference."""
    return float(BLEU().corpus_score(hypotheses, [list(references)]).score)


def sentence_chrf(hypothesis: str, reference: str) -> float:
    """chrF of one sentence."""
    return float(CHRF().sentence_score(hypothesis, [reference]).score)
