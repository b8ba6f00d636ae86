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
from scripts.benchmark.precision import environment, named, precision_of
from scripts.benchmark.settings import Setting
from scripts.benchmark.targets import LSTM, OURS, PLAIN


def measure(setting: Setting, circumstances: Circumstances) -> list[Measurement]:
    """fairseq's LSTM and ours in turns; on a CPU at tiny sizes also the plain program, on a GPU in each precision."""
    data, threads = fairseq.make_data(setting, circumstances), circumstances.threads
    runs = {
        named(name, precision): (words, environment(precision))
        for precision in circumstances.in_precisions("highest", "high", "fp16")
        for name, words in commands(setting, data, circumstances.device, precision).items()
    }
    rates: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(circumstances.repeat(setting.command_repetitions)):
        for name, (words, variables) in runs.items():
            rates[name].append(fairseq.tokens_per_second(run(words, threads=threads, variables=variables)))
    gflop = token_gflop(setting)  # an LSTM's products are others
    return [
        Measurement(
            "train", setting.name, name, threads, TOKENS, tuple(values), None if name.startswith(LSTM) else gflop
        )
        for name, values in rates.items()
    ]


def commands(setting: Setting, data: Path, device: str, precision: str | None = None) -> dict[str, list[str]]:
    """What is compared: variants and the modules, with arguments, that train them."""
    logging = ["--no-save", "--log-format", "json", "--log-interval", str(setting.interval)]
    found = {
        name: [
            *fairseq.train_words(model, setting, data, setting.updates, device),
            *logging,
            *precision_of(precision).options,
        ]
        for name, model in {LSTM: "lstm", OURS: "gru_attention"}.items()
    }
    if setting.name == "tiny" and device == "cpu":
        found[PLAIN] = ["scripts.benchmark.plain_training", str(data), json.dumps(asdict(setting))]
    return found
