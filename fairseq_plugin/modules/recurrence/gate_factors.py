"""The part of a GRU's backward pass that does not depend on the step after it.

With n, r, z the gates, g_n the hidden side of n, and ds the gradient of the new state:

    dn = ds (1 - z)(1 - n^2)    dz = ds (s_prev - n) z (1 - z)    dr = dn g_n r (1 - r)    dg_n = dn r

Everything but ds is known beforehand. It is computed for as many steps at once as fit the processor's cache: one by
one costs calls, all at once costs memory.
"""

import torch
from torch import Tensor

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
