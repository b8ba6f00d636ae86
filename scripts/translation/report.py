"""The study as Markdown: a table of both models, how they were trained, and three translations."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from scripts.translation.corpus import Corpus, sources_seen
from scripts.translation.examples import Example
from scripts.translation.recipe import LSTM, MODELS, OURS, SOURCE, Recipe, train_words
from scripts.translation.scores import RESAMPLES, Scores
from scripts.translation.side_by_side import Training

NAMES = {OURS: "`gru_attention`", LSTM: "fairseq `--arch lstm`"}
ROWS: dict[str, Callable[[Training], str]] = {
    "training, wall time (min)": lambda each: f"{each.wall / 60:.1f}",
    "training, CPU time (min)": lambda each: f"{each.cpu / 60:.1f}",
    "target tokens/s, whole training": lambda each: f"{each.tokens / each.wall:,.0f}",
    "best validation loss (bits per token)": lambda each: f"{each.valid_loss:.2f}",
    "parameters": lambda each: f"{each.parameters:,}",
}
DATA, CHECKPOINTS = "DATA", "CHECKPOINTS"  # stand for folders in the commands shown


def markdown(
    recipe: Recipe,
    corpus: Corpus,
    machine: Mapping[str, Any],
    trainings: Mapping[str, Training],
    penalties: Mapping[str, float],
    scores: Scores,
    examples: Sequence[Example],
    images: Sequence[str],
) -> str:
    """Everything that stands between the markers.

    :param penalties: length penalty of each model, as chosen on the validation part.
    :param images: paths to the examples' pictures, as seen from the document.
    """
    blocks = [circumstances(recipe, corpus, machine, trainings[OURS].epochs), table(trainings, penalties, scores)]
    blocks += [verdict(trainings, scores), signatures(scores), commands(recipe), "### Three translations"]
    blocks += [RULE.format(*recipe.example_words, recipe.example_pieces)]
    blocks += [shown(example, image) for example, image in zip(examples, images, strict=True)]
    return "\n\n".join(blocks) + "\n"


RULE = (
    "Of the test sentences of {} to {} English words, at most {} pieces on either side, sorted by the chrF of our "
    "translation: those at 9/10, 3/4 and 1/2 of the way from the worst to the best."
)


def circumstances(recipe: Recipe, corpus: Corpus, machine: Mapping[str, Any], epochs: float) -> str:
    """What was measured on what."""
    pairs = {part: len(sides[SOURCE]) for part, sides in corpus.items()}
    versions = f"Python {machine['python']}, torch {machine['torch']}, fairseq {machine['fairseq']}; {machine['date']}"
    threads = f"{recipe.threads} thread{'s' * (recipe.threads != 1)}"
    data = (
        f"{pairs['train']:,} pairs to train on, {pairs['valid']:,} to validate, {pairs['test']:,} to test, none left "
        f"out; {sources_seen(corpus)} test sources stand in the training part as well"
    )
    training = (
        f"Each model: {recipe.updates:,} updates, {epochs:.1f} epochs, the same batches in the same order. Both "
        f"trainings began at the same time, each on {threads}; the longer one ended with the machine to itself"
    )
    return f"{machine['processor']}, {machine['cores']} cores; {versions}. {data}. {training}."


def table(trainings: Mapping[str, Training], penalties: Mapping[str, float], scores: Scores) -> str:
    """One column a model."""
    rows = [["", *(NAMES[model] for model in MODELS)], ["---", *["---:"] * len(MODELS)]]
    for metric, values in scores.values.items():
        cells = [f"{values[model].value:.1f} ± {values[model].half_interval:.1f}" for model in MODELS]
        rows.append([f"{metric}, test part", *cells])
    rows.append(["length penalty, chosen on the validation part", *(str(penalties[model]) for model in MODELS)])
    for name, cell in ROWS.items():
        rows.append([name, *(cell(trainings[model]) for model in MODELS)])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def verdict(trainings: Mapping[str, Training], scores: Scores) -> str:
    """The comparison in words."""
    ratio = trainings[LSTM].wall / trainings[OURS].wall
    bleu = scores.values["BLEU"]
    difference, p_value = bleu[OURS].value - bleu[LSTM].value, bleu[OURS].p_value
    return (
        f"Beside the LSTM, `gru_attention` has {difference:+.1f} BLEU (paired bootstrap: p = {p_value:.3f}) and needs "
        f"{1 / ratio:.2f} times the wall time. ±: half of the 95 % interval over {RESAMPLES:,} resampled test parts."
    )


def signatures(scores: Scores) -> str:
    """What sacrebleu calls the metrics."""
    return "\n".join(f"- {metric}: `{signature}`" for metric, signature in scores.signatures.items())


def commands(recipe: Recipe) -> str:
    """Both trainings as one would type them."""
    lines = []
    for model in MODELS:
        words = train_words(recipe, model, Path(DATA), Path(CHECKPOINTS) / model)[1:]
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
    lines = [f"**Test sentence {example.number + 1}** (chrF {example.chrf:.0f})", ""]
    lines += ["| | |", "| --- | --- |", *(f"| {name} | {escaped(text)} |" for name, text in rows.items()), ""]
    return "\n".join([*lines, f"![Attention of test sentence {example.number + 1}]({image})"])


def escaped(text: str) -> str:
    """Text that stays as it is in a Markdown table."""
    for character in "\\`*_<>|[]$":
        text = text.replace(character, f"\\{character}")
    return text
