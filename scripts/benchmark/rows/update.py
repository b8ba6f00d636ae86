"""One update of the whole model: encoder, recurrence, output layer, loss, optimizer."""

import functools
from argparse import Namespace
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from fairseq import utils
from fairseq.criterions.cross_entropy import CrossEntropyCriterion
from torch import nn

from fairseq_plugin.criterions.chunked_cross_entropy import ChunkedCrossEntropyCriterion
from fairseq_plugin.optim.fused_adam import FusedAdamW
from scripts.benchmark import models
from scripts.benchmark.flops import update_gflop
from scripts.benchmark.measurement import MILLISECONDS, Circumstances, Measurement
from scripts.benchmark.precision import float32_products, named, precision_of
from scripts.benchmark.settings import Setting
from scripts.benchmark.targets import FUSED_UPDATE, NAIVE_UPDATE, TEXTBOOK_UPDATE
from scripts.benchmark.timing import Clock, interleave

RATE = 1e-3
Place = Callable[[nn.Module], None]
"""Moves a model to the device and the precision that are measured."""


def measure(setting: Setting, circumstances: Circumstances) -> list[Measurement]:
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
