"""What a model of the reference set-up must do."""

import re
from pathlib import Path

from data_gen.copy.dataset import make_copy_dataset
from data_gen.copy.spec import CopySpec
from tests.support.commands import Commands, extract_words, generate_words


def check_reference(commands: Commands, path: Path, folder: Path) -> None:
    """A checkpoint copies 1,000 new sequences, the first 200 one by one as well; its attention is the diagonal."""
    for sequences, batch_size in ((200, 1), (1000, 128)):
        data = folder / f"{sequences} sequences"
        make_copy_dataset(CopySpec(test=sequences), data)  # but for that the defaults
        outcome = commands.succeed(*generate_words(data, path, "--batch-size", batch_size))
        assert outcome.out.splitlines()[-1].startswith(
            f"Generate test with beam=5: exact match 1.0000, token accuracy 1.0000 ({sequences} sequences, "
        )
    outcome = commands.succeed(*extract_words(data, path, folder / "attention.npz"))
    share = re.search(r"attention on the diagonal: (\S+) of (\d+) tokens without </s>", outcome.out)
    assert share is not None
    assert float(share[1]) >= 0.999
    assert 4_800 < int(share[2]) < 5_200
