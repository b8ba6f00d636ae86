"""No attention: every target step sees the same summary of the source, the annotation of its last token.

    c_t = h_S

Source: Cho et al. 2014 (arXiv 1406.1078), section 2.2; Bahdanau, Cho, Bengio 2015 (arXiv 1409.0473), appendix A.2.2,
"RNN Encoder-Decoder". A bidirectional encoder's h_S also holds what its backward direction made of the last token.
"""

import torch
from torch import Tensor

from fairseq_plugin.modules.attention.base import Attention

# exp(-GAP) is 0 in every precision: the softmax gives the last true place a weight of exactly 1.
GAP = 1000.0


class FixedSummary(Attention):
    """Scores that grow with the place, so that all weight is on the last true one. Nothing is learnt."""

    looks_back = False

    def project_keys(self, values: Tensor) -> Tensor:
        """The scores themselves (B, S, 1), float32 or float64."""
        exact = torch.promote_types(values.dtype, torch.float32)
        places = torch.arange(values.size(1), dtype=exact, device=values.device)
        return (GAP * places).view(1, -1, 1).expand(values.size(0), -1, 1)

    def score(self, query: Tensor, keys: Tensor) -> Tensor:
        """Scores (B, S), whatever the query."""
        return keys.squeeze(-1)
