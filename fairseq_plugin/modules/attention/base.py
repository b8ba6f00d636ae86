"""What every attention shares: the mask, the softmax and the weighted sum.

    e_ts = score(s_{t-1}, h_s)
    a_t  = softmax over s of e_ts, padding excluded exactly
    c_t  = sum_s a_ts h_s

Source: Bahdanau, Cho, Bengio 2015 (arXiv 1409.0473), section 3.1, equations 5 and 6.
"""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn


def masked_softmax(scores: Tensor, padding_mask: Tensor | None) -> Tensor:
    """Softmax over the last dimension that gives padding a weight of exactly 0.

    Half precision is raised to float32. A row with nothing but padding gets weights of 0 throughout.

    :param scores: (..., S), any real number.
    :param padding_mask: (..., S), True on padding; None where there is none.
    :returns: weights (..., S), float32 (float64 for float64 scores).
    """
    if scores.dtype in (torch.float16, torch.bfloat16):
        scores = scores.float()
    if padding_mask is None:
        return scores.softmax(dim=-1)
    # The lowest finite number, not -inf: a fully padded row then has a finite softmax, zeroed right after.
    weights = scores.masked_fill(padding_mask, torch.finfo(scores.dtype).min).softmax(dim=-1)
    return weights.masked_fill(padding_mask, 0.0)


class Attention(nn.Module, ABC):
    """Looks back at the annotations with the decoder state as query. A subclass writes the score.

    Stateless: call :meth:`project_keys` once a sentence, then :meth:`forward` once a target step.

    :param query_dim: H, size of the decoder state.
    :param value_dim: C, size of an annotation.
    :param attention_dim: A, size of the space in which query and keys meet.
    """

    looks_back = True
    """Whether the weights depend on the query. Where they do not, they are no attention to show."""

    uses_previous_weights = False
    """Whether a_t depends on a_{t-1} as well, which :meth:`forward` then has to be given."""

    options: tuple[str, ...] = ()
    """Options of the model that the constructor takes besides the sizes, under the same names."""

    shared_options: tuple[str, ...] = ()
    """Options of other parts of the model that the constructor takes as well."""

    def __init__(self, query_dim: int, value_dim: int, attention_dim: int) -> None:
        super().__init__()
        self.query_dim = query_dim
        self.value_dim = value_dim
        self.attention_dim = attention_dim

    @property
    def fed_dim(self) -> int:
        """Numbers of the attention that a step of the decoder's GRU reads besides the word's embedding: C, of c_t."""
        return self.value_dim

    @abstractmethod
    def project_keys(self, values: Tensor) -> Tensor:
        """Do the part of the score that depends on the annotations (B, S, C) alone."""

    @abstractmethod
    def score(self, query: Tensor, keys: Tensor) -> Tensor:
        """Scores e_ts (B, S) of one target step, from the query (B, H) and the projected keys."""

    def weigh(
        self, query: Tensor, keys: Tensor, padding_mask: Tensor | None, previous_weights: Tensor | None
    ) -> Tensor:
        """Weights a_t (B, S); for subclasses in which more than the score makes them. See :meth:`forward`."""
        return masked_softmax(self.score(query, keys), padding_mask)

    def forward(
        self,
        query: Tensor,
        keys: Tensor,
        values: Tensor,
        padding_mask: Tensor | None = None,
        previous_weights: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Attend once.

        :param query: decoder state (B, H).
        :param keys: what :meth:`project_keys` returned.
        :param values: annotations (B, S, C).
        :param padding_mask: (B, S), True on padding.
        :param previous_weights: a_{t-1} (B, S), read by some scores; None at the first step.
        :returns: context (B, C) and weights (B, S); the weights are float32 in half precision.
        """
        weights = self.weigh(query, keys, padding_mask, previous_weights)  # (B, S)
        context = torch.bmm(weights.to(values.dtype).unsqueeze(1), values).squeeze(1)  # (B, C)
        return context, weights
