"""Two processes that validate together count each sequence once."""

import re
from pathlib import Path

import pytest

from tests.support.commands import Commands, Outcome, train_words
from tests.support.ranks import Ranks

# The checkpoint stays what it is. 30 sequences by 7 are five batches: a second process fills up with one that it has
# had before.
VALIDATE = (
    *("--reset-optimizer", "--reset-dataloader", "--reset-meters", "--lr", 0, "--max-update", 1),
    *("--batch-size-valid", 7, "--required-batch-size-multiple", 1),
)


def reported(outcome: Outcome) -> dict[str, str]:
    (line,) = re.findall(r"valid on 'valid' subset \| (.*)", outcome.out)
    fields = dict(field.split(" ") for field in line.split(" | "))
    return {name: fields[name] for name in ("loss", "exact_match", "token_accuracy", "ppl")}


def words(data: Path, checkpoint: Path, folder: Path, *more: object) -> list[object]:
    return train_words(data, folder, "--restore-file", checkpoint, *VALIDATE, *more)


@pytest.mark.parametrize("beam", [pytest.param(1, marks=pytest.mark.slow), 3])
def test_metrics_are_those_of_one_process(
    commands: Commands, ranks: Ranks, copy_data: Path, trained: Path, tmp_path: Path, beam: int
) -> None:
    one = commands.succeed(*words(copy_data, trained, tmp_path / "one", "--eval-beam", beam))
    first, second = ranks.succeed(*words(copy_data, trained, tmp_path / "two", "--eval-beam", beam))
    assert reported(first) == reported(one)
    assert 0.0 < float(reported(one)["exact_match"]) < 1.0
    assert "valid on" not in second.out


def test_attention_is_drawn_by_the_first_process_alone(
    ranks: Ranks, copy_data: Path, trained: Path, tmp_path: Path
) -> None:
    outcomes = ranks.succeed(*words(copy_data, trained, tmp_path, "--attention-figures", 2))
    names = sorted(path.name for path in (tmp_path / "attention").iterdir())
    assert names == ["updates-000001-id-0.png", "updates-000001-id-1.png"]
    assert not any("attention figures" in outcome.out + outcome.err for outcome in outcomes)


def test_a_user_error_is_one_line_of_each_process(ranks: Ranks, tmp_path: Path) -> None:
    for outcome in ranks(*train_words(tmp_path / "none", tmp_path, "--max-epoch", 1)):
        assert outcome.code == 2
        line = outcome.err.splitlines()[-1]
        assert line.startswith(f"fairseq-train: error: no dataset folder at '{tmp_path}/none': ")
        assert "Traceback" not in outcome.err
