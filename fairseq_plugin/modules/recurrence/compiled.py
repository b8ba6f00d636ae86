"""The fused recurrence with its steps compiled (``fairseq_plugin/native``): same buffers, same order, same gradients.

Where the products of a step are small, all steps are one call. Where they are large, each goes through
``modules/products.py`` as in ``fused.py``, and what stands between them is one call. The attention layer is never kept:
computing it again takes less time than fetching it.

On another device, in another precision and under autocast, ``fused.py`` and ``step.py`` do the work.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from fairseq_plugin import native
from fairseq_plugin.modules import products
from fairseq_plugin.modules.attention import AdditiveAttention, Attention
from fairseq_plugin.modules.products import linear, planned
from fairseq_plugin.modules.recurrence import fused
from fairseq_plugin.modules.recurrence.additive_layer import Layer
from fairseq_plugin.modules.recurrence.arrangement import Gradients, GradientSums, Trace, Weights, rooms
from fairseq_plugin.modules.recurrence.fused import Passes, cut, views
from fairseq_plugin.modules.recurrence.interface import NO_PAST, Memory, Past, RecurrenceOutput
from fairseq_plugin.modules.recurrence.step import fused_steps


def large(weights: Weights, batch: int) -> bool:
    """Whether the products of a step are worth a call each."""
    return batch * weights.hidden.numel() >= products.LARGE


def run_forward(
    weights: Weights,
    keys: Tensor,
    padding_mask: Tensor | None,
    inputs: Tensor,
    state: Tensor,
    values: Tensor,
    differentiable: bool,
) -> Trace:
    """All target steps; see :func:`fused.run_forward`."""
    keys, energy = keys.contiguous(), weights.energy.contiguous()
    padding = None if padding_mask is None else padding_mask.contiguous()
    buffers = fused.start(weights, inputs, state, values)
    contexts, states, sides, attention = buffers
    trace = Trace(weights, Layer(keys, energy, None), values, inputs, *buffers)
    operations = native.operations()
    if not large(weights, state.size(0)):
        operations.forward(
            weights.hidden, weights.context, keys, energy, values, padding, sides, states, attention, contexts
        )
        return trace
    to_hidden, to_gates = planned(weights.hidden, states[0]), planned(weights.context, contexts[0])
    part = views(sides, energy.size(0))
    query, hidden, gates, gate_input = cut(part.query), cut(part.hidden), cut(part.gates), cut(part.gate_input)
    state_of, context, weight = cut(states), cut(contexts), cut(attention)
    with torch.inference_mode():
        for t in range(len(query)):
            to_hidden(state_of[t], hidden[t], hidden[t])
            operations.attend(query[t], keys, energy, values, padding, weight[t], context[t])
            to_gates(context[t], gate_input[t], gate_input[t])
            operations.unit(gates[t], state_of[t], state_of[t + 1])
    return trace


def run_backward(trace: Trace, to_states: Tensor, to_contexts: Tensor | None, to_weights: Tensor | None) -> Gradients:
    """Backpropagation through time; see :func:`fused.run_backward`."""
    weights, (keys, energy, _) = trace.weights, trace.layer
    if to_weights is not None:
        to_weights = to_weights.contiguous()
    to_keys, to_energy = torch.zeros_like(keys), keys.new_zeros(keys.size(0), energy.size(0))
    run_steps = step_by_step(trace) if large(weights, keys.size(0)) else in_one_call(trace)
    sums, state = GradientSums(trace), torch.zeros_like(trace.states[0])
    for block, sides, contexts in rooms(trace):
        states = state.new_empty(len(sides) + 1, *state.shape)
        states[0], states[1:] = 0.0, to_states[block]
        states[-1] += state
        contexts.zero_() if to_contexts is None else contexts.copy_(to_contexts[block])
        made = trace.sides[block], trace.states[block], trace.attention[block]
        given = None if to_weights is None else to_weights[block]
        run_steps(*made, given, sides, states, contexts, to_keys, to_energy)
        sums.add(block, sides, contexts)
        state = states[0].clone()
    return sums.finish(state, to_keys.mul_(energy), to_energy.sum(dim=0))


def in_one_call(trace: Trace) -> Callable[..., None]:
    """The backward pass of a block of steps. It takes what the operation takes from ``sides`` on."""
    weights, (keys, energy, _) = trace.weights, trace.layer
    return partial(native.operations().backward, weights.hidden, weights.context, keys, energy, trace.values)


def step_by_step(trace: Trace) -> Callable[..., None]:
    """The same with two products a step through ``products.py``."""
    weights, (keys, energy, _), values = trace.weights, trace.layer, trace.values
    units, operations = energy.size(0), native.operations()
    like = views(trace.sides, units)
    to_context = planned(weights.context.t(), like.gate_input[0])
    to_state = planned(weights.hidden.t(), like.hidden[0])

    def run_steps(
        sides: Tensor,
        states: Tensor,
        attention: Tensor,
        to_weights: Tensor | None,
        to_sides: Tensor,
        to_states: Tensor,
        to_contexts: Tensor,
        to_keys: Tensor,
        to_energy: Tensor,
    ) -> None:
        made, part = views(sides, units), views(to_sides, units)
        asked, gates_made = cut(made.query), cut(made.gates)
        query, hidden, gates, gate_input = cut(part.query), cut(part.hidden), cut(part.gates), cut(part.gate_input)
        context, weight = cut(to_contexts), cut(attention)
        with torch.inference_mode():
            for t in reversed(range(len(sides))):
                operations.unit_backward(gates_made[t], states[t], to_states[t + 1], gates[t], to_states[t])
                to_context(gate_input[t], context[t], context[t])
                to_weight = None if to_weights is None else to_weights[t]
                read = asked[t], keys, energy, values, weight[t], context[t], to_weight
                operations.attend_backward(*read, to_keys, to_energy, query[t])
                to_state(hidden[t], to_states[t], to_states[t])

    return run_steps


native_passes = Passes(run_forward, run_backward)


def at_home(*tensors: Tensor) -> bool:
    """Whether compiled steps can compute with these: on a CPU, all in float32 or all in float64."""
    dtype = tensors[0].dtype
    return (
        dtype in (torch.float32, torch.float64)
        and all(tensor.dtype == dtype and tensor.device.type == "cpu" for tensor in tensors)
        and not torch.is_autocast_enabled("cpu")
    )


def native_recurrence(
    cell: nn.GRUCell, attention: Attention, inputs: Tensor, state: Tensor, memory: Memory, past: Past = NO_PAST
) -> RecurrenceOutput:
    """All target steps at once; see :class:`Recurrence` for the shapes and :func:`fused_recurrence`."""
    compiled = at_home(inputs, state, memory.keys, memory.values, cell.weight_hh)
    passes = native_passes if compiled else fused.FUSED
    return fused.fused_recurrence(cell, attention, inputs, state, memory, past, passes=passes)


def native_steps(
    cell: nn.GRUCell, attention: Attention, inputs: Tensor, state: Tensor, memory: Memory, past: Past = NO_PAST
) -> RecurrenceOutput:
    """Target steps (usually one) over a memory of :func:`prepare_steps`; see :class:`Recurrence` for the shapes."""
    assert isinstance(attention, AdditiveAttention)
    if torch.is_grad_enabled() or not at_home(inputs, state, memory.keys, memory.values, cell.weight_hh):
        return fused_steps(cell, attention, inputs, state, memory, past)
    (batch, steps, embed), size, state = inputs.shape, state.size(1), state.contiguous()
    words = linear(inputs, cell.weight_ih[:, :embed], cell.bias_ih)  # (B, T, 3H)
    keys, values, padding, rows = (None if part is None else part.contiguous() for part in memory)
    assert keys is not None
    assert values is not None
    energy = attention.energy_weight().squeeze(0)
    states, weights = state.new_empty(batch, steps, size), state.new_empty(batch, steps, keys.size(1))
    sums = state.new_empty(batch, steps, values.size(2))  # 3H + C, or 3H
    for t in range(steps):
        query = linear(state, attention.query_projection.weight)
        hidden = linear(state, cell.weight_hh, cell.bias_hh)
        given = words[:, t], query, hidden, state, keys, energy, values, padding, rows
        state = states[:, t]
        native.operations().decode(*given, weights[:, t], sums[:, t], state)
    contexts = sums[:, :, 3 * size :]
    return RecurrenceOutput(states, contexts if contexts.size(2) else None, weights)
