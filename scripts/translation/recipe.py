"""What the study trains: one table of settings, and the command lines that follow from it.

All models get the same data, sizes, batches, optimizer settings and number of updates. What differs is the model and,
for ours, the plugin's own loss and optimizer, which compute the same as fairseq's. All embeddings are one matrix
(Press and Wolf 2017, arXiv 1608.05859): names stand in Latin letters on both sides, so that copying one is easy to
learn.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

SOURCE, TARGET = "ko", "en"
PARTS = ("train", "valid", "test")
# gru_attention with the attention that fairseq's LSTM has, and with that of Bahdanau et al.
GENERAL, ADDITIVE, LSTM = "gru_attention-general", "gru_attention-additive", "lstm"
MODELS = (GENERAL, ADDITIVE, LSTM)
MEDIUM = f"{GENERAL}-medium"  # large products in bfloat16, in training and in translation
MEDIUM_AND_HIGHEST = (MEDIUM, GENERAL)
OUR_LAYERS = ("--decoder-init", "tanh", "--readout", "tanh")
OUR_LOSS_AND_OPTIMIZER = ("--criterion", "chunked_cross_entropy", "--optimizer", "fused_adamw")
OUR_GENERAL = ("--attention", "general", "--input-feeding", *OUR_LAYERS, *OUR_LOSS_AND_OPTIMIZER)
# Options that are one model's alone. The plugin's loss and optimizer compute what fairseq's do.
SPECIFIC = {
    GENERAL: OUR_GENERAL,
    MEDIUM: (*OUR_GENERAL, "--float32-matmul-precision", "medium"),
    ADDITIVE: (*OUR_LAYERS, *OUR_LOSS_AND_OPTIMIZER),
    LSTM: ("--criterion", "label_smoothed_cross_entropy", "--optimizer", "adam"),
}
PLUGIN = ("--user-dir", "fairseq_plugin", "--task", "translation", "--source-lang", SOURCE, "--target-lang", TARGET)


class Run(NamedTuple):
    """One training: a model of the recipe and the seed that it begins with."""

    model: str
    seed: int

    @property
    def name(self) -> str:
        """What its folder is called."""
        return f"{self.model}-{self.seed}"


@dataclass(frozen=True)
class Recipe:
    """Settings of one study.

    :param models: what is trained. The others are compared with the last one.
    :param vocabulary: sentencepiece pieces, one model for both languages.
    :param character_coverage: share of the text's characters that are pieces; Korean has a thousand and more.
    :param hidden: units of the decoder, and of the encoder in each direction.
    :param attention: units of the additive attention; that of the other two has no size of its own.
    :param lr: learning rate after the warm-up; from there it falls on a line to 0 at the last update.
    :param max_tokens: source or target tokens in a batch, padding counted.
    :param longest: a and b: an output has at most a tokens for each source token, and b more; no reference has so many.
    :param length_penalties: exponents of the hypothesis length to choose from, on the validation part.
    :param interval: updates between two lines of the training log.
    :param at_once: trainings that run at a time. With 2 on two cores, each has one.
    :param seeds: each model is trained once with each; examples come from the first.
    :param example_words: fewest and most words of a reference that may be shown as an example.
    :param example_pieces: most source and most target pieces of an example, with end symbol.
    """

    models: tuple[str, ...] = MODELS
    vocabulary: int = 8000
    character_coverage: float = 0.9999
    embed: int = 256
    hidden: int = 256
    attention: int = 256
    dropout: float = 0.2
    label_smoothing: float = 0.1
    lr: float = 0.004
    max_tokens: int = 2000
    updates: int = 1600
    interval: int = 20
    seeds: tuple[int, ...] = (1, 2, 3)
    threads: int = 1
    at_once: int = 2
    beam: int = 5
    longest: tuple[int, int] = (2, 50)
    length_penalties: tuple[float, ...] = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0)
    example_words: tuple[int, int] = (8, 14)
    example_pieces: int = 20

    @property
    def warmup(self) -> int:
        """Updates in which the learning rate rises from 0."""
        return self.updates // 20

    @property
    def runs(self) -> list[Run]:
        """All trainings, those of one seed beside one another."""
        return [Run(model, seed) for seed in self.seeds for model in self.models]

    @property
    def baseline(self) -> str:
        """The model that the others are compared with."""
        return self.models[-1]


SMOKE = Recipe(
    vocabulary=80,
    embed=32,
    hidden=32,
    attention=32,
    dropout=0.0,
    lr=0.01,
    longest=(1, 10),
    max_tokens=600,
    updates=30,
    interval=5,
    seeds=(1, 2),
    length_penalties=(1.0,),
    example_words=(3, 14),
    example_pieces=100,
)


def data_words(recipe: Recipe, corpus: Path, destination: Path) -> list[str]:
    """``python -m data_gen text``, one vocabulary for both languages."""
    words = ["data_gen", "text", str(destination), "--source-lang", SOURCE, "--target-lang", TARGET]
    for part in PARTS:
        words += [f"--{part}pref", str(corpus / part)]
    words += ["--vocab-size", str(recipe.vocabulary), "--joined"]
    return [*words, "--character-coverage", str(recipe.character_coverage)]


def train_words(recipe: Recipe, run: Run, data: Path, checkpoints: Path) -> list[str]:
    """``fairseq-train`` for one training."""
    settings = {
        "--label-smoothing": recipe.label_smoothing,
        "--lr": recipe.lr,
        "--adam-betas": "(0.9, 0.98)",
        "--lr-scheduler": "polynomial_decay",
        "--warmup-updates": recipe.warmup,
        "--total-num-update": recipe.updates,
        "--max-update": recipe.updates,
        "--clip-norm": 1,
        "--max-tokens": recipe.max_tokens,
        "--seed": run.seed,
        "--log-format": "json",
        "--log-interval": recipe.interval,
        "--num-workers": 0,
        "--save-dir": checkpoints,
    }
    words = [str(data), *PLUGIN, "--arch", architecture(run.model)]
    words += [*size_words(recipe, run.model), *SPECIFIC[run.model]]
    words += [str(word) for pair in settings.items() for word in pair]
    return ["fairseq_cli.train", *words, "--no-epoch-checkpoints", "--cpu"]


def architecture(model: str) -> str:
    """What fairseq calls it."""
    return "lstm" if model == LSTM else "gru_attention"


def size_words(recipe: Recipe, model: str) -> list[str]:
    """The same sizes in each model's own options."""
    sizes = {
        "--dropout": recipe.dropout,
        "--encoder-embed-dim": recipe.embed,
        "--encoder-hidden-size": recipe.hidden,
        "--decoder-embed-dim": recipe.embed,
        "--decoder-hidden-size": recipe.hidden,
    }
    if model == ADDITIVE:
        sizes["--attention-dim"] = recipe.attention
    sizes["--decoder-out-embed-dim" if model == LSTM else "--readout-dim"] = recipe.embed
    words = [str(word) for pair in sizes.items() for word in pair]
    return [*words, "--encoder-bidirectional", "--share-all-embeddings"]


def decoding_words(recipe: Recipe, checkpoint: Path, length_penalty: float) -> list[str]:
    """Options of fairseq-generate and of extract_attention.py."""
    times, more = map(str, recipe.longest)
    words = ["--task", "translation", "--source-lang", SOURCE, "--target-lang", TARGET, "--path", str(checkpoint)]
    words += ["--batch-size", "64", "--beam", str(recipe.beam), "--max-len-a", times, "--max-len-b", more]
    return [*words, "--lenpen", str(length_penalty), "--cpu"]


def generate_words(recipe: Recipe, data: Path, checkpoint: Path, part: str, length_penalty: float) -> list[str]:
    """``fairseq-generate`` on a part of the corpus; a batch multiple of 1 keeps every sentence."""
    words = ["fairseq_cli.generate", str(data), "--user-dir", "fairseq_plugin", "--gen-subset", part]
    words += decoding_words(recipe, checkpoint, length_penalty)
    return [*words, "--required-batch-size-multiple", "1", "--remove-bpe", "sentencepiece"]


def attention_words(recipe: Recipe, data: Path, checkpoint: Path, length_penalty: float, output: Path) -> list[str]:
    """``extract_attention.py`` on the test part."""
    words = ["scripts.extract_attention", str(data), "--output", str(output)]
    return [*words, *decoding_words(recipe, checkpoint, length_penalty)]
