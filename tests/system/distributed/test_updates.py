"""An update of two processes is that of one with their batches together; both end with the same parameters."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from data_gen.copy.dataset import make_copy_dataset, make_online_folder
from data_gen.copy.spec import CopySpec
from tests.support.commands import Commands
from tests.support.making import SMALL
from tests.support.ranks import Ranks, record, recorded_words

PLAIN = ("--criterion", "cross_entropy", "--optimizer", "adam")
FAST = ("--criterion", "chunked_cross_entropy", "--optimizer", "fused_adamw")
parts = pytest.mark.parametrize("options", [PLAIN, FAST], ids=["fairseq's parts", "fast parts"])


@pytest.fixture(scope="module")
def one_batch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """32 training sequences of many lengths, so that halves of them have unequal numbers of tokens; read only."""
    folder = tmp_path_factory.mktemp("one_batch") / "data"
    make_copy_dataset(CopySpec(num_symbols=4, min_len=2, max_len=9, train=32, valid=5, test=5), folder)
    return folder


def largest_difference(first: dict[str, Tensor], second: dict[str, Tensor]) -> float:
    assert first.keys() == second.keys()
    return max((first[name] - second[name]).abs().max().item() for name in first)


def tokens(folder: Path, rank: int, update: int = 1) -> int:
    """How many target tokens a process trained on in an update; 1 is padding."""
    return sum(token != 1 for row in record(folder, rank, update)["targets"] for token in row)


@pytest.fixture(scope="module")
def alone(commands: Commands, one_batch: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one update of one process, on all sequences."""
    folder = tmp_path_factory.mktemp("alone")
    commands.succeed(*recorded_words(one_batch, folder, *PLAIN, "--max-epoch", 1, "--batch-size", 32))
    return folder


@parts
@pytest.mark.parametrize(
    ("batch", "update_freq"),
    [pytest.param(16, 1, id="one batch each"), pytest.param(8, 2, marks=pytest.mark.slow, id="two batches each")],
)
def test_gradients_are_those_of_one_process(
    ranks: Ranks, one_batch: Path, alone: Path, tmp_path: Path, options: tuple[str, ...], batch: int, update_freq: int
) -> None:
    sizes = ("--batch-size", batch, "--update-freq", update_freq)
    ranks.succeed(*recorded_words(one_batch, tmp_path, *options, "--max-epoch", 1, *sizes))
    assert tokens(tmp_path, 0) != tokens(tmp_path, 1)
    assert tokens(tmp_path, 0) + tokens(tmp_path, 1) == tokens(alone, 0)
    expected = record(alone, 0, 1)["gradients"]
    assert max(gradient.abs().max().item() for gradient in expected.values()) > 1e-2
    for rank in range(2):
        assert largest_difference(record(tmp_path, rank, 1)["gradients"], expected) < 1e-6
    assert not (tmp_path / "0-2.pt").exists()


@pytest.fixture(scope="module")
def epoch(ranks: Ranks, copy_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Makes the folder of an epoch (10 updates) in two processes."""

    def train(*options: object) -> Path:
        folder = tmp_path_factory.mktemp("epoch")
        ranks.succeed(*recorded_words(copy_data, folder, "--max-epoch", 1, "--batch-size", 16, *options))
        return folder

    return train


@parts
def test_both_processes_end_with_the_same_parameters(epoch: Any, options: tuple[str, ...]) -> None:
    folder = epoch(*options, "--dropout", 0.2)
    first, second = record(folder, 0, 10)["parameters"], record(folder, 1, 10)["parameters"]
    assert first.keys() == second.keys()
    assert [name for name in first if not torch.equal(first[name], second[name])] == []
    saved = torch.load(folder / "checkpoints" / "checkpoint_last.pt", weights_only=True)["model"]
    assert [name for name in first if not torch.equal(first[name], saved[name])] == []


def test_there_is_one_set_of_checkpoints(epoch: Any) -> None:
    folder = epoch() / "checkpoints"
    assert sorted(path.name for path in folder.iterdir()) == ["checkpoint_best.pt", "checkpoint_last.pt"]


@pytest.mark.slow
def test_data_workers_change_nothing(epoch: Any) -> None:
    alone, helped = epoch(), epoch("--num-workers", 2)
    assert largest_difference(record(alone, 1, 10)["parameters"], record(helped, 1, 10)["parameters"]) == 0.0


def rows(folder: Path, ranks: int, updates: range) -> Counter[tuple[int, ...]]:
    """Every target trained on, without padding, and how often."""
    found: Counter[tuple[int, ...]] = Counter()
    for rank in range(ranks):
        for update in updates:
            targets = record(folder, rank, update)["targets"]
            found.update(tuple(token for token in row if token != 1) for row in targets)
    return found


@pytest.mark.slow
def test_data_made_while_training_is_the_same(
    commands: Commands, ranks: Ranks, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Two epochs of 300 sequences: each is trained on once, whatever the number of processes."""
    data = tmp_path_factory.mktemp("online") / "data"
    make_online_folder(SMALL, data)
    one, two = tmp_path / "one", tmp_path / "two"
    commands.succeed(*recorded_words(data, one, "--online", "--max-epoch", 2, "--batch-size", 32))
    ranks.succeed(*recorded_words(data, two, "--online", "--max-epoch", 2, "--batch-size", 16))
    for alone, together in ((range(1, 12), range(1, 11)), (range(12, 23), range(11, 21))):  # updates of an epoch
        assert rows(one, 1, alone).total() == 300
        assert rows(one, 1, alone) == rows(two, 2, together)
    assert rows(one, 1, range(1, 12)) != rows(one, 1, range(12, 23))
