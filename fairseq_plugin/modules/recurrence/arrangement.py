"""What the two passes of a recurrence read and give: parameters in the order of its products, and all gradients.

Each weight gradient is one product over many steps. The gradients of the steps themselves are kept for a block of steps
at a time: they would take as much memory as all that the forward pass keeps.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from fairseq_plugin.modules.products import product, weight_gradient
from fairseq_plugin.modules.recurrence.additive_layer import Layer


class Weights(NamedTuple):
    """Parameters of cell and attention, arranged for one product a step; see ``fused.py`` for the order."""

    embedding: Tensor  # (3H, E), gates r, z, n
    context: Tensor  # (3H, C), gates r, z, n
    hidden: Tensor  # (A + 3H, H): query, then the hidden side of gates n, r, z
    bias: Tensor  # (A + 4H,): 0 for the query, hidden side of n, both sides of r and z, input side of n
    energy: Tensor  # (A,), v


def arrange(
    embed: int, weight_ih: Tensor, weight_hh: Tensor, bias_ih: Tensor, bias_hh: Tensor, query: Tensor, v: Tensor
) -> Weights:
    """Order torch's GRU parameters (gates r, z, n; E + C inputs) and those of the attention as :class:`Weights`."""
    two = 2 * weight_hh.size(1)
    bias = torch.cat([bias_hh.new_zeros(query.size(0)), bias_hh[two:], bias_ih])
    bias[-bias_ih.size(0) :][:two] += bias_hh[:two]
    return Weights(
        embedding=weight_ih[:, :embed],
        context=weight_ih[:, embed:],
        hidden=torch.cat([query, weight_hh[two:], weight_hh[:two]]),
        bias=bias,
        energy=v.squeeze(0),
    )


def restore(gradients: Weights, units: int) -> tuple[Tensor, ...]:
    """Undo :func:`arrange` for gradients; ``units`` is A."""
    query, hidden = gradients.hidden[:units], gradients.hidden[units:]
    size = hidden.size(1)
    hidden_bias, input_bias = gradients.bias[units:-size], gradients.bias[units + size :]
    return (
        torch.cat([gradients.embedding, gradients.context], dim=1),
        hidden.roll(-size, 0),
        input_bias,
        hidden_bias.roll(-size, 0),
        query,
        gradients.energy.unsqueeze(0),
    )


class Trace(NamedTuple):
    """What the forward pass keeps for the backward pass, time first."""

    weights: Weights
    layer: Layer
    values: Tensor  # (B, S, C)
    inputs: Tensor  # (T, B, E)
    contexts: Tensor  # (T, B, C)
    states: Tensor  # (T + 1, B, H), s_0 first
    sides: Tensor  # (T, B, A + 4H): query, hidden side of n, and gates r, z, n
    attention: Tensor  # (T, B, S)

    def pack(self) -> tuple[Tensor | None, ...]:
        """Flat, as autograd saves tensors."""
        return (*self.weights, *self.layer, *self[2:])

    @classmethod
    def unpack(cls, saved: Sequence[Any]) -> "Trace":
        """Undo :meth:`pack`."""
        weights, layer = len(Weights._fields), len(Weights._fields) + len(Layer._fields)
        return cls(Weights(*saved[:weights]), Layer(*saved[weights:layer]), *saved[layer:])


class Gradients(NamedTuple):
    """Of everything the forward pass read, time first."""

    inputs: Tensor  # (T, B, E)
    state: Tensor  # (B, H)
    keys: Tensor  # (B, S, A)
    values: Tensor  # (B, S, C)
    weights: Weights


# Numbers of steps' gradients to keep at a time on a CPU: 32 MB in float32. A GPU takes all steps at once.
BLOCK = 1 << 23


def blocks(trace: Trace) -> list[slice]:
    """The steps in blocks of about equal length, the last steps first."""
    steps, batch, width = trace.sides.shape
    numbers = batch * (width + trace.states.size(2) + trace.contexts.size(2))
    fitting = max(1, BLOCK // numbers) if trace.sides.device.type == "cpu" else steps
    count = -(-steps // fitting)
    longest = -(-steps // count)
    return [slice(max(0, end - longest), end) for end in range(steps, 0, -longest)]


def rooms(trace: Trace) -> Iterator[tuple[slice, Tensor, Tensor]]:
    """The blocks, each with room for the gradients of its sides and contexts. All blocks share one room."""
    parts = blocks(trace)
    sides, contexts = torch.empty_like(trace.sides[parts[0]]), torch.empty_like(trace.contexts[parts[0]])
    for block in parts:
        count = block.stop - block.start
        yield block, sides[:count], contexts[:count]


class GradientSums:
    """Gradients that are products over steps, from the gradients that the steps give, block by block."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._inputs = torch.empty_like(trace.inputs)
        self._values: Tensor | None = None
        self._weights: tuple[Tensor, Tensor, Tensor, Tensor] | None = None  # of Weights, without v

    def add(self, steps: slice, sides: Tensor, contexts: Tensor) -> None:
        """Take in the gradients of a block's sides (T', B, A + 4H) and contexts (T', B, C)."""
        trace, rows, size = self._trace, sides.flatten(0, 1), self._trace.states.size(2)
        input_side, hidden_side = rows[:, -3 * size :], rows[:, :-size]
        inputs, read, states = (part[steps].flatten(0, 1) for part in (trace.inputs, trace.contexts, trace.states))
        product(input_side, trace.weights.embedding.t(), out=self._inputs[steps].flatten(0, 1))
        add_values = torch.bmm if self._values is None else self._values.baddbmm_
        self._values = add_values(trace.attention[steps].permute(1, 2, 0), contexts.transpose(0, 1))
        embedding, context, hidden, bias = self._weights or (None, None, None, 0.0)
        self._weights = (
            weight_gradient(input_side, inputs, embedding),
            weight_gradient(input_side, read, context),
            weight_gradient(hidden_side, states, hidden),
            rows.sum(dim=0) + bias,
        )

    def finish(self, state: Tensor, keys: Tensor, energy: Tensor) -> Gradients:
        """All gradients, with those of s_0, of the keys and of v, once every block is in."""
        assert self._values is not None
        assert self._weights is not None
        return Gradients(self._inputs, state, keys, self._values, Weights(*self._weights, energy))
