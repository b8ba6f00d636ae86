"""Set-up shared by all tests: the plugin, real commands, and a small trained model."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import fairseq_plugin  # noqa: F401  (registers everything, with fairseq's import warnings kept quiet)
from data_gen.copy.dataset import make_copy_dataset
from data_gen.copy.spec import CopySpec
from tests.support.commands import Commands, train_words

# For tiny tensors a second thread costs more than it brings, above all where several processes share the cores.
torch.set_num_threads(1)

SMALL = CopySpec(num_symbols=4, min_len=2, max_len=4, train=300, valid=30, test=30)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--device", default="cpu", help="where tests of modules make their tensors (default: cpu)")


def pytest_configure(config: pytest.Config) -> None:
    if (device := config.getoption("--device")) != "cpu":
        torch.set_default_device(device)
        torch.backends.cudnn.allow_tf32 = False  # numbers are compared to the last digit


@pytest.fixture(scope="session")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    """Runs a command as a user types it."""
    runner = Commands(tmp_path_factory.mktemp("streams"))
    yield runner
    runner.close()


@pytest.fixture(scope="session")
def copy_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small copy dataset: 4 letters, length 2 to 4, 30 test sequences; read only."""
    folder = tmp_path_factory.mktemp("copy") / "data"
    make_copy_dataset(SMALL, folder, text=True)
    return folder


@pytest.fixture(scope="session")
def trained(commands: Commands, copy_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The best checkpoint of fairseq-train on ``copy_data``: mostly right, but not always. Read only."""
    folder = tmp_path_factory.mktemp("trained")
    commands.succeed(*train_words(copy_data, folder, "--max-epoch", 11))
    return folder / "checkpoint_best.pt"


@pytest.fixture(scope="session")
def also_trained(commands: Commands, copy_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another checkpoint, of another seed and other sizes."""
    folder = tmp_path_factory.mktemp("also_trained")
    sizes = ("--encoder-hidden-size", 48, "--decoder-hidden-size", 48)
    commands.succeed(*train_words(copy_data, folder, "--max-epoch", 5, "--seed", 2, *sizes))
    return folder / "checkpoint_best.pt"
