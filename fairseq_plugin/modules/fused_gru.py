"""One direction of one layer of a GRU as one differentiable function, with backpropagation through time by hand.

The equations are those of torch.nn.GRU. With n, r, z the gates and g_n the hidden side of n:

    r = sigmoid(x_r + g_r)    z = sigmoid(x_z + g_z)    n = tanh(x_n + r g_n)    s = n + z (s_prev - n)

where x = W_ih input + b_ih comes from one product for all steps and g = W_hh s_prev + b_hh from one product a step. All
that a step computes stands in one row of one buffer, [g_n, r, z, n]: its first three quarters are the hidden side, its
last three the input side. The gradients stand in a second buffer of the same order, and every weight gradient is one
product over all steps (:class:`GateFactors` has the derivation). torch's own function records some fifteen
operations a step for autograd to walk back through.

The factors of the gates' gradients are shared with the fused recurrence.
"""

from typing import Any

import torch
from torch import Tensor

from fairseq_plugin.modules.precision import current_precision
from fairseq_plugin.modules.products import first_order, planned, product, weight_gradient

# Numbers (steps, B, H) worked on together.
TOGETHER = 1 << 16


class GateFactors:
    """What a state's gradient is multiplied with to give those of g_n, r, z and n: (B, 4, H) a step.

    :param gates: g_n, r, z and n of all steps (T, B, 4, H).
    :param states: (T + 1, B, H), s_0 first.
    """

    def __init__(self, gates: Tensor, states: Tensor) -> None:
        steps, batch, _, size = gates.shape
        together = min(steps, max(1, TOGETHER // (batch * size)))
        self._factors = gates.new_empty(together, batch, 4, size)
        self._steps = self._factors.unbind()
        self._keep = gates.new_empty(together, batch, size)
        self._gates = gates
        self._states = states
        self._first = steps

    def __getitem__(self, step: int) -> Tensor:
        """Of ``step``, which has to be that of the last call or the one before it."""
        if step < self._first:
            self._first = max(0, step + 1 - len(self._steps))
            self._compute(slice(self._first, step + 1))
        return self._steps[step - self._first]

    def _compute(self, steps: slice) -> None:
        hidden_new, reset, update, new = self._gates[steps].unbind(2)
        to_hidden_new, to_reset, to_update, to_new = self._factors[: len(reset)].unbind(2)
        torch.mul(new, new, out=to_new)
        keep = torch.sub(1.0, update, out=self._keep[: len(reset)])
        torch.addcmul(keep, keep, to_new, value=-1.0, out=to_new)
        torch.mul(to_new, reset, out=to_hidden_new)
        torch.addcmul(to_hidden_new, to_hidden_new, reset, value=-1.0, out=to_reset)
        to_reset.mul_(hidden_new)
        torch.sub(self._states[steps], new, out=to_update).mul_(keep.mul_(update))


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
        sides = inputs.new_empty(*inputs.shape[:2], 4 * size)
        sides[:, :, :size] = bias_hh[2 * size :]
        bias = bias_ih.clone()
        bias[: 2 * size] += bias_hh[: 2 * size]
        product(inputs.flatten(0, 1), weight_ih, bias, out=sides.view(-1, 4 * size)[:, size:])
        states = _run_forward(sides, to_hidden_weight)
        ctx.precision = current_precision()
        if any(ctx.needs_input_grad):
            ctx.save_for_backward(inputs, weight_ih, to_hidden_weight, sides, states)
        return states[1:].transpose(0, 1)

    @staticmethod
    @first_order("use --recurrence naive")
    def backward(ctx: Any, to_states: Tensor) -> tuple[Tensor | None, ...]:
        inputs, weight_ih, to_hidden_weight, sides, states = ctx.saved_tensors
        size = states.size(2)
        gradients = _run_backward(to_states.transpose(0, 1), to_hidden_weight, sides, states).flatten(0, 1)
        hidden_side, input_side, bias = gradients[:, : 3 * size], gradients[:, size:], gradients.sum(dim=0)
        to_inputs = product(input_side, weight_ih.t()).view_as(inputs) if ctx.needs_input_grad[0] else None
        return (
            None if to_inputs is None else to_inputs.transpose(0, 1),
            weight_gradient(input_side, inputs.flatten(0, 1)),
            weight_gradient(hidden_side, states[:-1].flatten(0, 1)).roll(-size, 0),
            bias[size:],
            bias[: 3 * size].roll(-size, 0),
        )


def _run_forward(sides: Tensor, weight: Tensor) -> Tensor:
    """Turn what inputs and biases give each step (S, B, 4H; g_n, r, z, n) into the gates, in place.

    :param weight: W_hh (3H, H), gates n, r, z.
    :returns: states (S + 1, B, H), s_0 first.
    """
    steps, batch, size = *sides.shape[:2], weight.size(1)
    states = sides.new_empty(steps + 1, batch, size)
    states[0] = 0.0
    to_hidden = planned(weight, states[0])
    # Cut once for all steps: cutting costs as much as small arithmetic.
    state, hidden, reset_update = states.unbind(), sides[:, :, :-size].unbind(), sides[:, :, size:-size].unbind()
    hidden_new, reset, update, candidate = (part.unbind() for part in sides.chunk(4, dim=2))
    for t in range(steps):
        to_hidden(state[t], hidden[t], hidden[t])
        reset_update[t].sigmoid_()
        candidate[t].addcmul_(reset[t], hidden_new[t]).tanh_()
        torch.lerp(candidate[t], state[t], update[t], out=state[t + 1])
    return states


def _run_backward(to_states: Tensor, weight: Tensor, sides: Tensor, states: Tensor) -> Tensor:
    """Gradients (S, B, 4H) of g_n, r, z and n."""
    steps, batch, size = to_states.shape
    gradients = torch.empty_like(sides)
    factors = GateFactors(sides.view(steps, batch, 4, size), states)
    gates, hidden = gradients.view(steps, batch, 4, size).unbind(), gradients[:, :, :-size].unbind()
    incoming, update = to_states.unbind(), sides[:, :, 2 * size : -size].unbind()
    to_state = planned(weight.t(), hidden[0])
    state = incoming[-1]
    for t in reversed(range(steps)):
        torch.mul(state.unsqueeze(1), factors[t], out=gates[t])
        if t:
            state = to_state(hidden[t], torch.addcmul(incoming[t - 1], state, update[t]))
    return gradients
