"""Data made while training, through the real commands: learnt, resumed to the bit, decoded."""

import re
from pathlib import Path

import pytest
import torch

from data_gen.copy.dataset import make_online_folder
from tests.support.commands import Commands, generate_words, train_words
from tests.support.making import SMALL


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of ``copy_data`` without the files; read only."""
    path = tmp_path_factory.mktemp("online") / "data"
    make_online_folder(SMALL, path)
    return path


@pytest.fixture(scope="module")
def whole(commands: Commands, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The last checkpoint of three epochs of eleven updates, and what fairseq-train said."""
    path = tmp_path_factory.mktemp("whole")
    outcome = commands.succeed(*train_words(folder, path, "--online", "--max-epoch", 3, "--dropout", 0.2))
    return path / "checkpoint_last.pt", outcome.out


def parameters(path: Path) -> dict[str, torch.Tensor]:
    model: dict[str, torch.Tensor] = torch.load(path, weights_only=True)["model"]
    return model


def different(first: Path, second: Path) -> list[str]:
    mine, theirs = parameters(first), parameters(second)
    assert mine.keys() == theirs.keys()
    return [name for name in mine if not torch.equal(mine[name], theirs[name])]


def test_validation_reports_exact_match(whole: tuple[Path, str]) -> None:
    _, said = whole
    assert len(re.findall(r"valid on 'valid' subset \| .* \| exact_match [0-9.]+ \| token_accuracy", said)) == 3
    assert re.findall(r"made 300 sequences of train for epoch (\d)", said) == ["1", "2", "3", "4"]


def test_data_workers_change_nothing(commands: Commands, folder: Path, whole: tuple[Path, str], tmp_path: Path) -> None:
    words = train_words(folder, tmp_path, "--online", "--max-epoch", 3, "--dropout", 0.2, "--num-workers", 2)
    commands.succeed(*words)
    assert different(tmp_path / "checkpoint_last.pt", whole[0]) == []


@pytest.mark.parametrize(
    "update", [pytest.param(11, marks=pytest.mark.slow, id="between epochs"), pytest.param(14, id="within an epoch")]
)
def test_resumed_training_equals_uninterrupted_training(
    commands: Commands, folder: Path, whole: tuple[Path, str], tmp_path: Path, update: int
) -> None:
    words = train_words(folder, tmp_path, "--online", "--max-epoch", 3, "--dropout", 0.2)
    commands.succeed(*words, "--max-update", update)
    last = tmp_path / "checkpoint_last.pt"
    state = torch.load(last, weights_only=True)["extra_state"]["train_iterator"]
    assert (state["epoch"], state["iterations_in_epoch"]) == (2, update - 11)
    assert different(last, whole[0]) != []
    resumed = commands.succeed(*words)
    assert "begin training epoch 2" in resumed.out
    assert different(last, whole[0]) == []


def test_decoding_made_data(commands: Commands, folder: Path, whole: tuple[Path, str]) -> None:
    outcome = commands.succeed(*generate_words(folder, whole[0], "--online"))
    assert outcome.out.splitlines()[-1].endswith("(30 sequences, 120 tokens)")
