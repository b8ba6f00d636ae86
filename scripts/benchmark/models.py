"""The models that are compared, at a setting: in this process, and as command lines of fairseq.

In this process: the plugin's model and the textbook's, and batches for them without padding. As commands: the plugin's
model and fairseq's own LSTM, and the figures in what fairseq logs.
"""

import json
import re
from argparse import Namespace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from fairseq.data import Dictionary
from torch import Tensor

from data_gen.errors import FAILURE, UserError
from fairseq_plugin.models.architectures import gru_attention_copy
from fairseq_plugin.models.gru_attention import GRUAttentionModel
from fairseq_plugin.modules.precision import HIGHEST
from scripts.benchmark.measurement import Circumstances
from scripts.benchmark.settings import SPECIAL_SYMBOLS, Setting
from scripts.benchmark.textbook import Textbook
from scripts.common import PLUGIN, run

PAD, EOS = 1, 2
COPY = (*PLUGIN, "--num-workers", "0")


def task(setting: Setting) -> Any:
    """As much of a fairseq task as models and criterions read."""
    symbols = Dictionary()
    for number in range(setting.symbols - len(symbols)):
        symbols.add_symbol(f"s{number}")
    return SimpleNamespace(source_dictionary=symbols, target_dictionary=symbols)


def our_model(setting: Setting, recurrence: str = "auto", products: str = HIGHEST) -> GRUAttentionModel:
    """The plugin's model. :param products: ``--float32-matmul-precision``."""
    args = Namespace(
        encoder_embed_dim=setting.embed,
        decoder_embed_dim=setting.embed,
        encoder_hidden_size=setting.encoder_hidden,
        encoder_bidirectional=setting.directions == 2,
        decoder_hidden_size=setting.hidden,
        attention_dim=setting.attention,
        recurrence=recurrence,
        float32_matmul_precision=products,
    )
    gru_attention_copy(args)
    torch.manual_seed(1)
    return GRUAttentionModel.build_model(args, task(setting))


def textbook_model(setting: Setting) -> Textbook:
    """The textbook's model of the same sizes."""
    torch.manual_seed(1)
    return Textbook(
        setting.symbols,
        setting.embed,
        setting.hidden,
        setting.attention,
        directions=setting.directions,
        pad=PAD,
    )


def batch(setting: Setting) -> dict[str, Any]:
    """A batch as fairseq hands it to a criterion: random symbols, every row full."""
    torch.manual_seed(2)

    def symbols(length: int) -> Tensor:
        return torch.randint(SPECIAL_SYMBOLS, setting.symbols, (setting.batch, length))

    target = symbols(setting.target)
    previous = torch.cat([torch.full((setting.batch, 1), EOS), target[:, :-1]], dim=1)
    source = symbols(setting.source)
    return {
        "net_input": {
            "src_tokens": source,
            "src_lengths": torch.full((setting.batch,), setting.source),
            "prev_output_tokens": previous,
        },
        "target": target,
        "ntokens": target.numel(),
        "nsentences": setting.batch,
    }


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
