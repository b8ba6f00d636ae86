"""The reference set-up as a plain PyTorch program would write it, without fairseq and without this plugin."""

import torch
from torch import Tensor, nn


class Textbook(nn.Module):
    """One GRU layer each, one direction, additive attention, for rows without padding."""

    def __init__(self, symbols: int, embed: int, hidden: int, attention: int) -> None:
        super().__init__()
        self.source_embedding = nn.Embedding(symbols, embed)
        self.target_embedding = nn.Embedding(symbols, embed)
        self.encoder = nn.GRU(embed, hidden, batch_first=True)
        self.w_h = nn.Linear(hidden, attention, bias=False)
        self.w_s = nn.Linear(hidden, attention, bias=False)
        self.v = nn.Linear(attention, 1, bias=False)
        self.cell = nn.GRUCell(embed + hidden, hidden)
        self.w_o = nn.Linear(hidden, symbols)

    def forward(self, source: Tensor, previous: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (B, T, V) and attention (B, T, S)."""
        annotations, last = self.encoder(self.source_embedding(source))
        state = last[0]
        logits, attention = [], []
        for t in range(previous.size(1)):
            energy = self.v(torch.tanh(self.w_h(annotations) + self.w_s(state)[:, None])).squeeze(2)
            weights = energy.softmax(dim=1)
            context = (weights[:, :, None] * annotations).sum(dim=1)
            state = self.cell(torch.cat([self.target_embedding(previous[:, t]), context], dim=1), state)
            logits.append(self.w_o(state))
            attention.append(weights)
        return torch.stack(logits, 1), torch.stack(attention, 1)

    # Names of the same parameters in the plugin's model.
    NAMES = {  # noqa: RUF012
        "source_embedding.weight": "encoder.embed_tokens.weight",
        "target_embedding.weight": "decoder.embed_tokens.weight",
        "encoder.": "encoder.gru.",
        "w_h.weight": "decoder.attention.key_projection.weight",
        "w_s.weight": "decoder.attention.query_projection.weight",
        "v.weight": "decoder.attention.energy.weight",
        "cell.": "decoder.cell.",
        "w_o.": "decoder.output_projection.",
    }

    def plugin_names(self) -> dict[str, str]:
        """Own parameter name to the plugin's."""
        return {
            name: theirs + name.removeprefix(mine)
            for name, _ in self.named_parameters()
            for mine, theirs in self.NAMES.items()
            if name.startswith(mine)
        }
