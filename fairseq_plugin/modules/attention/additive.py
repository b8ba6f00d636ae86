"""Additive attention.

    e_ts = v . tanh(W_h h_s + W_s s_{t-1})

Source: Bahdanau, Cho, Bengio 2015 (arXiv 1409.0473), appendix A.1.2; no biases, as there.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fairseq_plugin.modules.attention.base import Attention
from fairseq_plugin.modules.products import linear


class AdditiveAttention(Attention):
    """Bahdanau's score: a network with one hidden layer of A units over annotation and state."""

    def __init__(self, query_dim: int, value_dim: int, attention_dim: int) -> None:
        super().__init__(query_dim, value_dim, attention_dim)
        self.key_projection = nn.Linear(value_dim, attention_dim, bias=False)  # W_h
        self.query_projection = nn.Linear(query_dim, attention_dim, bias=False)  # W_s
        self.energy = nn.Linear(attention_dim, 1, bias=False)  # v

    def project_keys(self, values: Tensor) -> Tensor:
        """Keys W_h h_s (B, S, A)."""
        return linear(values, self.key_projection.weight)

    def score(self, query: Tensor, keys: Tensor) -> Tensor:
        """Scores (B, S) from the query (B, H) and the keys (B, S, A)."""
        hidden = torch.tanh(keys + self.query_projection(query).unsqueeze(1))  # (B, S, A)
        return F.linear(hidden, self.energy_weight()).squeeze(-1)

    def energy_weight(self) -> Tensor:
        """v (1, A)."""
        return self.energy.weight
