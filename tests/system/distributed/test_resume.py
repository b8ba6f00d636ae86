"""A training in two processes that goes on ends where one ends that was not stopped, to the bit."""

from pathlib import Path

import pytest
import torch

from tests.support.commands import train_words
from tests.support.ranks import Ranks

PLAIN = ("--dropout", 0.2)
FAST = (*PLAIN, "--criterion", "chunked_cross_entropy", "--label-smoothing", 0.1, "--optimizer", "fused_adamw")


def different(first: Path, second: Path) -> list[str]:
    mine, theirs = (torch.load(path, weights_only=True)["model"] for path in (first, second))
    assert mine.keys() == theirs.keys()
    return [name for name in mine if not torch.equal(mine[name], theirs[name])]


MORE = ("--batch-size", 16, "--max-epoch", 2)  # of 10 updates each
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=[PLAIN, FAST], ids=["fairseq's parts", "fast parts"])
def whole(
    ranks: Ranks, copy_data: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> tuple[tuple[object, ...], Path]:
    """Options, and the last checkpoint of a training that was not stopped."""
    folder = tmp_path_factory.mktemp("whole")
    ranks.succeed(*train_words(copy_data, folder, *MORE, *request.param))
    return request.param, folder / "checkpoint_last.pt"


@pytest.mark.parametrize("update", [10, 14], ids=["between epochs", "within an epoch"])
def test_resumed_training_equals_uninterrupted_training(
    ranks: Ranks, copy_data: Path, whole: tuple[tuple[object, ...], Path], tmp_path: Path, update: int
) -> None:
    options, last = whole
    ranks.succeed(*train_words(copy_data, tmp_path, *MORE, *options, "--max-update", update))
    resumed, _ = ranks.succeed(*train_words(copy_data, tmp_path, *MORE, *options))
    assert f"Loaded checkpoint {tmp_path}/checkpoint_last.pt (epoch 2 @ {update} updates)" in resumed.out
    assert different(last, tmp_path / "checkpoint_last.pt") == []
