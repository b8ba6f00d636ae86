"""Three test sentences to show, chosen by rule: a good translation, a fair one and a middling one.

Of all sentences of moderate length, sorted by the chrF of one model's translation: those at 9/10, 3/4 and 1/2 of the
way from the worst to the best.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from data_gen.errors import FAILURE, UserError
from fairseq_plugin.analysis.pictures import fonts, heatmap, picture
from fairseq_plugin.analysis.records import AttentionRecord
from scripts.translation.recipe import Recipe
from scripts.translation.scores import sentence_chrf

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
