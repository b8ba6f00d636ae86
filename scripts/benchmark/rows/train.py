"""One update of the whole model: encoder, recurrence, output layer, loss, optimizer.

Target tokens per second of real ``fairseq-train`` processes, as fairseq itself logs them.

Wall time, between one log line and the next; the first interval is left out as warm-up. Same data, same batches.
"""

import functools
import json
from argparse import Namespace
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from fairseq import utils
from fairseq.criterions.cross_entropy import CrossEntropyCriterion
from torch import nn

from fairseq_plugin.criterions.chunked_cross_entropy import ChunkedCrossEntropyCriterion
from fairseq_plugin.optim.fused_adam import FusedAdamW
from scripts.benchmark import commands as fairseq
from scripts.benchmark import models
from scripts.benchmark.measurement import MILLISECONDS, TOKENS, Circumstances, Clock, Measurement, interleave
from scripts.benchmark.precision import environment, float32_products, named, precision_of
from scripts.benchmark.report import FUSED_UPDATE, LSTM, NAIVE_UPDATE, OURS, PLAIN, TEXTBOOK_UPDATE
from scripts.benchmark.settings import Setting, token_gflop, update_gflop
from scripts.common import run

RATE = 1e-3
Place = Callable[[nn.Module], None]
"""Moves a model to the device and the precision that are measured."""


def measure_update(setting: Setting, circumstances: Circumstances) -> list[Measurement]:
    """Textbook, naive and fused, in turns; on a GPU in each precision."""
    clock = Clock(circumstances.threads, circumstances.device)
    repetitions, warmups = circumstances.repeat(setting.repetitions), circumstances.warm_up(setting.warmups)
    sample = utils.move_to_cuda(models.batch(setting)) if circumstances.device == "cuda" else models.batch(setting)
    times: dict[str, tuple[float, ...]] = {}
    for precision in circumstances.in_precisions("highest", "high", "bf16"):
        place = functools.partial(to_place, device=circumstances.device, dtype=precision_of(precision).dtype)
        runs = {
            named(TEXTBOOK_UPDATE, precision): textbook_update(setting, sample, place),
            named(NAIVE_UPDATE, precision): naive_update(setting, sample, place),
            named(FUSED_UPDATE, precision): fused_update(setting, sample, place),
        }
        with float32_products(precision):
            times |= interleave(runs, clock, repetitions=repetitions, warmups=warmups)
    return [
        Measurement("update", setting.name, name, circumstances.threads, MILLISECONDS, values, update_gflop(setting))
        for name, values in times.items()
    ]


def to_place(model: nn.Module, *, device: str, dtype: torch.dtype) -> None:
    """Move a model that is to be trained."""
    model.to(device, dtype).train()


def textbook_update(setting: Setting, sample: dict[str, Any], place: Place) -> Callable[[], None]:
    """Textbook loop, plain cross-entropy over B x T x V logits, torch's Adam."""
    model = models.textbook_model(setting)
    place(model)
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    net_input, target = sample["net_input"], sample["target"]

    def run() -> None:
        optimizer.zero_grad()
        logits, _ = model(net_input["src_tokens"], net_input["prev_output_tokens"])
        loss = F.cross_entropy(logits.flatten(0, 1), target.flatten(), ignore_index=models.PAD)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    return run


def naive_update(setting: Setting, sample: dict[str, Any], place: Place) -> Callable[[], None]:
    """The plugin's model with its plain loop, fairseq's criterion, torch's Adam."""
    model = models.our_model(setting, "naive")
    place(model)
    criterion = CrossEntropyCriterion(models.task(setting), sentence_avg=False)
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)

    def run() -> None:
        optimizer.zero_grad()
        loss, size, _ = criterion(model, sample)
        (loss / size).backward()
        optimizer.step()

    return run


def fused_update(setting: Setting, sample: dict[str, Any], place: Place) -> Callable[[], None]:
    """The plugin's model, criterion and optimizer."""
    model = models.our_model(setting, "fused")
    place(model)
    criterion = ChunkedCrossEntropyCriterion(models.task(setting), sentence_avg=False, label_smoothing=0.0)
    options = Namespace(lr=[RATE], adam_betas="(0.9, 0.999)", adam_eps=1e-8, weight_decay=0.0)
    optimizer = FusedAdamW(options, list(model.parameters()))

    def run() -> None:
        optimizer.zero_grad()
        loss, size, _ = criterion(model, sample)
        optimizer.backward(loss / size)
        optimizer.step()

    return run


def measure_train(setting: Setting, circumstances: Circumstances) -> list[Measurement]:
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
