"""Target tokens per second of real ``fairseq-train`` processes, as fairseq itself logs them.

Wall time, between one log line and the next; the first interval is left out as warm-up. Same data, same batches.
"""

import json
from collections.abc import Callable
from dataclasses import asdict

from scripts.benchmark import fairseq_words as fairseq
from scripts.benchmark.commands import run
from scripts.benchmark.flops import token_gflop
from scripts.benchmark.measurement import TOKENS, Circumstances, Measurement
from scripts.benchmark.settings import Setting
from scripts.benchmark.targets import LSTM, OURS, PLAIN


def measure(setting: Setting, circumstances: Circumstances) -> list[Measurement]:
    """fairseq's LSTM and ours in turns; at tiny sizes also the plain program."""
    data, threads = fairseq.make_data(setting, circumstances), circumstances.threads
    logging = ["--no-save", "--log-format", "json", "--log-interval", str(setting.interval)]

    def command(model: str) -> Callable[[], str]:
        words = fairseq.train_words(model, setting, data, setting.updates)
        return lambda: run([*words, *logging], threads=threads)

    runs = {LSTM: command("lstm"), OURS: command("gru_attention")}
    if setting.name == "tiny":
        plain = ["scripts.benchmark.plain_training", str(data), json.dumps(asdict(setting))]
        runs[PLAIN] = lambda: run(plain, threads=threads)
    rates: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(circumstances.repeat(setting.command_repetitions)):
        for name, start in runs.items():
            rates[name].append(fairseq.tokens_per_second(start()))
    gflop = token_gflop(setting)  # an LSTM's products are others
    return [
        Measurement("train", setting.name, name, threads, TOKENS, tuple(values), None if name == LSTM else gflop)
        for name, values in rates.items()
    ]
