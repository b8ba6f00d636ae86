"""The model as tutorials write it in plain PyTorch: one loop, everything of a step inside it.

    e_ts = v . tanh(W_h h_s + W_s s_{t-1})    a_t = softmax(e_t)    c_t = sum_s a_ts h_s
    s_t  = GRU([emb(y_{t-1}); c_t], s_{t-1})  logits_t = W_o s_t + b_o

W_h h is computed again at each step. The output layer is one product over all steps.

``python -m scripts.benchmark.textbook DATA SETTING``, the setting as JSON, trains it as one does without a toolkit:
reads the text that ``python -m data_gen copy --text`` writes, and logs its speed in the words of fairseq.
"""

import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
from torch.utils.data import DataLoader

from scripts.benchmark.settings import Setting

PAD, EOS, FIRST = 0, 1, 2
Batch = tuple[Tensor, Tensor, Tensor, Tensor]


class TextbookDecoder(nn.Module):
    """The recurrence with attention."""

    def __init__(self, embed: int, hidden: int, attention: int, annotation: int) -> None:
        super().__init__()
        self.w_h = nn.Linear(annotation, attention, bias=False)
        self.w_s = nn.Linear(hidden, attention, bias=False)
        self.v = nn.Linear(attention, 1, bias=False)
        self.cell = nn.GRUCell(embed + annotation, hidden)

    def step(
        self, embedded: Tensor, state: Tensor, annotations: Tensor, padding: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """New state (B, H) and weights (B, S), from embeddings (B, E), state (B, H) and annotations (B, S, C)."""
        hidden = torch.tanh(self.w_h(annotations) + self.w_s(state).unsqueeze(1))  # (B, S, A)
        energy = self.v(hidden).squeeze(2)  # (B, S)
        if padding is not None:
            energy = energy.masked_fill(padding, float("-inf"))
        weights = torch.softmax(energy, dim=1)
        context = torch.bmm(weights.unsqueeze(1), annotations).squeeze(1)  # (B, C)
        return self.cell(torch.cat([embedded, context], dim=1), state), weights

    def forward(
        self, embedded: Tensor, state: Tensor, annotations: Tensor, padding: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """States (B, T, H) and weights (B, T, S) of all steps, from embeddings (B, T, E)."""
        states, attention = [], []
        for t in range(embedded.size(1)):
            state, weights = self.step(embedded[:, t], state, annotations, padding)
            states.append(state)
            attention.append(weights)
        return torch.stack(states, 1), torch.stack(attention, 1)


class Textbook(nn.Module):
    """Encoder and decoder of one layer each. The encoder's final state, both directions, is the decoder's first."""

    def __init__(
        self, symbols: int, embed: int, hidden: int, attention: int, *, directions: int = 1, pad: int | None = None
    ) -> None:
        super().__init__()
        self.source_embedding = nn.Embedding(symbols, embed, padding_idx=pad)
        self.target_embedding = nn.Embedding(symbols, embed, padding_idx=pad)
        self.encoder = nn.GRU(embed, hidden // directions, batch_first=True, bidirectional=directions == 2)
        self.decoder = TextbookDecoder(embed, hidden, attention, hidden)
        self.w_o = nn.Linear(hidden, symbols)

    def forward(self, source: Tensor, previous: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Logits (B, T, V) and attention (B, T, S).

        :param source: (B, S), padded on the right.
        :param previous: previous target symbols (B, T).
        :param lengths: (B,), of the source, where rows differ.
        """
        annotations, state, padding = self.encode(source, lengths)
        states, attention = self.decoder(self.target_embedding(previous), state, annotations, padding)
        return self.w_o(states), attention

    def encode(self, source: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor, Tensor | None]:
        """Annotations (B, S, C), first decoder state (B, H), and the padding mask (B, S) if there is padding."""
        embedded = self.source_embedding(source)
        if lengths is None:
            annotations, last = self.encoder(embedded)
            padding = None
        else:
            packed = pack_padded_sequence(embedded, lengths.cpu(), batch_first=True, enforce_sorted=False)
            packed_annotations, last = self.encoder(packed)
            annotations, _ = pad_packed_sequence(packed_annotations, batch_first=True)
            padding = torch.arange(source.size(1), device=source.device) >= lengths.unsqueeze(1)
        return annotations, last.transpose(0, 1).flatten(1), padding


def main(argv: Sequence[str]) -> int:
    """:param argv: dataset folder and setting."""
    folder, setting = Path(argv[0]), Setting(**json.loads(argv[1]))
    lines = (folder / "train.src").read_text(encoding="ascii").splitlines()
    numbers = {symbol: FIRST + n for n, symbol in enumerate(sorted({word for line in lines for word in line.split()}))}
    sequences = [torch.tensor([*(numbers[word] for word in line.split()), EOS]) for line in lines]
    torch.manual_seed(1)
    loader: DataLoader[Any] = DataLoader(
        sequences,  # type: ignore[arg-type]  # any list will do
        batch_size=setting.batch,
        shuffle=True,
        collate_fn=collate,
    )
    model = Textbook(
        FIRST + len(numbers), setting.embed, setting.hidden, setting.attention, directions=setting.directions, pad=PAD
    )
    train(model, loader, setting.updates, setting.interval)
    return 0


def collate(rows: list[Tensor]) -> Batch:
    """Source, its lengths, previous target symbols and target, padded to the longest."""
    symbols = pad_sequence(rows, batch_first=True, padding_value=PAD)
    lengths = torch.tensor([len(row) for row in rows])
    previous = torch.cat([torch.full((len(rows), 1), EOS), symbols[:, :-1]], dim=1)
    return symbols, lengths, previous, symbols


def endless(loader: DataLoader[Any]) -> Iterator[Batch]:
    """Epoch after epoch."""
    while True:
        yield from loader


def train(model: Textbook, loader: DataLoader[Any], updates: int, interval: int) -> None:
    """Adam on the mean cross-entropy; prints the speed of each interval."""
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    batches = endless(loader)
    tokens, start = 0, time.perf_counter()
    for update in range(1, updates + 1):
        source, lengths, previous, target = next(batches)
        optimizer.zero_grad()
        logits, _ = model(source, previous, lengths)
        loss = F.cross_entropy(logits.flatten(0, 1), target.flatten(), ignore_index=PAD)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        tokens += int(lengths.sum())
        if update % interval == 0:
            now = time.perf_counter()
            figures = {"num_updates": update, "wpb": tokens / interval, "wps": tokens / (now - start)}
            print(f"train_inner | {json.dumps({**figures, 'loss': loss.item()})}")
            tokens, start = 0, now


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
