"""Parameters of cell and attention in the order that the fused recurrence multiplies them in, and back."""

from typing import NamedTuple

import torch
from torch import Tensor


class Weights(NamedTuple):
    """Parameters of cell and attention, arranged for one product a step."""

    embedding: Tensor  # (3H, E), gates r, z, n
    context: Tensor  # (3H, C), gates r, z, n
    input_bias: Tensor  # (3H,)
    hidden: Tensor  # (A + 3H, H): twice the query, then gates n, r, z
    hidden_bias: Tensor  # (A + 3H,)
    energy: Tensor  # (A,), v


def arrange(
    embed: int, weight_ih: Tensor, weight_hh: Tensor, bias_ih: Tensor, bias_hh: Tensor, query: Tensor, v: Tensor
) -> Weights:
    """Order torch's GRU parameters (gates r, z, n; E + C inputs) and those of the attention as :class:`Weights`."""
    two = 2 * weight_hh.size(1)
    return Weights(
        embedding=weight_ih[:, :embed].contiguous(),
        context=weight_ih[:, embed:].contiguous(),
        input_bias=bias_ih,
        hidden=torch.cat([query * 2.0, weight_hh[two:], weight_hh[:two]]),
        hidden_bias=torch.cat([bias_hh.new_zeros(query.size(0)), bias_hh[two:], bias_hh[:two]]),
        energy=v.squeeze(0),
    )


def restore(gradients: Weights, units: int) -> tuple[Tensor, ...]:
    """Undo :func:`arrange` for gradients; ``units`` is A."""
    query, hidden = gradients.hidden[:units], gradients.hidden[units:]
    bias = gradients.hidden_bias[units:]
    size = hidden.size(1)
    return (
        torch.cat([gradients.embedding, gradients.context], dim=1),
        hidden.roll(-size, 0),
        gradients.input_bias,
        bias.roll(-size, 0),
        query * 2.0,
        gradients.energy.unsqueeze(0),
    )
