"""GRU encoder: source tokens to annotations h_1..h_S.

Source: Bahdanau, Cho, Bengio 2015 (arXiv 1409.0473), section 3.2; the reference set-up reads in one direction only.
The unit is torch's or the paper's: see gru_units.py.
"""

from collections.abc import Mapping
from typing import Any

import torch
from fairseq.data import Dictionary
from fairseq.models import FairseqEncoder
from fairseq.modules import FairseqDropout
from torch import Tensor, nn

from fairseq_plugin.modules.gru_layers import read
from fairseq_plugin.modules.gru_units import GRU_CELL
from fairseq_plugin.modules.padding import PaddingLayout
from fairseq_plugin.modules.precision import HIGHEST, in_own_precision

# fairseq takes the minimum of the limits of task and models, as integers. A recurrent network has none.
UNLIMITED = 2**31 - 1


# What the decoder gets. fairseq's convention: lists, so that an empty one can stand for "not there".
#   encoder_out           [annotations (N, S, C)], in the layout of src_tokens, 0 on padding
#   encoder_padding_mask  [(N, S)], True on padding
#   encoder_states        [(L, N, C)], state of each layer after the last TRUE token (both directions side by side)
#   rows                  [] or [(B,)]: row b of the batch reads sentence rows[b] of the N above (beam search)
EncoderOut = Mapping[str, list[Tensor]]


class GRUEncoder(FairseqEncoder):
    """Embeds and reads the source, padded on either side.

    :param dictionary: source symbols.
    :param embed_tokens: (V, E) embedding.
    :param hidden_size: units per direction.
    :param dropout: on embeddings, between layers and on annotations.
    :param fused: use gradients by hand where there are some; they are differentiable once.
    :param gru_cell: which unit the layers are made of: a name in ``GRU_CELL``.
    :param float32_matmul_precision: of large products: see precision.py.
    """

    def __init__(
        self,
        dictionary: Dictionary,
        embed_tokens: nn.Embedding,
        *,
        hidden_size: int,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        fused: bool = True,
        gru_cell: str = "torch",
        float32_matmul_precision: str = HIGHEST,
    ) -> None:
        super().__init__(dictionary)
        self.padding_idx = dictionary.pad()
        self.fused = fused
        self.float32_matmul_precision = float32_matmul_precision
        self.embed_tokens = embed_tokens
        self.dropout = FairseqDropout(dropout, module_name=self.__class__.__name__)
        self.gru = GRU_CELL[gru_cell].layers(
            embed_tokens.embedding_dim,
            hidden_size,
            num_layers=num_layers,
            bidirectional=bidirectional,
            dropout=dropout if num_layers > 1 else 0.0,
        )
        self.output_units = hidden_size * (2 if bidirectional else 1)  # C

    @in_own_precision
    def forward(self, src_tokens: Tensor, src_lengths: Tensor | None = None, **unused: Any) -> dict[str, list[Tensor]]:
        """Encode a batch.

        :param src_tokens: (B, S). Padding is found by its symbol, so ``src_lengths`` is not needed.
        :returns: see ``EncoderOut`` in this module.
        """
        padding_mask = src_tokens.eq(self.padding_idx)  # (B, S)
        layout = PaddingLayout(padding_mask)
        embedded = self.dropout(self.embed_tokens(layout.to_right_padded(src_tokens)))  # (B, S, E)
        annotations, states = read(self.gru, embedded, layout.lengths, has_padding=layout.has_padding, fused=self.fused)
        annotations = layout.to_given(self.dropout(annotations))
        return {
            "encoder_out": [annotations],
            "encoder_padding_mask": [padding_mask],
            "encoder_states": [states],
            "rows": [],
        }

    def reorder_encoder_out(self, encoder_out: EncoderOut, new_order: Tensor) -> dict[str, list[Tensor]]:
        """Reorder, repeat or drop rows of the batch without copying a sentence: only ``rows`` changes."""
        rows = encoder_out["rows"][0].index_select(0, new_order) if encoder_out["rows"] else new_order
        return {**encoder_out, "rows": [rows]}

    def max_positions(self) -> int:
        """A recurrent network reads any length."""
        return UNLIMITED


def true_padding(padding_mask: Tensor) -> Tensor | None:
    """The mask, or None where there is no padding at all, which saves the masking."""
    return padding_mask if bool(torch.any(padding_mask)) else None
