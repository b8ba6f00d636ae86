"""How the encoder's final state becomes the decoder's first one, s_0.

``last``      s_0 = s_enc, the encoder's state after its last true token (the reference set-up)
``tanh``      s_0 = tanh(W s_enc + b), for encoders and decoders of different sizes (Cho et al. 2014, arXiv 1406.1078)
``backward``  s_0 = tanh(W h_1 + b), h_1 the backward direction's state after the whole source, at its first token
              (Bahdanau, Cho, Bengio 2015, arXiv 1409.0473, appendix A.2.2)
``zero``      s_0 = 0
"""

import torch
from torch import Tensor, nn

from data_gen.errors import UserError

DECODER_INIT = ("last", "tanh", "zero", "backward")


class InitialState(nn.Module):
    """Makes s_0 (L, B, H) of each decoder layer from the encoder's final states.

    Decoder layer l starts from encoder layer l; layers that the encoder does not have start from its top one.

    :param kind: one of ``DECODER_INIT``.
    :param encoder_units: C, both directions together.
    :param bidirectional: whether these are two directions, the backward one second.
    :raises UserError: ``last`` with sizes that differ, or ``backward`` with one direction.
    """

    def __init__(
        self, kind: str, *, encoder_units: int, hidden_size: int, num_layers: int, bidirectional: bool = False
    ) -> None:
        super().__init__()
        if kind == "backward" and not bidirectional:
            raise UserError(
                "--decoder-init backward needs an encoder that reads in both directions: add --encoder-bidirectional, "
                "or use --decoder-init tanh"
            )
        if kind == "last" and encoder_units != hidden_size:
            raise UserError(
                f"--decoder-init last needs encoder states of the decoder's size, but they have {encoder_units} units "
                f"and the decoder {hidden_size}: use --decoder-init tanh, or make the sizes equal "
                "(a bidirectional encoder has twice --encoder-hidden-size units)"
            )
        self.kind = kind
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.read_units = encoder_units // 2 if kind == "backward" else encoder_units
        self.projection = nn.Linear(self.read_units, hidden_size) if kind in ("tanh", "backward") else None

    def forward(self, encoder_states: Tensor) -> Tensor:
        """Make the decoder's first states. :param encoder_states: (L_encoder, B, C)."""
        if self.kind == "zero":
            return encoder_states.new_zeros(self.num_layers, encoder_states.size(1), self.hidden_size)
        top = encoder_states.size(0) - 1
        states = torch.stack([encoder_states[min(layer, top)] for layer in range(self.num_layers)])  # (L, B, C)
        return states if self.projection is None else torch.tanh(self.projection(states[..., -self.read_units :]))
