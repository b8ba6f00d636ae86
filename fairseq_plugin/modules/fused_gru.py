"""One direction of one layer of a GRU as one differentiable function, with backpropagation through time by hand.

The equations are those of torch.nn.GRU. With n, r, z the gates and g_n the hidden side of n:

    r = sigmoid(x_r + g_r)    z = sigmoid(x_z + g_z)    n = tanh(x_n + r g_n)    s = n + z (s_prev - n)

where x = W_ih input + b_ih comes from one product for all steps and g = W_hh s_prev + b_hh from one product a step.
Backward, a step's gate gradients stand in one buffer, [g_n, r, z, n]: its first three quarters are the hidden side, its
last three the input side, and every weight gradient is one product over all steps (``recurrence/gate_factors.py``
has the derivation). torch's own function records some fifteen operations a step for autograd to walk back through.
"""

from typing import Any

import torch
from torch import Tensor

from fairseq_plugin.modules.first_order import first_order
from fairseq_plugin.modules.products import planned, product, weight_gradient
from fairseq_plugin.modules.recurrence.gate_factors import GateFactors


def fused_gru(inputs: Tensor, weight_ih: Tensor, weight_hh: Tensor, bias_ih: Tensor, bias_hh: Tensor) -> Tensor:
    """States s_1..s_S (B, S, H) from s_0 = 0, for inputs (B, S, E) and parameters in torch's order (gates r, z, n).

    All in one precision, float32 or float64. Differentiable once.
    """
    states: Tensor = _FusedGRU.apply(inputs, weight_ih, weight_hh, bias_ih, bias_hh)  # type: ignore[no-untyped-call]
    return states


class _FusedGRU(torch.autograd.Function):
    """Batch first outside, time first inside."""

    @staticmethod
    def forward(
        ctx: Any, inputs: Tensor, weight_ih: Tensor, weight_hh: Tensor, bias_ih: Tensor, bias_hh: Tensor
    ) -> Tensor:
        size = weight_hh.size(1)
        inputs = inputs.transpose(0, 1).contiguous()  # (S, B, E)
        to_hidden_weight = weight_hh.roll(size, 0)  # gates n, r, z
        gates = product(inputs.flatten(0, 1), weight_ih, bias_ih).view(*inputs.shape[:2], 3 * size)  # r, z, n
        states, hidden = _run_forward(gates, to_hidden_weight, bias_hh.roll(size, 0))
        if any(ctx.needs_input_grad):
            ctx.save_for_backward(inputs, weight_ih, to_hidden_weight, gates, hidden, states)
        return states[1:].transpose(0, 1)

    @staticmethod
    @first_order("use --recurrence naive")
    def backward(ctx: Any, to_states: Tensor) -> tuple[Tensor | None, ...]:
        inputs, weight_ih, to_hidden_weight, gates, hidden, states = ctx.saved_tensors
        size = states.size(2)
        sides = _run_backward(to_states.transpose(0, 1), to_hidden_weight, gates, hidden, states).flatten(0, 1)
        hidden_side, input_side, bias = sides[:, : 3 * size], sides[:, size:], sides.sum(dim=0)
        to_inputs = product(input_side, weight_ih.t()).view_as(inputs) if ctx.needs_input_grad[0] else None
        return (
            None if to_inputs is None else to_inputs.transpose(0, 1),
            weight_gradient(input_side, inputs.flatten(0, 1)),
            weight_gradient(hidden_side, states[:-1].flatten(0, 1)).roll(-size, 0),
            bias[size:],
            bias[: 3 * size].roll(-size, 0),
        )


def _run_forward(gates: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """Turn the input side of the gates (S, B, 3H; r, z, n) into the gates, in place.

    :returns: states (S + 1, B, H), s_0 first, and the hidden side of the gates (S, B, 3H; n, r, z).
    """
    steps, batch, size = *gates.shape[:2], weight.size(1)
    states = gates.new_empty(steps + 1, batch, size)
    states[0] = 0.0
    hidden = torch.empty_like(gates)
    to_hidden = planned(weight, states[0])
    state, side = states.unbind(), hidden.unbind()
    hidden_new, hidden_reset_update = hidden[:, :, :size].unbind(), hidden[:, :, size:].unbind()
    reset, update = gates[:, :, :size].unbind(), gates[:, :, size : 2 * size].unbind()
    reset_update, new = gates[:, :, : 2 * size].unbind(), gates[:, :, 2 * size :].unbind()
    for t in range(steps):
        to_hidden(state[t], bias, side[t])
        reset_update[t].add_(hidden_reset_update[t]).sigmoid_()
        candidate = new[t].addcmul_(reset[t], hidden_new[t]).tanh_()
        torch.lerp(candidate, state[t], update[t], out=state[t + 1])
    return states, hidden


def _run_backward(to_states: Tensor, weight: Tensor, gates: Tensor, hidden: Tensor, states: Tensor) -> Tensor:
    """Gradients of both sides of the gates (S, B, 4H): n before the reset, r, z, n."""
    steps, batch, size = to_states.shape
    sides = gates.new_empty(steps, batch, 4 * size)
    to_state = planned(weight.t(), sides[0, :, : 3 * size])
    factors = GateFactors(gates, hidden[:, :, :size], states)
    gate_gradients, hidden_sides = sides.view(steps, batch, 4, size).unbind(), sides[:, :, : 3 * size].unbind()
    update, incoming = gates[:, :, size : 2 * size].unbind(), to_states.unbind()
    carry = torch.zeros_like(states[0])
    for t in reversed(range(steps)):
        state = carry.add_(incoming[t])
        torch.mul(state.unsqueeze(1), factors[t], out=gate_gradients[t])
        if t:
            carry = to_state(hidden_sides[t], state.mul_(update[t]))
    return sides
