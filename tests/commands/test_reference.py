"""The reference set-up reaches what the README says, whatever the seed."""

import re
from pathlib import Path

import pytest

from data_gen.copy.dataset import make_copy_dataset
from data_gen.copy.spec import CopySpec
from tests.commands.test_training import quickstart_words
from tests.support.commands import Commands, extract_words, generate_words


@pytest.fixture(scope="module")
def reference_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The defaults of ``python -m data_gen copy`` with 1,000 test sequences."""
    folder = tmp_path_factory.mktemp("reference") / "data"
    make_copy_dataset(CopySpec(test=1000), folder)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_reference_set_up(commands: Commands, reference_data: Path, tmp_path: Path, seed: int) -> None:
    commands.succeed(*quickstart_words(reference_data, tmp_path), "--seed", seed)
    path = tmp_path / "checkpoint_best.pt"
    for batch_size in (1, 128):
        outcome = commands.succeed(*generate_words(reference_data, path, "--batch-size", batch_size))
        summary = outcome.out.splitlines()[-1]
        assert summary.startswith("Generate test with beam=5: exact match 1.0000, token accuracy 1.0000 (1000 seq")
    outcome = commands.succeed(*extract_words(reference_data, path, tmp_path / "attention.npz"))
    share = re.search(r"attention on the diagonal: (\S+) of (\d+) tokens without </s>", outcome.out)
    assert share is not None
    assert float(share[1]) >= 0.999
    assert 4_800 < int(share[2]) < 5_200
