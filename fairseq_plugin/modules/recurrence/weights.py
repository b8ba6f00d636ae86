"""Parameters of cell and attention in the order that the fused recurrence multiplies them in, and back."""

from typing import NamedTuple

import torch
from torch import Tensor


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
