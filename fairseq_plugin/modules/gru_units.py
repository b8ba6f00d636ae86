"""The gated units that encoder and decoder are made of: torch's and the papers'.

``torch``   torch's GRU, which resets the state after the matrix product (the reference set-up)
``paper``   the papers' gated hidden unit, which resets the state before the product:

    r  = sigmoid(W_r x + U_r s_prev + b_r)
    z  = sigmoid(W_z x + U_z s_prev + b_z)
    s~ = tanh(W x + U [r o s_prev] + b)
    s  = (1 - z) o s_prev + z o s~

Source: Bahdanau, Cho, Bengio 2015 (arXiv 1409.0473), appendix A.1.1, A.2.1 and A.2.2. Appendix A.2 does not write the
biases, to be easier to read; appendix B.1 starts them at 0. Here r, z and s~ have one each.

torch's GRU resets after the product, r o (U s_prev + b'), has two biases, and its z is the 1 - z of the paper.
"""

import functools
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

GATES = 3

Step = Callable[[Tensor, Tensor], Tensor]
"""New state (B, H) from the input side of the gates (B, 3H; r, z, s~) and the previous state (B, H)."""


def stepper(weight_hh: Tensor) -> Step:
    """A step with the recurrent matrices (3H, H; U_r, U_z, U), which are cut once for all steps."""
    size = weight_hh.size(1)
    to_gates, to_candidate = (weight.t() for weight in torch.split(weight_hh, [2 * size, size]))

    def step(inputs: Tensor, state: Tensor) -> Tensor:
        for_gates, for_candidate = torch.split(inputs, [2 * size, size], dim=1)
        reset, update = torch.sigmoid(torch.addmm(for_gates, state, to_gates)).chunk(2, dim=1)  # (B, H) each
        candidate = torch.tanh(torch.addmm(for_candidate, reset * state, to_candidate))
        return torch.lerp(state, candidate.to(state.dtype), update.to(state.dtype))  # autocast lowers all but the state

    return step


def paper_direction(
    inputs: Tensor, weight_ih: Tensor, weight_hh: Tensor, bias_ih: Tensor, state: Tensor | None = None
) -> Tensor:
    """States s_1..s_S (B, S, H) of one direction of one layer, for inputs (B, S, E).

    :param state: s_0 (B, H); 0 by default.
    """
    step = stepper(weight_hh)
    if state is None:
        state = inputs.new_zeros(inputs.size(0), weight_hh.size(1))
    states = []
    for side in F.linear(inputs, weight_ih, bias_ih).unbind(1):  # S of (B, 3H)
        state = step(side, state)
        states.append(state)
    return torch.stack(states, dim=1)


class PaperGRUCell(nn.GRUCell):
    """One step of the paper's unit, with the parameters of torch's cell (gates r, z, s~) except ``bias_hh``."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.register_parameter("bias_hh", None)

    def forward(self, inputs: Tensor, state: Tensor | None = None) -> Tensor:
        """New state (B, H) from inputs (B, E) and the previous state (B, H), 0 by default."""
        if state is None:
            state = inputs.new_zeros(inputs.size(0), self.hidden_size)
        return stepper(self.weight_hh)(F.linear(inputs, self.weight_ih, self.bias_ih), state)


class PaperGRU(nn.Module):
    """Layers of the paper's unit, batch first, with the names and first values of torch's GRU except ``bias_hh_*``.

    An encoder's layers are read by ``gru_layers.read``; :meth:`forward` is for the layers of a decoder.

    :param input_size: E of the first layer.
    :param hidden_size: H, units of a direction.
    :param dropout: between layers.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.num_layers = num_layers
        self.bidirectional = bidirectional
        self.dropout = dropout
        directions = ("", "_reverse") if bidirectional else ("",)
        for layer in range(num_layers):
            for direction in directions:
                name = f"l{layer}{direction}"
                self.register_parameter(f"weight_ih_{name}", _uniform(hidden_size, GATES * hidden_size, input_size))
                self.register_parameter(f"weight_hh_{name}", _uniform(hidden_size, GATES * hidden_size, hidden_size))
                self.register_parameter(f"bias_ih_{name}", _uniform(hidden_size, GATES * hidden_size))
            input_size = len(directions) * hidden_size

    def forward(self, inputs: Tensor, states: Tensor) -> tuple[Tensor, Tensor]:
        """Read forwards from given states.

        :param inputs: (B, T, E).
        :param states: s_0 of each layer (L, B, H).
        :returns: states of the last layer (B, T, H), and s_T of each layer (L, B, H).
        """
        assert not self.bidirectional
        last = []
        for layer, state in enumerate(states):
            if layer and self.dropout:
                inputs = F.dropout(inputs, self.dropout, self.training)
            weight_ih, weight_hh, bias_ih = (
                getattr(self, f"{kind}_l{layer}") for kind in ("weight_ih", "weight_hh", "bias_ih")
            )
            inputs = paper_direction(inputs, weight_ih, weight_hh, bias_ih, state)
            last.append(inputs[:, -1])
        return inputs, torch.stack(last)


def _uniform(hidden_size: int, *shape: int) -> nn.Parameter:
    """Uniform in +-H^(-1/2), as torch's GRU starts."""
    bound = hidden_size**-0.5
    return nn.Parameter(torch.empty(*shape).uniform_(-bound, bound))


Layers = nn.GRU | PaperGRU


class GRUKind(NamedTuple):
    """How to make one kind of unit."""

    cell: type[nn.GRUCell]
    """One step: made from input size and units."""
    layers: Callable[..., Layers]
    """Layers over whole rows, batch first: made from the same, and num_layers, bidirectional and dropout."""


GRU_CELL = {
    "torch": GRUKind(nn.GRUCell, functools.partial(nn.GRU, batch_first=True)),
    "paper": GRUKind(PaperGRUCell, PaperGRU),
}


@contextmanager
def any_device(inputs: Tensor, training: bool) -> Iterator[None]:
    """Let torch's GRU run on a GPU as it does on a CPU.

    cuDNN refuses gradients of a GRU in evaluation mode, so torch's own kernels compute it then. cuDNN also warns where
    parameters stand apart in memory. It puts them together at each call, which costs little.

    :param inputs: of the GRU; only the device matters.
    :param training: whether the GRU is in training mode.
    """
    if inputs.device.type == "cpu":
        yield
        return
    without_cudnn = torch.is_grad_enabled() and not training
    with warnings.catch_warnings(), torch.backends.cudnn.flags(enabled=False) if without_cudnn else nullcontext():
        warnings.filterwarnings("ignore", message="RNN module weights are not part of single contiguous chunk")
        yield


def gru_over_time(inputs: Tensor, start: Tensor, parameters: Sequence[Tensor]) -> Tensor:
    """States (B, T, H) of torch's GRU with one layer and one direction.

    :param inputs: (B, T, E).
    :param start: (B, H).
    :param parameters: both weights and both biases, in torch's order.
    """
    training = torch.is_grad_enabled()  # cuDNN keeps what the gradients need only in training mode
    with any_device(inputs, training):
        states, _ = torch.gru(inputs, start.unsqueeze(0), list(parameters), True, 1, 0.0, training, False, True)
    return states
