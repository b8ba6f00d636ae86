"""What attention with the new state as query shares: the attentional vector, and input feeding.

    s_t  = GRU([emb(y_{t-1}); h~_{t-1}], s_{t-1})      h~_{t-1} with input feeding only, h~_0 = 0
    a_t  = softmax over s of score(s_t, h_s)
    c_t  = sum_s a_ts h_s
    h~_t = tanh(W_c [c_t; s_t])

h~_t takes the place of s_t for everything that reads the decoder's first layer.

Source: Luong, Pham, Manning 2015 (arXiv 1508.04025), equations 5 and 7, and section 3.3 for input feeding; no biases,
as there.
"""

import torch
from torch import Tensor, nn

from fairseq_plugin.modules.attention.base import Attention, masked_softmax
from fairseq_plugin.modules.products import linear


class LuongAttention(Attention):
    """Looks back with s_t, where the other scores use s_{t-1}. A subclass writes the score.

    :param input_feeding: whether the next step reads h~_t.
    """

    options = ("input_feeding",)

    def __init__(self, query_dim: int, value_dim: int, attention_dim: int, input_feeding: bool = False) -> None:
        super().__init__(query_dim, value_dim, attention_dim)
        self.input_feeding = input_feeding
        self.combination = nn.Linear(value_dim + query_dim, query_dim, bias=False)  # W_c

    @property
    def fed_dim(self) -> int:
        """H, of h~_{t-1}, with input feeding; else nothing."""
        return self.query_dim if self.input_feeding else 0

    def attentional(self, contexts: Tensor, states: Tensor) -> Tensor:
        """h~ (..., H) from contexts (..., C) and states (..., H)."""
        return torch.tanh(linear(torch.cat([contexts, states], dim=-1), self.combination.weight))

    def score_all(self, queries: Tensor, keys: Tensor) -> Tensor:
        """Scores (B, K, S) of K queries a sentence (B, K, H); for subclasses that have them in one product."""
        return torch.stack([self.score(query, keys) for query in queries.unbind(1)], dim=1)

    def attend_all(
        self, queries: Tensor, keys: Tensor, values: Tensor, padding_mask: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Attend with all queries at once.

        :meth:`forward` for K queries a sentence (B, K, H): contexts (B, K, C) and weights (B, K, S).
        """
        mask = None if padding_mask is None else padding_mask.unsqueeze(1)  # (B, 1, S)
        weights = masked_softmax(self.score_all(queries, keys), mask)
        return torch.bmm(weights.to(values.dtype), values), weights
