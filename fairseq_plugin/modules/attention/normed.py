"""Additive attention with a learnt length of its vector, and a bias.

    e_ts = g v / |v| . tanh(W_h h_s + W_s s_{t-1} + b)

Source: TensorFlow's ``BahdanauAttention(normalize=True)``, which takes the idea from Salimans and Kingma 2016, weight
normalization (arXiv 1602.07868, equation 2). As there, g starts at sqrt(1 / A) and b at 0.
"""

import torch
from torch import Tensor, nn

from fairseq_plugin.modules.attention.additive import AdditiveAttention


class NormedAttention(AdditiveAttention):
    """Bahdanau's score, normed."""

    def __init__(self, query_dim: int, value_dim: int, attention_dim: int) -> None:
        super().__init__(query_dim, value_dim, attention_dim)
        self.length = nn.Parameter(torch.tensor(attention_dim**-0.5))  # g
        self.bias = nn.Parameter(torch.zeros(attention_dim))  # b

    def project_keys(self, values: Tensor) -> Tensor:
        """Keys W_h h_s + b (B, S, A)."""
        return super().project_keys(values) + self.bias

    def energy_weight(self) -> Tensor:
        """g v / |v| (1, A)."""
        return self.energy.weight * (self.length / self.energy.weight.norm())
