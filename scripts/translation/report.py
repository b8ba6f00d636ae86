"""The study as Markdown: a table of the models, how they were trained, and three translations."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from scripts.common import markdown_table
from scripts.translation.corpus import Corpus, sources_seen
from scripts.translation.recipe import ADDITIVE, GENERAL, LSTM, MODELS, SOURCE, Recipe, Run, train_words
from scripts.translation.scores import METRICS, RESAMPLES, Example, Scores
from scripts.translation.trainings import AT_ONCE, Training

NAMES = {
    GENERAL: "`gru_attention`, `general`, input feeding",
    ADDITIVE: "`gru_attention`, `additive`",
    LSTM: "fairseq `--arch lstm`",
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
DATA, CHECKPOINTS = "DATA", "CHECKPOINTS"  # stand for folders in the commands shown


def markdown(
    recipe: Recipe,
    corpus: Corpus,
    machine: Mapping[str, Any],
    trainings: Mapping[Run, Training],
    penalties: Mapping[str, float],
    scores: Mapping[int, Scores],
    examples: Sequence[Example],
    images: Sequence[str],
    *,
    made_up: bool,
) -> str:
    """Everything that stands between the markers.

    :param penalties: length penalty of each model, as chosen on the validation part.
    :param scores: of all models, by seed.
    :param images: paths to the examples' pictures, as seen from the document.
    :param made_up: whether the corpus is a toy.
    """
    first = recipe.runs[0]
    blocks = [
        circumstances(recipe, corpus, machine, trainings[first].epochs, made_up=made_up),
        table(trainings, penalties, scores),
    ]
    blocks += [verdict(trainings, scores), signatures(scores[first.seed]), commands(recipe), "### Three translations"]
    blocks += [RULE.format(*recipe.example_words, recipe.example_pieces)]
    blocks += [shown(example, image) for example, image in zip(examples, images, strict=True)]
    return "\n\n".join(blocks) + "\n"


RULE = (
    "Of the test sentences of {} to {} English words, at most {} pieces on either side, sorted by the chrF of the "
    "first model's translation: those at 9/10, 3/4 and 1/2 of the way from the worst to the best."
)


def circumstances(recipe: Recipe, corpus: Corpus, machine: Mapping[str, Any], epochs: float, *, made_up: bool) -> str:
    """What was measured on what."""
    pairs = {part: len(sides[SOURCE]) for part, sides in corpus.items()}
    versions = f"Python {machine['python']}, torch {machine['torch']}, fairseq {machine['fairseq']}; {machine['date']}"
    threads = f"{recipe.threads} thread{'s' * (recipe.threads != 1)}"
    data = (
        f"{pairs['train']:,} pairs to train on, {pairs['valid']:,} to validate, {pairs['test']:,} to test, none left "
        f"out; {sources_seen(corpus)} test sources stand in the training part as well"
    )
    training = (
        f"Each model: {len(recipe.seeds)} trainings, with different seeds, of {recipe.updates:,} updates, {epochs:.1f} "
        f"epochs; with the same seed all see the same batches in the same order. Up to {AT_ONCE} trainings ran at a "
        f"time, each on {threads}"
    )
    penalties = f"Length penalties to choose from: {', '.join(map(str, recipe.length_penalties))}"
    head = MADE_UP if made_up else ""
    return f"{head}{machine['processor']}, {machine['cores']} cores; {versions}. {data}. {training}. {penalties}."


def table(trainings: Mapping[Run, Training], penalties: Mapping[str, float], scores: Mapping[int, Scores]) -> str:
    """One column a model; figures are means over the seeds where no seed is named."""
    rows = []
    for metric in METRICS:
        rows.append([f"{metric}, test part", *(f"{mean_score(scores, metric, model):.2f}" for model in MODELS)])
        for seed, of_seed in scores.items():
            values = [of_seed.values[metric][model] for model in MODELS]
            rows.append(
                [f"{metric}, seed {seed}", *(f"{each.value:.2f} ± {each.half_interval:.1f}" for each in values)]
            )
    rows.append(["length penalty, chosen on the validation part", *(str(penalties[model]) for model in MODELS)])
    for name, (value, form) in ROWS.items():
        rows.append([name, *(format(mean_of(trainings, model, value), form) for model in MODELS)])
    return markdown_table(["", *(NAMES[model] for model in MODELS)], rows, "l" + "r" * len(MODELS))


def mean_score(scores: Mapping[int, Scores], metric: str, model: str) -> float:
    """Over the seeds."""
    return fmean(of_seed.values[metric][model].value for of_seed in scores.values())


def mean_of(trainings: Mapping[Run, Training], model: str, value: Callable[[Training], float]) -> float:
    """Over the trainings of a model."""
    return fmean(value(training) for run, training in trainings.items() if run.model == model)


def verdict(trainings: Mapping[Run, Training], scores: Mapping[int, Scores]) -> str:
    """The comparison in words."""
    lines = [compared(model, trainings, scores) for model in MODELS if model != LSTM]
    head = "Beside the LSTM, in the mean of the seeds, and by seed with the p-value of a paired bootstrap test:"
    foot = (
        "Rows without a seed are means over the seeds, of one training each. ±: half of the 95 % interval over "
        f"{RESAMPLES:,} resampled test parts."
    )
    return "\n".join([head, "", *lines, "", foot])


def compared(model: str, trainings: Mapping[Run, Training], scores: Mapping[int, Scores]) -> str:
    """A model beside the LSTM, as an item of a list."""
    time, times = (mean_of(trainings, each, lambda training: training.wall) for each in (model, LSTM))
    difference = mean_score(scores, "BLEU", model) - mean_score(scores, "BLEU", LSTM)
    by_seed = [of_seed.values["BLEU"] for of_seed in scores.values()]
    differences = ", ".join(
        f"{each[model].value - each[LSTM].value:+.2f} (p = {each[model].p_value:.3f})" for each in by_seed
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
    for run in recipe.runs[: len(MODELS)]:
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
    rows |= {NAMES[model]: example.translations[model] for model in MODELS}
    number = example.number + 1
    table = markdown_table(["", ""], [[name, escaped(text)] for name, text in rows.items()], "ll")
    picture = f"![Attention of test sentence {number}]({image})"
    return f"**Test sentence {number}** (chrF {example.chrf:.0f})\n\n{table}\n\n{picture}"


def escaped(text: str) -> str:
    """Text that stays as it is in a Markdown table."""
    for character in "\\`*_<>|[]$":
        text = text.replace(character, f"\\{character}")
    return text
