"""Translations out of fairseq-generate's output, and their BLEU and chrF by sacrebleu.

Both are measured on raw text: lines of the corpus against outputs whose pieces are joined again. English is split into
words by sacrebleu's default, ``13a``.

Three test sentences to show, chosen by rule: a good translation, a fair one and a middling one.

Of all sentences of moderate length, sorted by the chrF of one model's translation: those at 9/10, 3/4 and 1/2 of the
way from the worst to the best.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF
from sacrebleu.significance import PairedTest

from data_gen.errors import FAILURE, UserError
from fairseq_plugin.analysis.pictures import fonts, heatmap, picture
from fairseq_plugin.analysis.records import AttentionRecord
from scripts.translation.recipe import Recipe

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


QUANTILES = (0.9, 0.75, 0.5)
FEWEST = 10  # sentences to choose from: the places of QUANTILES then differ


@dataclass(frozen=True)
class Example:
    """One sentence of the test part.

    :param number: its line in the corpus, from 0.
    :param translations: model to what it wrote.
    :param chrf: of the translation that it was chosen by.
    """

    number: int
    source: str
    reference: str
    translations: dict[str, str]
    chrf: float


def choose(
    recipe: Recipe,
    sources: Sequence[str],
    references: Sequence[str],
    translations: Mapping[str, Sequence[str]],
    chosen_by: str,
    records: Sequence[AttentionRecord],
) -> list[Example]:
    """The sentences at ``QUANTILES`` among those with few enough words and pieces (see :class:`Recipe`).

    :param translations: model to its outputs, one a source; likewise ``references``.
    :param chosen_by: the model whose translations are sorted.
    :param records: attention of ``chosen_by``, one a source.
    :raises UserError: fewer than ``FEWEST`` sentences to choose from.
    """
    shortest, longest = recipe.example_words
    fitting = []
    for number, (reference, output, record) in enumerate(
        zip(references, translations[chosen_by], records, strict=True)
    ):
        words, pieces = len(reference.split()), max(len(record.source), len(record.target))
        if shortest <= words <= longest and pieces <= recipe.example_pieces:
            fitting.append((sentence_chrf(output, reference), number))
    if len(fitting) < FEWEST:
        raise UserError(
            f"{len(fitting)} test sentences are short enough to show, at least {FEWEST} are needed", exit_code=FAILURE
        )
    fitting.sort()
    examples = []
    for quantile in QUANTILES:
        chrf, number = fitting[int(quantile * (len(fitting) - 1))]
        outputs = {model: texts[number] for model, texts in translations.items()}
        examples.append(Example(number, sources[number], references[number], outputs, chrf))
    return examples


def check_fonts() -> None:
    """:raises UserError: no font of this machine has Korean letters: the pictures would not be readable."""
    if fonts.choose(["한글"]).missing:
        raise UserError(
            "no installed font has Korean letters, which the pictures show: install one "
            "(e.g. `apt-get install fonts-noto-cjk`)",
            exit_code=FAILURE,
        )


def draw(example: Example, records: Sequence[AttentionRecord], path: Path) -> None:
    """Draw an example's attention.

    :param records: one a sentence, in the order of the corpus.
    """
    record = records[example.number]
    figure = heatmap.draw(record.weights, record.source, record.target, title=f"Test sentence {example.number + 1}")
    picture.save(figure, path)
