"""Addressing with the same controls at every step: the weights move at one learnt pace.

    g_t = sigmoid(b_g)      k_t = softmax over -1, 0, +1 of b_k      gamma_t = 1 + softplus(b_r)

As a sequence grows longer than those of training, the recurrent state drifts away from what it was there, and controls
that are read off it drift along (ntm.py). These hold at any length, for tasks that read the source at one pace.

Source: as addressing.py; filters over the previous weights that are static, beside such as the state makes: Battenberg
et al. 2020 (arXiv 1910.10288), section 2.
"""

import torch
from torch import Tensor, nn

from fairseq_plugin.modules.attention.addressing import CONTROLS, AddressingAttention


class ShiftAttention(AddressingAttention):
    """Addressing steered by five numbers."""

    def __init__(self, query_dim: int, value_dim: int, attention_dim: int) -> None:
        super().__init__(query_dim, value_dim, attention_dim)
        self.controls = nn.Parameter(torch.zeros(CONTROLS))

    def controls_of(self, query: Tensor) -> Tensor:
        """The same controls (B, 5) whatever the queries (B, H)."""
        return self.controls.expand(query.size(0), -1)
