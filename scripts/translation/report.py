"""What came of the study: BLEU and chrF by sacrebleu, three translations, and the page that shows them.

Both metrics are measured on raw text: lines of the corpus against outputs with their pieces joined again. English is
split into words by sacrebleu's default, ``13a``.

The translations are chosen by rule, a good one, a fair one and a middling one: of all sentences of moderate length,
sorted by the chrF of one model's translation, those at 9/10, 3/4 and 1/2 of the way from the worst to the best.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF
from sacrebleu.significance import PairedTest

from data_gen.errors import FAILURE, UserError
from fairseq_plugin.analysis.merging import merge
from fairseq_plugin.analysis.pictures import fonts, heatmap, picture
from fairseq_plugin.analysis.records import AttentionRecord
from fairseq_plugin.modules.precision import has_bfloat16
from scripts.common import markdown_table
from scripts.translation.corpus import Corpus, sources_seen
from scripts.translation.recipe import ADDITIVE, GENERAL, LSTM, MEDIUM, SOURCE, Recipe, Run, train_words
from scripts.translation.trainings import Training

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
    :param chosen_by: the model. Its translations are sorted.
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
    """Check the fonts before the trainings.

    :raises UserError: no font of this machine has Korean letters: the pictures would not be readable.
    """
    if fonts.choose(["한글"]).missing:
        raise UserError(
            "no installed font has Korean letters, which the pictures show: install one "
            "(e.g. `apt-get install fonts-noto-cjk`)",
            exit_code=FAILURE,
        )


def draw(example: Example, records: Sequence[AttentionRecord], path: Path) -> None:
    """Draw an example's attention, with words put together from their pieces.

    :param records: one a sentence, in the order of the corpus.
    """
    record = merge(records[example.number], "sentencepiece")
    figure = heatmap.draw(record.weights, record.source, record.target, title=f"Test sentence {example.number + 1}")
    picture.save(figure, path)


NAMES = {
    GENERAL: "`gru_attention`, `general`, input feeding",
    ADDITIVE: "`gru_attention`, `additive`",
    LSTM: "fairseq `--arch lstm`",
    MEDIUM: "`gru_attention`, `general`, input feeding, `medium`",
}
ROWS: dict[str, tuple[Callable[[Training], float], str]] = {
    "training, wall time (min)": (lambda each: each.wall / 60, ".1f"),
    "training, CPU time (min)": (lambda each: each.cpu / 60, ".1f"),
    "target tokens/s, whole training": (lambda each: each.tokens / each.wall, ",.0f"),
    "best validation loss (bits per token, label smoothing counted)": (lambda each: each.valid_loss, ".2f"),
    "parameters": (lambda each: each.parameters, ",.0f"),
}
"""Of a training, and how its mean over the seeds is written."""
MADE_UP = "**Made-up sentences and tiny models, to try the study out: the figures say nothing.** "
EMULATED = (
    " This processor has no bfloat16 products. The products of `medium` are rounded as in bfloat16 and computed in "
    "float32, so its times say nothing about a processor with bfloat16 products."
)
DATA, CHECKPOINTS = "DATA", "CHECKPOINTS"  # stand for folders in the commands shown


def results(
    recipe: Recipe,
    corpus: Corpus,
    machine: Mapping[str, Any],
    trainings: Mapping[Run, Training],
    penalties: Mapping[str, float],
    scores: Mapping[int, Scores],
    *,
    made_up: bool,
) -> str:
    """The models beside one another.

    :param penalties: length penalty of each model, as chosen on the validation part.
    :param scores: of all models, by seed.
    :param made_up: whether the corpus is a toy.
    """
    first = recipe.runs[0]
    blocks = [
        circumstances(recipe, corpus, machine, trainings[first].epochs, made_up=made_up),
        table(recipe, trainings, penalties, scores),
    ]
    blocks += [verdict(recipe, trainings, scores), signatures(scores[first.seed]), commands(recipe)]
    return "\n\n".join(blocks) + "\n"


def three_translations(
    recipe: Recipe,
    machine: Mapping[str, Any],
    penalty: float,
    test_bleu: float,
    examples: Sequence[tuple[Example, str]],
    *,
    made_up: bool,
) -> str:
    """Examples and their pictures.

    :param penalty: length penalty of the model that was drawn.
    :param test_bleu: of that model's translations of the test part.
    :param examples: each with the path of its picture, as seen from the page.
    :param made_up: whether the corpus is a toy.
    """
    words, pieces = recipe.example_words, recipe.example_pieces
    model = (
        f"{machine_and_versions(machine)}. The pictures show {NAMES[GENERAL]}, after one training of "
        f"{recipe.updates:,} updates with seed {recipe.seeds[0]}. With a length penalty of {penalty}, its "
        f"translations of the test part have a BLEU of {test_bleu:.2f}."
    )
    rule = (
        f"The examples are test sentences of {words[0]} to {words[1]} English words and at most {pieces} pieces on "
        "either side. The study sorts these sentences by the chrF of this model's translation, from the worst to the "
        "best. It shows the sentences at 9/10, 3/4 and 1/2 of this order."
    )
    head = MADE_UP if made_up else ""
    return "\n\n".join([head + model, rule, *(shown(example, image) for example, image in examples)]) + "\n"


def machine_and_versions(machine: Mapping[str, Any]) -> str:
    """Where something was measured, and when."""
    versions = f"Python {machine['python']}, torch {machine['torch']}, fairseq {machine['fairseq']}; {machine['date']}"
    return f"{machine['processor']}, {machine['cores']} cores; {versions}"


def circumstances(recipe: Recipe, corpus: Corpus, machine: Mapping[str, Any], epochs: float, *, made_up: bool) -> str:
    """What was measured on what."""
    pairs = {part: len(sides[SOURCE]) for part, sides in corpus.items()}
    threads = f"{recipe.threads} thread{'s' * (recipe.threads != 1)}"
    data = (
        f"{pairs['train']:,} pairs to train on, {pairs['valid']:,} to validate, {pairs['test']:,} to test; "
        f"{sources_seen(corpus)} test sources stand in the training part as well"
    )
    training = (
        f"Each model: {len(recipe.seeds)} trainings, with different seeds, of {recipe.updates:,} updates, "
        f"{epochs:.1f} epochs; with the same seed all see the same batches in the same order. Up to {recipe.at_once} "
        f"trainings ran at a time, each on {threads}"
    )
    penalties = f"Length penalties to choose from: {', '.join(map(str, recipe.length_penalties))}"
    head = MADE_UP if made_up else ""
    foot = EMULATED if MEDIUM in recipe.models and not has_bfloat16() else ""
    return f"{head}{machine_and_versions(machine)}. {data}. {training}. {penalties}.{foot}"


def table(
    recipe: Recipe, trainings: Mapping[Run, Training], penalties: Mapping[str, float], scores: Mapping[int, Scores]
) -> str:
    """One column a model; figures are means over the seeds where no seed is named."""
    rows = []
    for metric in METRICS:
        rows.append([f"{metric}, test part", *(f"{mean_score(scores, metric, model):.2f}" for model in recipe.models)])
        for seed, of_seed in scores.items():
            values = [of_seed.values[metric][model] for model in recipe.models]
            rows.append(
                [f"{metric}, seed {seed}", *(f"{each.value:.2f} ± {each.half_interval:.1f}" for each in values)]
            )
    rows.append(["length penalty, chosen on the validation part", *(str(penalties[model]) for model in recipe.models)])
    for name, (value, form) in ROWS.items():
        rows.append([name, *(format(mean_of(trainings, model, value), form) for model in recipe.models)])
    return markdown_table(["", *(NAMES[model] for model in recipe.models)], rows, "l" + "r" * len(recipe.models))


def mean_score(scores: Mapping[int, Scores], metric: str, model: str) -> float:
    """Over the seeds."""
    return fmean(of_seed.values[metric][model].value for of_seed in scores.values())


def mean_of(trainings: Mapping[Run, Training], model: str, value: Callable[[Training], float]) -> float:
    """Over the trainings of a model."""
    return fmean(value(training) for run, training in trainings.items() if run.model == model)


def verdict(recipe: Recipe, trainings: Mapping[Run, Training], scores: Mapping[int, Scores]) -> str:
    """The comparison in words."""
    base = recipe.baseline
    lines = [compared(model, base, trainings, scores) for model in recipe.models if model != base]
    beside = "the LSTM" if base == LSTM else NAMES[base]
    head = f"Beside {beside}, in the mean of the seeds, and by seed with the p-value of a paired bootstrap test:"
    foot = (
        "Rows without a seed are means over the seeds, of one training each. ±: half of the 95 % interval over "
        f"{RESAMPLES:,} resampled test parts."
    )
    return "\n".join([head, "", *lines, "", foot])


def compared(model: str, baseline: str, trainings: Mapping[Run, Training], scores: Mapping[int, Scores]) -> str:
    """A model beside the baseline, as an item of a list."""
    time, times = (mean_of(trainings, each, lambda training: training.wall) for each in (model, baseline))
    difference = mean_score(scores, "BLEU", model) - mean_score(scores, "BLEU", baseline)
    by_seed = [of_seed.values["BLEU"] for of_seed in scores.values()]
    differences = ", ".join(
        f"{each[model].value - each[baseline].value:+.2f} (p = {each[model].p_value:.3f})" for each in by_seed
    )
    return (
        f"- {NAMES[model]}: {difference:+.2f} BLEU in {time / times:.2f} times the wall time of training; "
        f"by seed {differences}"
    )


def signatures(scores: Scores) -> str:
    """What sacrebleu calls the metrics."""
    return "\n".join(f"- {metric}: `{signature}`" for metric, signature in scores.signatures.items())


def commands(recipe: Recipe) -> str:
    """The trainings with the first seed as one would type them."""
    lines = []
    for run in recipe.runs[: len(recipe.models)]:
        words = train_words(recipe, run, Path(DATA), Path(CHECKPOINTS) / run.name)[1:]
        words = [f"'{word}'" if "(" in word else word for word in words]
        options = " ".join(words).split(" --")
        lines.append("fairseq-train " + " --".join(options))
    return "\n".join(["```bash", *(wrapped(line) for line in lines), "```"])


def wrapped(command: str, width: int = 110) -> str:
    """A command over several lines, broken between options."""
    first, *options = command.split(" --")
    lines = [first]
    for option in options:
        if len(lines[-1]) + len(option) + 3 > width:
            lines.append("  --" + option)
        else:
            lines[-1] += " --" + option
    return " \\\n".join(lines)


def shown(example: Example, image: str) -> str:
    """One example with its picture."""
    rows = {"source": example.source, "reference": example.reference}
    rows |= {NAMES[model]: text for model, text in example.translations.items()}
    number = example.number + 1
    table = markdown_table(["", ""], [[name, escaped(text)] for name, text in rows.items()], "ll")
    picture = f"![Attention of test sentence {number}]({image})"
    return f"**Test sentence {number}** (chrF {example.chrf:.0f})\n\n{table}\n\n{picture}"


def escaped(text: str) -> str:
    """Text that stays as it is in a Markdown table."""
    for character in "\\`*_<>|[]$":
        text = text.replace(character, f"\\{character}")
    return text
