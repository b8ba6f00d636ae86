"""A training program in plain PyTorch, as one writes it without a toolkit: ``DATA SETTING``, the setting as JSON.

Reads the text that ``python -m data_gen copy --text`` writes and logs its speed in the words of fairseq.
"""

import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

from scripts.benchmark.settings import Setting
from scripts.benchmark.textbook import Textbook

PAD, EOS, FIRST = 0, 1, 2
Batch = tuple[Tensor, Tensor, Tensor, Tensor]


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
