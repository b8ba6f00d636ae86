"""Rows of training: ``core``, ``memory``, ``update`` and ``train``.

- ``core``: the decoder's recurrence with attention, forward and backward, the projection of the keys included.
- ``memory``: peak memory of one training step of the same, each in a process of its own.
- ``update``: one update of the whole model: encoder, recurrence, output layer, loss, optimizer.
- ``train``: target tokens per second of real ``fairseq-train`` processes on the same batches, as fairseq logs them.
  Wall time between one log line and the next; the first interval is left out as warm-up.
"""

import json
from argparse import Namespace
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from fairseq import utils
from fairseq.criterions.cross_entropy import CrossEntropyCriterion
from torch import Tensor, nn

from fairseq_plugin import native
from fairseq_plugin.criterions.chunked_cross_entropy import ChunkedCrossEntropyCriterion
from fairseq_plugin.modules.attention import AdditiveAttention
from fairseq_plugin.modules.precision import HIGHEST, MEDIUM
from fairseq_plugin.modules.recurrence import RECURRENCE, Memory
from fairseq_plugin.optim.fused_adam import FusedAdamW
from scripts.benchmark import models
from scripts.benchmark.children import growth_in_a_child
from scripts.benchmark.commands import said_by
from scripts.benchmark.measurement import (
    MEGABYTES,
    MILLISECONDS,
    TOKENS,
    Circumstances,
    Clock,
    Measurement,
    float32_products,
    in_turns,
    interleave,
    measurements,
    named,
    precision_of,
)
from scripts.benchmark.report import (
    FUSED,
    FUSED_UPDATE,
    LSTM,
    NAIVE,
    NAIVE_UPDATE,
    NATIVE,
    NATIVE_UPDATE,
    OURS,
    PLAIN,
    TEXTBOOK,
    TEXTBOOK_UPDATE,
    medium,
)
from scripts.benchmark.settings import Setting, core_gflop, token_gflop, update_gflop
from scripts.benchmark.textbook import TextbookDecoder

RATE = 1e-3
Place = Callable[[nn.Module], None]
"""Moves a model to the device and the precision that are measured."""


def compiled(circumstances: Circumstances) -> bool:
    """Whether the compiled recurrence is there and runs on the device."""
    return circumstances.device == "cpu" and native.missing() is None


def measure_core(setting: Setting, circumstances: Circumstances) -> list[Measurement]:
    """Textbook, naive, fused and native, in turns; on a GPU in each precision."""
    variants = (TEXTBOOK, NAIVE, FUSED, *([NATIVE] if compiled(circumstances) else []))
    device = circumstances.device
    clock = Clock(circumstances.threads, device)
    measured: dict[str, list[float]] = {}
    repetitions, warmups = circumstances.repeat(setting.repetitions), circumstances.warm_up(setting.warmups)
    for precision in circumstances.in_precisions("highest", "high", "bf16"):
        inputs = CoreInputs.of(setting, device, precision_of(precision).dtype)
        runs = {named(name, precision): core(name, setting, inputs) for name in variants}
        with float32_products(precision):
            times = interleave(runs, clock, repetitions=repetitions, warmups=warmups)
        measured.update(times)
    return measurements("core", setting.name, circumstances, MILLISECONDS, measured, lambda _: core_gflop(setting))


@dataclass(frozen=True)
class CoreInputs:
    """What the recurrence reads, and the gradient that comes back."""

    embedded: Tensor  # (B, T, E)
    state: Tensor  # (B, H)
    annotations: Tensor  # (B, S, C)
    gradient: Tensor  # (B, T, H)

    @classmethod
    def of(cls, setting: Setting, device: str = "cpu", dtype: torch.dtype = torch.float32) -> "CoreInputs":
        """Random numbers for a setting."""
        torch.manual_seed(3)

        def numbers(*shape: int) -> Tensor:
            return torch.randn(setting.batch, *shape).mul_(0.5).to(device, dtype)

        return cls(
            embedded=numbers(setting.target, setting.embed).requires_grad_(),
            state=numbers(setting.hidden).requires_grad_(),
            annotations=numbers(setting.source, setting.annotation).requires_grad_(),
            gradient=numbers(setting.target, setting.hidden),
        )


def core(name: str, setting: Setting, inputs: CoreInputs) -> Callable[[], None]:
    """One forward and backward pass of the variant of that name."""
    torch.manual_seed(4)
    module, states = textbook_core(setting, inputs) if name == TEXTBOOK else our_core(name, setting, inputs)
    module.to(inputs.state.device, inputs.state.dtype)
    leaves = [inputs.embedded, inputs.state, inputs.annotations, *module.parameters()]

    def run() -> None:
        for leaf in leaves:
            leaf.grad = None
        states().backward(inputs.gradient)  # type: ignore[no-untyped-call]

    return run


def textbook_core(setting: Setting, inputs: CoreInputs) -> tuple[nn.Module, Callable[[], Tensor]]:
    """The textbook's decoder, and a call that gives its states (B, T, H)."""
    decoder = TextbookDecoder(setting.embed, setting.hidden, setting.attention, setting.annotation)
    return decoder, lambda: decoder(inputs.embedded, inputs.state, inputs.annotations)[0]


def our_core(name: str, setting: Setting, inputs: CoreInputs) -> tuple[nn.Module, Callable[[], Tensor]]:
    """Cell and attention of the plugin, and a call that gives the states (B, T, H)."""
    attention = AdditiveAttention(setting.hidden, setting.annotation, setting.attention)
    cell = nn.GRUCell(setting.embed + setting.annotation, setting.hidden)
    recurrence = RECURRENCE[name]

    def states() -> Tensor:
        memory = Memory(attention.project_keys(inputs.annotations), inputs.annotations, None)
        return recurrence.run(cell, attention, inputs.embedded, inputs.state, memory).states

    return nn.ModuleList([attention, cell]), states


def measure_memory(setting: Setting, circumstances: Circumstances) -> list[Measurement]:
    """Textbook, fused and native, in turns: how much the textbook's loop needs differs from run to run."""
    variants = (TEXTBOOK, FUSED, *([NATIVE] if compiled(circumstances) else []))
    runs = {name: partial(growth_in_a_child, name, setting, circumstances.threads) for name in variants}
    growth = in_turns(runs, circumstances.repeat(setting.command_repetitions))
    return measurements("memory", setting.name, circumstances, MEGABYTES, growth)


def measure_update(setting: Setting, circumstances: Circumstances) -> list[Measurement]:
    """Textbook, naive, fused and native, in turns; on a GPU in each precision."""
    clock = Clock(circumstances.threads, circumstances.device)
    repetitions, warmups = circumstances.repeat(setting.repetitions), circumstances.warm_up(setting.warmups)
    sample = utils.move_to_cuda(models.batch(setting)) if circumstances.device == "cuda" else models.batch(setting)
    times: dict[str, list[float]] = {}
    for precision in circumstances.in_precisions("highest", "high", "bf16"):
        place = partial(to_place, device=circumstances.device, dtype=precision_of(precision).dtype)
        runs = {
            named(TEXTBOOK_UPDATE, precision): textbook_update(setting, sample, place),
            named(NAIVE_UPDATE, precision): naive_update(setting, sample, place),
            named(FUSED_UPDATE, precision): fast_update(FUSED, setting, sample, place),
        }
        if compiled(circumstances):
            runs[named(NATIVE_UPDATE, precision)] = fast_update(NATIVE, setting, sample, place)
        if circumstances.bfloat16:
            runs[medium(FUSED_UPDATE)] = fast_update(FUSED, setting, sample, place, MEDIUM)
            if compiled(circumstances):
                runs[medium(NATIVE_UPDATE)] = fast_update(NATIVE, setting, sample, place, MEDIUM)
        with float32_products(precision):
            times |= interleave(runs, clock, repetitions=repetitions, warmups=warmups)
    return measurements("update", setting.name, circumstances, MILLISECONDS, times, lambda _: update_gflop(setting))


def to_place(model: nn.Module, *, device: str, dtype: torch.dtype) -> None:
    """Move a model to where it trains."""
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


def fast_update(
    recurrence: str, setting: Setting, sample: dict[str, Any], place: Place, products: str = HIGHEST
) -> Callable[[], None]:
    """The plugin's model with the recurrence of that name, its criterion and its optimizer.

    :param products: ``--float32-matmul-precision``.
    """
    model = models.our_model(setting, recurrence, products)
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
    data = models.make_data(setting, circumstances)

    def rate(words: list[str], precision: str | None) -> float:
        return models.tokens_per_second(said_by(words, circumstances, precision))

    runs = {
        named(name, precision): partial(rate, words, precision)
        for precision in circumstances.in_precisions("highest", "high", "fp16")
        for name, words in commands(setting, data, circumstances.device, precision).items()
    }
    if circumstances.bfloat16:
        words = [*commands(setting, data, "cpu")[OURS], "--float32-matmul-precision", MEDIUM]
        runs[medium(OURS)] = partial(rate, words, None)
    rates = in_turns(runs, circumstances.repeat(setting.command_repetitions))

    def gflop(name: str) -> float | None:
        return None if name.startswith(LSTM) else token_gflop(setting)  # an LSTM's products are others

    return measurements("train", setting.name, circumstances, TOKENS, rates, gflop)


def commands(setting: Setting, data: Path, device: str, precision: str | None = None) -> dict[str, list[str]]:
    """What is compared: variants and the modules, with arguments, that train them."""
    logging = ["--log-format", "json", "--log-interval", str(setting.interval)]
    saving = ["--no-save", "--save-dir", str(data / "checkpoints")]  # which fairseq makes nevertheless
    found = {
        name: [
            *models.train_words(model, setting, data, setting.updates, device),
            *logging,
            *saving,
            *precision_of(precision).options,
        ]
        for name, model in {LSTM: "lstm", OURS: "gru_attention"}.items()
    }
    if setting.name == "tiny" and device == "cpu":
        found[PLAIN] = ["scripts.benchmark.textbook", str(data), json.dumps(asdict(setting))]
    return found
