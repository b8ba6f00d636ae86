"""Several trainings under torchrun that know nothing of each other are refused."""

import sys

import pytest
from torch import distributed

from data_gen.errors import UserError
from fairseq_plugin.program import check_processes
from tests.support import building


@pytest.fixture(autouse=True)
def apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a fairseq-train sees that torchrun started as one of two, without GPUs."""
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "1")
    monkeypatch.setattr(sys, "argv", ["/bin/fairseq-train", "data"])


@pytest.mark.parametrize("program", ["/bin/fairseq-train", "/bin/fairseq-hydra-train", "/lib/fairseq_cli/train.py"])
def test_trainings_apart_are_refused(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    monkeypatch.setattr(sys, "argv", [program, "data"])
    with pytest.raises(UserError) as caught:
        check_processes()
    assert str(caught.value) == (
        "torchrun started 2 processes, but fairseq would train a model in each and write all to the same files: "
        "start them with scripts/train_distributed.sh"
    )
    assert caught.value.exit_code == 2


def test_the_model_asks(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        building.model()
    assert stop.value.code == 2
    assert capsys.readouterr().err.startswith("fairseq-train: error: torchrun started 2 processes")


def test_processes_that_know_of_each_other_may_train(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distributed, "is_initialized", lambda: True)
    check_processes()


def test_one_process_may_train(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "1")
    check_processes()


def test_decoding_apart_is_no_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each process may decode a part (``--shard-id``)."""
    monkeypatch.setattr(sys, "argv", ["/bin/fairseq-generate", "data"])
    check_processes()


def test_other_launchers_are_not_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TORCHELASTIC_RUN_ID")
    check_processes()
