"""Multiplicative attention: the score is an inner product.

    dot      e_ts = s_t . h_s
    general  e_ts = s_t . W_a h_s

Source: Luong, Pham, Manning 2015 (arXiv 1508.04025), equation 8.
"""

import torch
from torch import Tensor, nn

from data_gen.errors import UserError
from fairseq_plugin.modules.attention.luong import LuongAttention
from fairseq_plugin.modules.products import linear


class MultiplicativeAttention(LuongAttention):
    """Inner product of state and key, both of H numbers. A subclass makes the keys."""

    def score(self, query: Tensor, keys: Tensor) -> Tensor:
        """Scores (B, S) from the query (B, H) and the keys (B, S, H)."""
        return torch.bmm(keys, query.unsqueeze(-1)).squeeze(-1)

    def score_all(self, queries: Tensor, keys: Tensor) -> Tensor:
        """Scores (B, K, S) of K queries a sentence (B, K, H)."""
        return torch.bmm(queries, keys.transpose(1, 2))


class DotAttention(MultiplicativeAttention):
    """The keys are the annotations.

    :raises UserError: annotations and states differ in size.
    """

    def __init__(self, query_dim: int, value_dim: int, attention_dim: int, input_feeding: bool = False) -> None:
        if query_dim != value_dim:
            raise UserError(
                f"--attention dot needs annotations of the decoder's size, but they have {value_dim} units and the "
                f"decoder {query_dim}: use --attention general, or make the sizes equal "
                "(a bidirectional encoder has twice --encoder-hidden-size units)"
            )
        super().__init__(query_dim, value_dim, attention_dim, input_feeding)

    def project_keys(self, values: Tensor) -> Tensor:
        """Keys h_s (B, S, H)."""
        return values


class GeneralAttention(MultiplicativeAttention):
    """The keys are W_a h_s."""

    def __init__(self, query_dim: int, value_dim: int, attention_dim: int, input_feeding: bool = False) -> None:
        super().__init__(query_dim, value_dim, attention_dim, input_feeding)
        self.key_projection = nn.Linear(value_dim, query_dim, bias=False)  # W_a

    def project_keys(self, values: Tensor) -> Tensor:
        """Keys W_a h_s (B, S, H)."""
        return linear(values, self.key_projection.weight)
