"""Which gated unit encoder and decoder are made of.

``torch``   torch's GRU, which resets the state after the matrix product (the reference set-up)
``paper``   the papers' unit, which resets before it (see paper_gru.py)
"""

import functools
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import NamedTuple

import torch
from torch import Tensor, nn

from fairseq_plugin.modules.paper_gru import PaperGRU, PaperGRUCell

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
