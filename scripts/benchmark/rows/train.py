"""Target tokens per second of real ``fairseq-train`` processes, as fairseq itself logs them.

Wall time, between one log line and the next; the first interval is left out as warm-up. Same data, same batches.
"""

import json
from dataclasses import asdict
from pathlib import Path

from scripts.benchmark import fairseq_words as fairseq
from scripts.benchmark.commands import run
from scripts.benchmark.flops import token_gflop
from scripts.benchmark.measurement import TOKENS, Circumstances, Measurement
from scripts.benchmark.settings import Setting
from scripts.benchmark.targets import LSTM, OURS, PLAIN


def measure(setting: Setting, circumstances: Circumstances) -> list[Measurement]:
    """fairseq's LSTM and ours in turns; on a CPU at tiny sizes also the plain program, on a GPU also in bf16."""
    data, threads = fairseq.make_data(setting, circumstances), circumstances.threads
    runs = commands(setting, data, circumstances.device)
    rates: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(circumstances.repeat(setting.command_repetitions)):
        for name, words in runs.items():
            rates[name].append(fairseq.tokens_per_second(run(words, threads=threads)))
    gflop = token_gflop(setting)  # an LSTM's products are others
    return [
        Measurement(
            "train", setting.name, name, threads, TOKENS, tuple(values), None if name.startswith(LSTM) else gflop
        )
        for name, values in rates.items()
    ]


def commands(setting: Setting, data: Path, device: str) -> dict[str, list[str]]:
    """What is compared: variants and the modules, with arguments, that train them."""
    logging = ["--no-save", "--log-format", "json", "--log-interval", str(setting.interval)]
    models = {LSTM: "lstm", OURS: "gru_attention"}
    if device == "cuda":
        return {
            f"{name}, {precision}": [
                *fairseq.train_words(model, setting, data, setting.updates, device),
                *logging,
                *options,
            ]
            for precision, options in {"fp32": [], "bf16": ["--bf16"]}.items()
            for name, model in models.items()
        }
    found = {
        name: [*fairseq.train_words(model, setting, data, setting.updates), *logging] for name, model in models.items()
    }
    if setting.name == "tiny":
        found[PLAIN] = ["scripts.benchmark.plain_training", str(data), json.dumps(asdict(setting))]
    return found
