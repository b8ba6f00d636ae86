"""The recurrence with additive attention as one differentiable function, with backpropagation through time by hand.

Same equations as ``naive.py``. What makes it fast:

- [W_hh; W_s] s_{t-1} is one product a step; the embedding's part of the gates is one product for all steps;
- every weight gradient is one product over all steps, or over many (``arrangement.py``);
- the factors that turn a state's gradient into its gates' gradients are computed for many steps at once;
- the attention layer (B, S, A) of a step is kept for the backward pass only while that is cheap, else recomputed
  (``additive_layer.py``).

All that a step computes stands in one row of one buffer, [q, g_n, r, z, n], where g_n is what the state adds to gate n
before the reset: its first part is the hidden side of the step, its last the input side (in torch's order r, z, n), and
both products of a step add to it in place. The gradients stand in a second buffer of the same order, for a block of
steps at a time.

Derivation, with n, r, z the gates and incoming gradients ds, dc, da:

    dn = ds (1 - z)(1 - n^2)    dz = ds (s_prev - n) z (1 - z)    dr = dn g_n r (1 - r)
    dc += [dn dr dz] W_c        da += h . dc                      de = a (da - a . da)
    ds_prev = ds z + [dr dz (dn r) dq] [W_hh; W_s]                dq from de: see additive_layer.py
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from fairseq_plugin.modules.attention import AdditiveAttention, Attention, LuongAttention
from fairseq_plugin.modules.fused_gru import GateFactors
from fairseq_plugin.modules.precision import current_precision
from fairseq_plugin.modules.products import first_order, planned, product
from fairseq_plugin.modules.recurrence.additive_layer import AdditiveBackward, AdditiveForward
from fairseq_plugin.modules.recurrence.arrangement import (
    Gradients,
    GradientSums,
    Trace,
    Weights,
    arrange,
    restore,
    rooms,
)
from fairseq_plugin.modules.recurrence.interface import NO_PAST, Memory, Past, RecurrenceOutput

# Numbers of the attention layer, all steps together, up to which it is kept for the backward pass: on a CPU what stays
# in its cache (2 MB in float32), as fetching more from memory takes longer than computing it again. A GPU's memory is
# faster (64 MB).
KEEP_LAYER = 1 << 19
KEEP_LAYER_ON_GPU = 1 << 24


cut = Tensor.unbind  # (T, ...) to a view a step


class Sides(NamedTuple):
    """Views of the rows [q, g_n, r, z, n] of all steps (T, B, A + 4H), or of the gradients of these rows."""

    query: Tensor  # q (T, B, A)
    hidden: Tensor  # q, g_n, r, z: what the product with the state adds to (T, B, A + 3H)
    gates: Tensor  # g_n, r, z, n (T, B, 4H)
    gate_input: Tensor  # r, z, n: what the product with the context adds to (T, B, 3H)
    hidden_new: Tensor  # g_n (T, B, H)
    reset_update: Tensor  # r, z (T, B, 2H)
    reset: Tensor  # r (T, B, H)
    update: Tensor  # z (T, B, H)
    candidate: Tensor  # n (T, B, H)


def views(sides: Tensor, units: int) -> Sides:
    """The parts of rows (T, B, A + 4H). :param units: A."""
    gates = sides[:, :, units:]
    size = gates.size(2) // 4
    hidden_new, reset, update, candidate = torch.split(gates, size, dim=2)
    return Sides(
        query=sides[:, :, :units],
        hidden=sides[:, :, :-size],
        gates=gates,
        gate_input=gates[:, :, size:],
        hidden_new=hidden_new,
        reset_update=gates[:, :, size:-size],
        reset=reset,
        update=update,
        candidate=candidate,
    )


class Buffers(NamedTuple):
    """What the steps fill: :class:`Trace` has the shapes."""

    contexts: Tensor
    states: Tensor
    sides: Tensor
    attention: Tensor


def start(weights: Weights, inputs: Tensor, state: Tensor, values: Tensor) -> Buffers:
    """Buffers with s_0, and with the part of ``sides`` that no step changes."""
    steps, batch, _ = inputs.shape
    size, units = state.size(1), weights.energy.size(0)
    gates = units + size
    new = inputs.new_empty
    states, sides = new(steps + 1, batch, size), new(steps, batch, gates + 3 * size)
    states[0] = state
    sides[:, :, :gates] = weights.bias[:gates]
    flat = sides.view(-1, gates + 3 * size)
    product(inputs.flatten(0, 1), weights.embedding, weights.bias[gates:], out=flat[:, gates:])
    return Buffers(new(steps, batch, values.size(2)), states, sides, new(steps, batch, values.size(1)))


def run_forward(
    weights: Weights,
    keys: Tensor,
    padding_mask: Tensor | None,
    inputs: Tensor,
    state: Tensor,
    values: Tensor,
    differentiable: bool,
) -> Trace:
    """All target steps; keys (B, S, A), padding_mask (B, S), inputs (T, B, E), state (B, H), values (B, S, C)."""
    steps = inputs.size(0)
    limit = KEEP_LAYER if keys.device.type == "cpu" else KEEP_LAYER_ON_GPU
    keep = steps if differentiable and steps * keys.numel() <= limit else 0
    attention = AdditiveForward(keys, weights.energy, padding_mask, keep=keep)
    buffers = start(weights, inputs, state, values)
    contexts, states, sides, weight = buffers
    to_hidden, to_gates = planned(weights.hidden, state), planned(weights.context, contexts[0])
    part = views(sides, weights.energy.size(0))
    # Cut once for all steps: cutting costs as much as small arithmetic.
    query, hidden, gate_input = cut(part.query.unsqueeze(2)), cut(part.hidden), cut(part.gate_input)
    hidden_new, reset_update = cut(part.hidden_new), cut(part.reset_update)
    reset, update, candidate = cut(part.reset), cut(part.update), cut(part.candidate)
    context, context_row, weight_row = cut(contexts), cut(contexts.unsqueeze(2)), cut(weight.unsqueeze(2))
    state_of = cut(states)
    with torch.inference_mode():  # calls cost less where autograd keeps no account of views and versions
        for t in range(steps):
            to_hidden(state_of[t], hidden[t], hidden[t])
            attention.weights(query[t], out=weight_row[t])
            torch.bmm(weight_row[t], values, out=context_row[t])
            to_gates(context[t], gate_input[t], gate_input[t])
            reset_update[t].sigmoid_()
            candidate[t].addcmul_(reset[t], hidden_new[t]).tanh_()
            torch.lerp(candidate[t], state_of[t], update[t], out=state_of[t + 1])
    attention.finish()
    return Trace(weights, attention.layer, values, inputs, *buffers)


def run_backward(trace: Trace, to_states: Tensor, to_contexts: Tensor | None, to_weights: Tensor | None) -> Gradients:
    """Backpropagation through time from the gradients of states (T, B, H), contexts and attention weights."""
    weights, units = trace.weights, trace.weights.energy.size(0)
    steps, batch, size = to_states.shape
    made = views(trace.sides, units)
    layer = AdditiveBackward(trace.layer, made.query.unsqueeze(2))
    factors = GateFactors(made.gates.view(steps, batch, 4, size), trace.states)
    update, incoming, weight_row = cut(made.update), cut(to_states), cut(trace.attention.unsqueeze(2))
    positions, sums = trace.values.transpose(1, 2), GradientSums(trace)
    to_context = planned(weights.context.t(), made.gate_input[0])
    to_state = planned(weights.hidden.t(), made.hidden[0])
    state = incoming[-1]
    for block, sides, contexts in rooms(trace):
        part = views(sides, units)
        query, hidden, gate_input = cut(part.query.unsqueeze(2)), cut(part.hidden), cut(part.gate_input)
        gates = cut(part.gates.view(-1, batch, 4, size))
        context, context_row = cut(contexts), cut(contexts.unsqueeze(2))
        with torch.inference_mode():
            for row in reversed(range(len(sides))):
                t = block.start + row
                torch.mul(state.unsqueeze(1), factors[t], out=gates[row])
                to_context(gate_input[row], None if to_contexts is None else to_contexts[t], context[row])
                to_weight = torch.bmm(context_row[row], positions)  # (B, 1, S)
                if to_weights is not None:
                    to_weight += to_weights[t].unsqueeze(1)
                layer.query(to_weight, weight_row[t], t, out=query[row])
                past = torch.addcmul(incoming[t - 1], state, update[t]) if t else state * update[t]
                state = to_state(hidden[row], past)
        sums.add(block, sides, contexts)
    return sums.finish(state.clone(), *layer.finish())  # what was made in inference mode cannot leave it


class Passes(NamedTuple):
    """The two passes, computed in one of the ways."""

    forward: Callable[..., Trace]
    backward: Callable[..., Gradients]


FUSED = Passes(run_forward, run_backward)


class _FusedRecurrence(torch.autograd.Function):
    """Autograd's view of the two passes. Batch first outside, time first inside; float32 inside for half precision."""

    @staticmethod
    def forward(
        ctx: Any,
        passes: Passes,
        inputs: Tensor,
        state: Tensor,
        keys: Tensor,
        values: Tensor,
        padding_mask: Tensor | None,
        *raw: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        exact = torch.promote_types(inputs.dtype, torch.float32)
        weights = arrange(inputs.size(2), *raw)
        weights = weights._replace(bias=weights.bias.to(exact), energy=weights.energy.to(exact))
        differentiable = any(ctx.needs_input_grad)
        trace = passes.forward(
            weights,
            keys.to(exact),
            padding_mask,
            inputs.transpose(0, 1).to(exact).contiguous(),
            state.to(exact),
            values.to(exact).contiguous(),
            differentiable,
        )
        if differentiable:
            ctx.save_for_backward(*trace.pack())
            ctx.dtypes = [tensor.dtype for tensor in (inputs, state, keys, values, *raw)]
            ctx.run_backward = passes.backward
        ctx.precision = current_precision()
        ctx.set_materialize_grads(False)
        return (
            trace.states[1:].transpose(0, 1).to(inputs.dtype),
            trace.contexts.transpose(0, 1).to(values.dtype),
            trace.attention.transpose(0, 1),
        )

    @staticmethod
    @first_order("use --recurrence naive")
    def backward(ctx: Any, to_states: Tensor | None, to_contexts: Tensor | None, to_weights: Tensor | None) -> Any:
        trace = Trace.unpack(ctx.saved_tensors)
        exact = trace.states.dtype

        def time_first(grad: Tensor | None) -> Tensor | None:
            return None if grad is None else grad.transpose(0, 1).to(exact)

        states = time_first(to_states)
        if states is None:
            states = torch.zeros_like(trace.states[1:])
        grads = ctx.run_backward(trace, states, time_first(to_contexts), time_first(to_weights))
        ordered = (
            grads.inputs.transpose(0, 1),
            grads.state,
            grads.keys,
            grads.values,
            *restore(grads.weights, trace.weights.energy.size(0)),
        )
        given = [grad.to(dtype) for grad, dtype in zip(ordered, ctx.dtypes, strict=True)]
        return (None, *given[:4], None, *given[4:])


def supports(attention: Attention) -> bool:
    """Whether this is the additive score, used with the previous state alone; the others take the plain loop."""
    additive = isinstance(attention, AdditiveAttention) and type(attention).score is AdditiveAttention.score
    return additive and not isinstance(attention, LuongAttention) and not attention.uses_previous_weights


def fused_recurrence(
    cell: nn.GRUCell,
    attention: Attention,
    inputs: Tensor,
    state: Tensor,
    memory: Memory,
    past: Past = NO_PAST,
    *,
    passes: Passes = FUSED,
) -> RecurrenceOutput:
    """All target steps at once; see :class:`Recurrence` for the shapes.

    Differentiable once: ``create_graph=True`` raises an error that names the plain loop.

    :param passes: the way to compute them.
    """
    assert isinstance(attention, AdditiveAttention)
    keys, values, padding_mask, _ = memory.per_row()
    return RecurrenceOutput(
        *_FusedRecurrence.apply(  # type: ignore[no-untyped-call]
            passes,
            inputs,
            state,
            keys,
            values,
            padding_mask,
            cell.weight_ih,
            cell.weight_hh,
            cell.bias_ih,
            cell.bias_hh,
            attention.query_projection.weight,
            attention.energy_weight(),
        )
    )
