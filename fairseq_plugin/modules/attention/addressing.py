"""Addressing by content and by location: the weights of the step before, moved by a learnt shift.

    u_t  = softmax over s of v . tanh(W_h h_s + W_s s_{t-1})       weights by content
    w_ts = sum_i k_ti (g_t u_t + (1 - g_t) a_{t-1})_{s-i}          s - i modulo the number of true tokens
    a_ts = w_ts^gamma_t / sum_s' w_ts'^gamma_t

with controls that a subclass makes: the gate g_t from 0 to 1, a kernel k_t over the shifts -1, 0 and +1, which sums to
1, and the sharpening gamma_t, at least 1. A shift is the same at every position and in every sentence, so that what is
learnt on short sentences holds for long ones; sharpening keeps the weights from blurring as shifts add up. a_0 is 1 on
the last true token, where the encoder ended.

Source: Graves, Wayne, Danihelka 2014, Neural Turing Machines (arXiv 1410.5401), section 3.3, equations 5 and 7 to 9,
for reading. By content it compares a key with the cosine (equation 6); here it is the additive score.
"""

from abc import abstractmethod

import torch
import torch.nn.functional as F
from torch import Tensor

from fairseq_plugin.modules.attention.additive import AdditiveAttention
from fairseq_plugin.modules.attention.base import masked_softmax

SHIFTS = (-1, 0, 1)  # positions by which the weights can move in one step; +1 moves to the next token
CONTROLS = 2 + len(SHIFTS)  # gate, sharpening, shift kernel


class AddressingAttention(AdditiveAttention):
    """The reading head of a Neural Turing Machine over the annotations. A subclass makes the controls."""

    uses_previous_weights = True

    @abstractmethod
    def controls_of(self, query: Tensor) -> Tensor:
        """Gate, sharpening and shift kernel (B, 5), before their functions, for queries (B, H)."""

    def weigh(
        self, query: Tensor, keys: Tensor, padding_mask: Tensor | None, previous_weights: Tensor | None
    ) -> Tensor:
        """Weights a_t (B, S) from the query (B, H), the keys (B, S, A) and a_{t-1} (B, S)."""
        content = masked_softmax(self.score(query, keys), padding_mask)  # (B, S)
        start, length = true_positions(content, padding_mask)
        if previous_weights is None:
            positions = torch.arange(content.size(1), device=content.device)
            previous_weights = (positions == start + length - 1).to(content.dtype)  # (B, S), a_0
        controls = self.controls_of(query).to(content.dtype)
        gate, sharpening, kernel = controls[:, :1], controls[:, 1:2], controls[:, 2:].softmax(dim=1)
        weights = torch.lerp(previous_weights.to(content.dtype), content, torch.sigmoid(gate))
        weights = shift(weights, kernel, start, length)
        # w^gamma / sum w^gamma is the softmax of gamma log w; the smallest float stands for the logarithm of 0.
        logarithms = weights.clamp(min=torch.finfo(weights.dtype).tiny).log()
        return masked_softmax((1.0 + F.softplus(sharpening)) * logarithms, padding_mask)


def true_positions(weights: Tensor, padding_mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """Position of the first true token and number of true tokens of each sentence, (B, 1) each.

    :param weights: (B, S), for its size alone.
    :param padding_mask: (B, S), True on padding, which stands before the sentence or behind it; None: no padding.
    """
    if padding_mask is None:
        start = torch.zeros(weights.size(0), 1, dtype=torch.long, device=weights.device)
        return start, torch.full_like(start, weights.size(1))
    true = (~padding_mask).long()
    return true.argmax(dim=1, keepdim=True), true.sum(dim=1, keepdim=True)


def shift(weights: Tensor, kernel: Tensor, start: Tensor, length: Tensor) -> Tensor:
    """Circular convolution over the true tokens of each sentence; what stands on padding has no meaning.

    :param weights: (B, S).
    :param kernel: share of each of ``SHIFTS`` (B, 3).
    :param start: position of the first true token (B, 1).
    :param length: number of true tokens (B, 1).
    :returns: (B, S).
    """
    offsets = torch.arange(weights.size(1), device=weights.device) - start  # (B, S)
    by = torch.tensor(SHIFTS, device=weights.device)
    sources = (offsets.unsqueeze(2) - by).remainder(length.clamp(min=1).unsqueeze(2)) + start.unsqueeze(2)  # (B, S, 3)
    moved = weights.gather(1, sources.flatten(1)).view(sources.shape)  # (B, S, 3)
    return (moved * kernel.unsqueeze(1)).sum(dim=2)
