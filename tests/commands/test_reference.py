"""The reference set-up reaches what the README says, whatever the seed.

Seed 1 is that of the quick start: tests/system/documents/test_documents.py looks at the model that scripts/quickstart.sh
has trained.
"""

from pathlib import Path

import pytest

from data_gen.copy.dataset import make_copy_dataset
from data_gen.copy.spec import CopySpec
from tests.commands.test_training import quickstart_words
from tests.support.commands import Commands
from tests.support.reference import check_reference


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 3])
def test_reference_set_up(commands: Commands, tmp_path: Path, seed: int) -> None:
    make_copy_dataset(CopySpec(), tmp_path / "data")
    commands.succeed(*quickstart_words(tmp_path / "data", tmp_path / "checkpoints"), "--seed", seed)
    check_reference(commands, tmp_path / "checkpoints" / "checkpoint_best.pt", tmp_path)
