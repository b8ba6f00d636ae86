"""Addressing with controls that the state sets at every step, as in a Neural Turing Machine.

    g_t     = sigmoid(w_g . s_{t-1} + b_g)
    k_t     = softmax over -1, 0, +1 of W_k s_{t-1} + b_k
    gamma_t = 1 + softplus(w_r . s_{t-1} + b_r)

Source: Graves, Wayne, Danihelka 2014 (arXiv 1410.5401), section 3.3; see addressing.py for what they control.
"""

from fairseq.modules import FairseqDropout
from torch import Tensor, nn

from data_gen.errors import UserError
from fairseq_plugin.modules.attention.addressing import CONTROLS, AddressingAttention


class NTMAttention(AddressingAttention):
    """Addressing steered by the state.

    :param query_dropout: dropout on the state that it reads, for content and controls. A state that drifts in long
        sentences then moves gate, kernel and sharpening less.
    :raises UserError: it is out of bounds.
    """

    options = ("query_dropout",)

    def __init__(self, query_dim: int, value_dim: int, attention_dim: int, query_dropout: float = 0.0) -> None:
        super().__init__(query_dim, value_dim, attention_dim)
        if not 0.0 <= query_dropout < 1.0:
            raise UserError(f"--query-dropout must be at least 0 and below 1, but is {query_dropout}")
        self.query_dropout = FairseqDropout(query_dropout, module_name=self.__class__.__name__)
        self.controls = nn.Linear(query_dim, CONTROLS)
        nn.init.zeros_(self.controls.bias)

    def controls_of(self, query: Tensor) -> Tensor:
        """The controls (B, 5) that the queries (B, H) ask for."""
        return self.controls(query)

    def weigh(
        self, query: Tensor, keys: Tensor, padding_mask: Tensor | None, previous_weights: Tensor | None
    ) -> Tensor:
        """Weights a_t (B, S); see :class:`AddressingAttention`."""
        return super().weigh(self.query_dropout(query), keys, padding_mask, previous_weights)
