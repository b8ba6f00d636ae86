"""The decoder's recurrence with attention, forward and backward, the projection of the keys included.

Peak memory of one training step of the decoder core, each in a process of its own.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fairseq_plugin.modules.attention import AdditiveAttention
from fairseq_plugin.modules.recurrence import RECURRENCE, Memory
from scripts.benchmark.measurement import MEGABYTES, MILLISECONDS, Circumstances, Clock, Measurement, interleave
from scripts.benchmark.memory_child import growth_in_a_child
from scripts.benchmark.precision import float32_products, named, precision_of
from scripts.benchmark.report import FUSED, NAIVE, TEXTBOOK
from scripts.benchmark.settings import Setting, core_gflop
from scripts.benchmark.textbook import TextbookDecoder


def measure_core(setting: Setting, circumstances: Circumstances) -> list[Measurement]:
    """Textbook, naive and fused, in turns; on a GPU in each precision."""
    device = circumstances.device
    clock = Clock(circumstances.threads, device)
    measured = []
    repetitions, warmups = circumstances.repeat(setting.repetitions), circumstances.warm_up(setting.warmups)
    for precision in circumstances.in_precisions("highest", "high", "bf16"):
        inputs = CoreInputs.of(setting, device, precision_of(precision).dtype)
        runs = {named(name, precision): core(name, setting, inputs) for name in (TEXTBOOK, NAIVE, FUSED)}
        with float32_products(precision):
            times = interleave(runs, clock, repetitions=repetitions, warmups=warmups)
        measured += [
            Measurement("core", setting.name, name, circumstances.threads, MILLISECONDS, values, core_gflop(setting))
            for name, values in times.items()
        ]
    return measured


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
    """Textbook and fused; once each, since memory hardly varies."""
    return [
        Measurement(
            "memory",
            setting.name,
            name,
            circumstances.threads,
            MEGABYTES,
            (growth_in_a_child(name, setting, circumstances.threads),),
        )
        for name in (TEXTBOOK, FUSED)
    ]
