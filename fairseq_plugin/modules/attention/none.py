"""No attention: every target step sees the same summary of the source, the encoder's last states.

    c_t = h_S                   of an encoder that reads forwards
    c_t = [h_S ; h'_1]          of one that reads in both directions: the backward one, h', ends at the first token

Source: Cho et al. 2014 (arXiv 1406.1078), section 2.2; Bahdanau, Cho, Bengio 2015 (arXiv 1409.0473), appendix A.2.2,
"RNN Encoder-Decoder", which reads forwards.
"""

import torch
from torch import Tensor

from fairseq_plugin.modules.attention.base import Attention, masked_softmax

# exp(-GAP) is 0 in every precision: the softmax gives the last true position a weight of exactly 1.
GAP = 1000.0
FROM_FIRST = "from_first"  # name of the buffer that says which units of the summary are read at the first position


class FixedSummary(Attention):
    """Scores that grow with the position, so that all weight is on the last true one. Nothing is learnt.

    :param encoder_bidirectional: whether the second half of an annotation is that of a backward direction.
    """

    looks_back = False
    shared_options = ("encoder_bidirectional",)
    from_first: Tensor | None

    def __init__(self, query_dim: int, value_dim: int, attention_dim: int, encoder_bidirectional: bool = False) -> None:
        super().__init__(query_dim, value_dim, attention_dim)
        # (C,), 1 at the first position, 0 at the last. Floating point: averages and halves of it mean the same.
        halves = (torch.arange(value_dim) >= value_dim // 2).float() if encoder_bidirectional else None
        self.register_buffer(FROM_FIRST, halves)

    def project_keys(self, values: Tensor) -> Tensor:
        """The scores themselves (B, S, 1), float32 or float64."""
        exact = torch.promote_types(values.dtype, torch.float32)
        positions = torch.arange(values.size(1), dtype=exact, device=values.device)
        return (GAP * positions).view(1, -1, 1).expand(values.size(0), -1, 1)

    def score(self, query: Tensor, keys: Tensor) -> Tensor:
        """Scores (B, S), whatever the query."""
        return keys.squeeze(-1)

    def forward(
        self,
        query: Tensor,
        keys: Tensor,
        values: Tensor,
        padding_mask: Tensor | None = None,
        previous_weights: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """The summary (B, C), and weights (B, S) of 1 on the last true position; see :class:`Attention`."""
        last, weights = super().forward(query, keys, values, padding_mask)
        if self.from_first is None:
            return last, weights
        at_first = masked_softmax(-self.score(query, keys), padding_mask).to(values.dtype)  # (B, S)
        first = torch.bmm(at_first.unsqueeze(1), values).squeeze(1)  # (B, C)
        return torch.where(self.from_first > 0.5, first, last), weights
