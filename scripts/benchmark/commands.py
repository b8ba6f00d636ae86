"""Command lines of fairseq with both models at the same sizes, and the figures in what fairseq logs."""

import json
import re
from pathlib import Path

from data_gen.errors import FAILURE, UserError
from scripts.benchmark.measurement import Circumstances
from scripts.benchmark.settings import SPECIAL_SYMBOLS, Setting
from scripts.common import PLUGIN, run

COPY = (*PLUGIN, "--num-workers", "0")


def make_data(setting: Setting, circumstances: Circumstances, sentences: int | None = None) -> Path:
    """A copy dataset for the setting, made once a run.

    :param sentences: to decode; by default those of the setting.
    """
    sentences = sentences or setting.decoded_sentences
    folder = circumstances.folder / f"{setting.name}-data-{sentences}"
    if not folder.exists():
        shortest, longest = map(str, setting.lengths)
        words = ["data_gen", "copy", str(folder), "--text", "--num-symbols", str(setting.symbols - SPECIAL_SYMBOLS)]
        words += ["--min-len", shortest, "--max-len", longest, "--train", str(setting.sequences), "--valid", "8"]
        run([*words, "--test", str(sentences)], threads=1)
    return folder


def make_model(model: str, setting: Setting, data: Path, circumstances: Circumstances) -> Path:
    """A checkpoint after one update, made once a run."""
    folder = circumstances.folder / f"{setting.name}-{model}"
    if not folder.exists():
        saving = ["--save-dir", str(folder), "--no-epoch-checkpoints", "--no-save-optimizer-state"]
        run([*train_words(model, setting, data, updates=1), *saving], threads=circumstances.threads)
    return folder / "checkpoint_last.pt"


def train_words(model: str, setting: Setting, data: Path, updates: int, device: str = "cpu") -> list[str]:
    """A training without validation: ``lstm`` with fairseq's own criterion and optimizer, ours with the plugin's."""
    words = ["fairseq_cli.train", str(data), *COPY, "--arch", model, *model_words(model, setting)]
    ours = ["--criterion", "chunked_cross_entropy", "--optimizer", "fused_adamw"]
    words += ours if model == "gru_attention" else ["--criterion", "cross_entropy", "--optimizer", "adam"]
    words += ["--lr", "0.001", "--batch-size", str(setting.batch), "--max-update", str(updates), "--seed", "1"]
    words += ["--eval-beam", "0", "--disable-validation"]
    return words if device == "cuda" else [*words, "--cpu"]


def model_words(model: str, setting: Setting) -> list[str]:
    """Sizes of one layer each, without dropout."""
    sizes = {
        "--dropout": 0,
        "--encoder-embed-dim": setting.embed,
        "--decoder-embed-dim": setting.embed,
        "--encoder-hidden-size": setting.encoder_hidden,
        "--decoder-hidden-size": setting.hidden,
        "--decoder-out-embed-dim" if model == "lstm" else "--attention-dim": setting.attention,
    }
    words = [str(word) for pair in sizes.items() for word in pair]
    return [*words, "--encoder-bidirectional"] if setting.directions == 2 else words


def generate_words(setting: Setting, data: Path, path: Path, beam: int, device: str = "cpu") -> list[str]:
    """Decode the test sequences, every output ``decoded_length`` symbols long."""
    words = ["fairseq_cli.generate", str(data), *COPY, "--path", str(path), "--beam", str(beam)]
    words += [] if device == "cuda" else ["--cpu"]
    length = str(setting.decoded_length)
    words += ["--min-len", length, "--max-len-a", "0", "--max-len-b", length]
    return [*words, "--batch-size", str(setting.decoded_batch)]


def tokens_per_second(log: str) -> float:
    """Target tokens per second over all logged intervals but the first.

    :raises UserError: fewer than two intervals were logged.
    """
    intervals = [json.loads(line) for line in re.findall(r"train_inner \| (\{.*\})", log)][1:]
    if not intervals:
        raise UserError("a training logged fewer than two intervals: no speed to be read", exit_code=FAILURE)
    tokens = [float(each["wpb"]) for each in intervals]  # per update; all intervals have as many updates
    seconds = [count / float(each["wps"]) for count, each in zip(tokens, intervals, strict=True)]
    return sum(tokens) / sum(seconds)


def sentences_per_second(log: str) -> float:
    """What fairseq-generate says at the end. :raises UserError: it does not."""
    found = re.findall(r"Translated .* \(([\d.]+) sentences/s", log)
    if not found:
        raise UserError("fairseq-generate did not say how fast it was", exit_code=FAILURE)
    return float(found[-1])
