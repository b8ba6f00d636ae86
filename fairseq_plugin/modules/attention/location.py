"""Location-aware attention: the additive score also reads where the step before looked.

    f_t  = F * a_{t-1}                                        k channels
    e_ts = v . tanh(W_h h_s + W_s s_{t-1} + U f_ts + b)
    a_ts = exp(beta e_ts) / sum_s' exp(beta e_ts')

a_0 is 1 on the first token, as in the authors' code (github.com/rizar/attention-lvcsr, ``initial_glimpses``). Beyond
both ends of the sentence the convolution reads 0, which is also the weight of padding: padding changes nothing.

Source: Chorowski et al. 2015 (arXiv 1506.07503), section 2.2, equations 8 and 9; the inverse temperature beta, called
sharpening: section 2.3. There k is 10, and the filters span 201 speech frames; tokens ask for fewer.
"""

import math

import torch
from torch import Tensor, nn

from data_gen.errors import UserError
from fairseq_plugin.modules.attention.additive import AdditiveAttention
from fairseq_plugin.modules.attention.base import masked_softmax


class LocationAttention(AdditiveAttention):
    """Chorowski's score.

    :param location_kernel: source tokens that a filter spans, an odd number.
    :param location_channels: k, number of filters.
    :param sharpening: beta; above 1 the weights are sharper, below 1 smoother.
    :raises UserError: one of these is out of bounds.
    """

    uses_previous_weights = True
    options = ("location_kernel", "location_channels", "sharpening")

    def __init__(
        self,
        query_dim: int,
        value_dim: int,
        attention_dim: int,
        location_kernel: int = 31,
        location_channels: int = 10,
        sharpening: float = 1.0,
    ) -> None:
        super().__init__(query_dim, value_dim, attention_dim)
        if location_kernel < 1 or location_kernel % 2 == 0:
            raise UserError(f"--location-kernel must be odd and at least 1, but is {location_kernel}")
        if location_channels < 1:
            raise UserError(f"--location-channels must be at least 1, but is {location_channels}")
        if not 0.0 < sharpening < math.inf:
            raise UserError(f"--sharpening must be a number above 0, but is {sharpening}")
        self.sharpening = sharpening
        self.filters = nn.Conv1d(1, location_channels, location_kernel, padding=location_kernel // 2, bias=False)  # F
        self.location_projection = nn.Linear(location_channels, attention_dim, bias=False)  # U
        self.bias = nn.Parameter(torch.zeros(attention_dim))  # b

    def project_keys(self, values: Tensor) -> Tensor:
        """Keys W_h h_s + b (B, S, A)."""
        return super().project_keys(values) + self.bias

    def initial_weights(self, keys: Tensor, padding_mask: Tensor | None) -> Tensor:
        """a_0 (B, S): 1 on the first true token of each sentence."""
        true = keys.new_ones(keys.shape[:2], dtype=torch.bool) if padding_mask is None else ~padding_mask
        return (true & true.cumsum(dim=1).eq(1)).to(torch.promote_types(keys.dtype, torch.float32))

    def weigh(
        self, query: Tensor, keys: Tensor, padding_mask: Tensor | None, previous_weights: Tensor | None
    ) -> Tensor:
        """Weights a_t (B, S) from the query (B, H), the keys (B, S, A) and a_{t-1} (B, S)."""
        if previous_weights is None:
            previous_weights = self.initial_weights(keys, padding_mask)
        features = self.filters(previous_weights.to(keys.dtype).unsqueeze(1)).transpose(1, 2)  # (B, S, k)
        scores = self.score(query, keys + self.location_projection(features))
        return masked_softmax(self.sharpening * scores, padding_mask)
