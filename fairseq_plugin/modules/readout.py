"""What the output matrix reads: the features of a target step.

``state``   the decoder's state s_t (the reference set-up)
``tanh``    t_t = tanh(W [s_t; y_{t-1}; c_t] + b): Luong et al. 2015 (arXiv 1508.04025, equation 5), with the previous
            word besides state and context
``maxout``  t_t,i = max(u_t,2i-1, u_t,2i) of u_t = W [s_t; y_{t-1}; c_t] + b (arXiv 1409.0473, appendix A.2.2)

Where attention looks back with the new state, its attentional vector stands for s_t (:class:`LuongAttention`).
The state is the ``current`` one, s_t, or the ``previous`` one, s_{t-1}, with which this step attended. Equation 4 of
the paper and Cho et al. 2014 (arXiv 1406.1078) name s_t, and dl4mt-tutorial reads it. The equation of t~_i in appendix
A.2.2 has s_{i-1}, which the authors' GroundHog reads (experiments/nmt/encdec.py puts s_0 before the states and drops
the last), and blocks-examples as well.
"""

import torch
from fairseq.modules import FairseqDropout
from torch import Tensor, nn

from data_gen.errors import UserError
from fairseq_plugin.modules.products import linear

READOUT = ("state", "tanh", "maxout")
READOUT_STATE = ("current", "previous")
POOLED = 2  # numbers that maxout chooses from


class Readout(nn.Module):
    """Makes the features (B, T, R) from states, embeddings of the previous words and contexts.

    :param kind: one of ``READOUT``.
    :param state_dim: H, size of the states; with ``state`` R is H.
    :param embed_dim: E, size of the embeddings.
    :param context_dim: C, size of the contexts.
    :param features: R, for the kinds that mix.
    :param state: one of ``READOUT_STATE``.
    :param dropout: on the states that are mixed; with ``state`` nothing is dropped here, the decoder drops features.
    :raises UserError: nothing but the previous state would be read.
    """

    def __init__(
        self,
        kind: str,
        *,
        state_dim: int,
        embed_dim: int,
        context_dim: int,
        features: int,
        state: str = "current",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if kind == "state" and state == "previous":
            raise UserError(
                "--readout-state previous needs a readout that sees the previous word as well: "
                "use --readout maxout or tanh"
            )
        self.kind = kind
        self.reads_previous_state = state == "previous"
        self.features = state_dim if kind == "state" else features
        self.dropout = FairseqDropout(dropout, module_name=self.__class__.__name__)
        self.mix: nn.Linear | None = None
        if kind != "state":
            pooled = POOLED if kind == "maxout" else 1
            self.mix = nn.Linear(state_dim + embed_dim + context_dim, pooled * features)
            nn.init.xavier_uniform_(self.mix.weight)
            nn.init.zeros_(self.mix.bias)

    @property
    def reads_contexts(self) -> bool:
        """Whether :meth:`forward` needs contexts."""
        return self.mix is not None

    def forward(self, states: Tensor, embedded: Tensor, contexts: Tensor | None, *, start: Tensor) -> Tensor:
        """Features (B, T, R) of T target steps.

        :param states: of the last decoder layer (B, T, H).
        :param start: the state before them (B, H).
        :param embedded: embeddings of the previous words (B, T, E).
        :param contexts: (B, T, C); not read by ``state``.
        """
        if self.mix is None:
            return states
        assert contexts is not None
        if self.reads_previous_state:
            states = torch.cat([start.unsqueeze(1), states[:, :-1]], dim=1)  # (B, T, H)
        read = torch.cat([self.dropout(states), embedded, contexts], dim=-1)  # the other two had theirs
        mixed = linear(read, self.mix.weight, self.mix.bias)
        if self.kind == "tanh":
            return torch.tanh(mixed)
        return mixed.view(*mixed.shape[:-1], self.features, POOLED).amax(dim=-1)
