"""Processes that begin anew: fairseq's own start of several, and data workers. The plugin is imported again in each."""

import socket
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from data_gen.copy.dataset import make_online_folder
from tests.support.commands import ROOT, Commands, train_words
from tests.support.making import SMALL, make_task
from tests.support.ranks import Ranks

SPAWNED = ROOT / "tests" / "support" / "spawned_training.py"


def spawned(commands: Commands, data: Path, folder: Path, *more: object) -> str:
    """Train in two processes that fairseq starts. :returns: what they said."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        meeting = f"tcp://localhost:{free.getsockname()[1]}"
    words = train_words(data, folder, "--batch-size", 16, "--dropout", 0.2, *more)[1:]
    place = ("--cpu", "--distributed-backend", "gloo", "--ddp-backend", "legacy_ddp", "--distributed-world-size", 2)
    outcome = commands.succeed("python", SPAWNED, *words, *place, "--distributed-init-method", meeting)
    assert "training on 2 devices" in outcome.out
    return outcome.out


class Batches(Dataset[Any]):
    """The same batches of several datasets of fairseq's."""

    def __init__(self, datasets: list[Any], numbers: list[list[int]]) -> None:
        self.datasets, self.numbers = datasets, numbers

    def __len__(self) -> int:
        return len(self.datasets) * len(self.numbers)

    def __getitem__(self, place: int) -> Any:
        dataset, numbers = self.datasets[place // len(self.numbers)], self.numbers[place % len(self.numbers)]
        return dataset.collater([dataset[number] for number in numbers])


@pytest.mark.slow
def test_training_in_processes_that_fairseq_starts_goes_on(
    commands: Commands, ranks: Ranks, copy_data: Path, tmp_path: Path
) -> None:
    ranks.succeed(*train_words(copy_data, tmp_path, "--batch-size", 16, "--dropout", 0.2, "--max-epoch", 1))
    said = spawned(commands, copy_data, tmp_path, "--max-epoch", 2)
    assert f"Loaded checkpoint {tmp_path}/checkpoint_last.pt (epoch 2 @ 10 updates)" in said
    saved = torch.load(tmp_path / "checkpoint_last.pt", weights_only=True)
    assert saved["optimizer_history"][-1]["num_updates"] == 20
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint_best.pt", "checkpoint_last.pt"]


def same(first: Any, second: Any) -> bool:
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(same(first[name], second[name]) for name in first)
    return torch.equal(first, second) if isinstance(first, torch.Tensor) else bool(first == second)


@pytest.mark.slow
def test_data_workers_that_begin_anew_read_the_same(copy_data: Path, tmp_path: Path) -> None:
    """Of both kinds of data; one worker reads both."""
    make_online_folder(SMALL, tmp_path / "data")
    datasets = []
    for task in (make_task(copy_data), make_task(tmp_path / "data", online=True)):
        task.load_dataset("train", epoch=2)
        datasets.append(task.dataset("train"))
    batches = Batches(datasets, [[0, 3, 7], [299, 5]])
    read = list(DataLoader(batches, batch_size=None, num_workers=1, multiprocessing_context="spawn"))
    assert len(read) == 4
    for number, batch in enumerate(read):
        assert same(batch, batches[number])
