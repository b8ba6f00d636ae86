"""A training in two processes that goes on ends where one ends that was not stopped, to the bit."""

from pathlib import Path

import pytest
import torch

from tests.commands import train_words
from tests.distributed.ranks import Ranks

PLAIN = ("--dropout", 0.2)
FAST = (*PLAIN, "--criterion", "chunked_cross_entropy", "--label-smoothing", 0.1, "--optimizer", "fused_adamw")


def different(first: Path, second: Path) -> list[str]:
    mine, theirs = (torch.load(path, weights_only=True)["model"] for path in (first, second))
    assert mine.keys() == theirs.keys()
    return [name for name in mine if not torch.equal(mine[name], theirs[name])]


@pytest.mark.parametrize("options", [PLAIN, FAST], ids=["fairseq's parts", "fast parts"])
@pytest.mark.parametrize("update", [10, 14], ids=["between epochs", "within an epoch"])
def test_resumed_training_equals_uninterrupted_training(
    ranks: Ranks, copy_data: Path, tmp_path: Path, options: tuple[object, ...], update: int
) -> None:
    """Two epochs of 10 updates."""
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    more = ("--batch-size", 16, "--max-epoch", 2, *options)
    ranks.succeed(*train_words(copy_data, whole, *more))
    ranks.succeed(*train_words(copy_data, parts, *more, "--max-update", update))
    resumed, _ = ranks.succeed(*train_words(copy_data, parts, *more))
    assert f"Loaded checkpoint {parts}/checkpoint_last.pt (epoch 2 @ {update} updates)" in resumed.out
    assert different(whole / "checkpoint_last.pt", parts / "checkpoint_last.pt") == []


def test_a_training_goes_on_in_another_number_of_processes(
    ranks: Ranks, copy_data: Path, trained: Path, tmp_path: Path
) -> None:
    outcome, _ = ranks.succeed(
        *train_words(copy_data, tmp_path, "--restore-file", trained, "--reset-dataloader", "--max-update", 120)
    )
    assert f"Loaded checkpoint {trained}" in outcome.out
