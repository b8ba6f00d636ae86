"""How the encoder's final state becomes the decoder's first one, s_0.

``last``   s_0 = the encoder's state after its last true token (the reference set-up; Cho et al. 2014, arXiv 1406.1078)
``tanh``   s_0 = tanh(W s_enc + b), for encoders and decoders of different sizes (arXiv 1409.0473, appendix A.2.2)
``zero``   s_0 = 0
"""

import torch
from torch import Tensor, nn

from data_gen.errors import UserError

DECODER_INIT = ("last", "tanh", "zero")


class InitialState(nn.Module):
    """Makes s_0 (L, B, H) of each decoder layer from the encoder's final states.

    Decoder layer l starts from encoder layer l; layers that the encoder does not have start from its top one.

    :param kind: one of ``DECODER_INIT``.
    :raises UserError: ``last`` with sizes that differ.
    """

    def __init__(self, kind: str, *, encoder_units: int, hidden_size: int, num_layers: int) -> None:
        super().__init__()
        if kind == "last" and encoder_units != hidden_size:
            raise UserError(
                f"--decoder-init last needs encoder states of the decoder's size, but they have {encoder_units} units "
                f"and the decoder {hidden_size}: use --decoder-init tanh, or make the sizes equal "
                "(a bidirectional encoder has twice --encoder-hidden-size units)"
            )
        self.kind = kind
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.projection = nn.Linear(encoder_units, hidden_size) if kind == "tanh" else None

    def forward(self, encoder_states: Tensor) -> Tensor:
        """:param encoder_states: (L_encoder, B, C)."""
        if self.kind == "zero":
            return encoder_states.new_zeros(self.num_layers, encoder_states.size(1), self.hidden_size)
        top = encoder_states.size(0) - 1
        states = torch.stack([encoder_states[min(layer, top)] for layer in range(self.num_layers)])  # (L, B, C)
        return states if self.projection is None else torch.tanh(self.projection(states))
