"""fairseq_plugin.train and load: fairseq-train and its checkpoints, from Python."""

import logging
import random
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fairseq import checkpoint_utils

from data_gen.errors import UserError
from fairseq_plugin import load, train
from fairseq_plugin.training import LOGGERS
from tests.support.commands import Commands, train_words
from tests.support.errors import message_of

SETTINGS: dict[str, Any] = {
    "optimizer": "adam",
    "lr": 0.01,
    "batch_size": 32,
    "seed": 1,
    "no_epoch_checkpoints": True,
    "best_checkpoint_metric": "exact_match",
    "maximize_best_checkpoint_metric": True,
    "progress": False,
}


def state() -> list[Any]:
    """All that a training could change in the process."""
    loggers = [logging.getLogger(), *map(logging.getLogger, LOGGERS)]
    return [
        list(sys.argv),
        [(each.level, each.propagate, list(each.handlers)) for each in loggers],
        list(warnings.filters),
        random.getstate(),
        repr(np.random.get_state()),  # noqa: NPY002
        torch.get_rng_state().tolist(),
        dict(vars(checkpoint_utils.save_checkpoint)),
    ]


@contextmanager
def as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The block leaves the process as it found it."""
    monkeypatch.setattr(sys, "argv", ["program", "--user-dir", "nowhere"])
    monkeypatch.setattr(checkpoint_utils.save_checkpoint, "best", 1.0, raising=False)
    before = state()
    yield
    assert state() == before


@pytest.mark.slow
def test_the_parameters_are_those_of_the_command(
    commands: Commands, copy_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    theirs, mine = tmp_path / "theirs", tmp_path / "mine"
    commands.succeed(*train_words(copy_data, theirs, "--max-epoch", 3, "--dropout", 0.1))
    with as_before(monkeypatch):
        made = train(copy_data, mine, max_epoch=3, dropout=0.1, **SETTINGS)
    assert capfd.readouterr() == ("", "")
    assert made.path == mine / "checkpoint_best.pt"
    for name in ("checkpoint_best.pt", "checkpoint_last.pt"):
        first, second = (torch.load(folder / name, weights_only=True) for folder in (theirs, mine))
        assert first["model"].keys() == second["model"].keys()
        assert [key for key, value in first["model"].items() if not torch.equal(value, second["model"][key])] == []
    assert [figures["epoch"] for figures in made.log] == [1, 2, 3]
    assert max(figures["valid_exact_match"] for figures in made.log) == second["extra_state"]["best"]
    assert made.log[0]["train_loss"] > made.log[2]["train_loss"] > made.log[2]["valid_loss"] > 0
    # The same call goes on, and so does the command: the folder is free again.
    assert [figures["epoch"] for figures in train(copy_data, mine, max_epoch=4, **SETTINGS).log] == [4]
    commands.succeed(*train_words(copy_data, mine, "--max-epoch", 4))


def test_a_training_knows_nothing_of_the_one_before(copy_data: Path, trained: Path, tmp_path: Path) -> None:
    assert train(copy_data, trained.parent, max_epoch=11, **SETTINGS) == (trained, [])
    worse = train(copy_data, tmp_path / "worse", max_update=1, **SETTINGS)
    assert worse.path == tmp_path / "worse" / "checkpoint_best.pt"
    assert worse.log[0]["valid_exact_match"] < 0.2
    unseen = train(copy_data, tmp_path / "unseen", max_update=1, disable_validation=True, **SETTINGS)
    assert unseen.path == tmp_path / "unseen" / "checkpoint_last.pt"
    assert train(copy_data, tmp_path / "no", max_update=1, no_save=True, **SETTINGS).path is None


def test_a_bar_shows_how_far_it_is(copy_data: Path, tmp_path: Path, capfd: Any) -> None:
    settings = SETTINGS | {"progress": True, "no_save": True, "log_interval": 4}
    train(copy_data, tmp_path, max_epoch=2, max_update=15, **settings)
    shown = capfd.readouterr().err.replace("\n", "\r").split("\r")
    shares = [int(line.split("%")[0]) for line in shown if "%" in line]
    assert {0, 100} <= set(shares) <= {0, 27, 53, 73, 80, 100}  # after 4, 8, 11 (an epoch), 12 and 15 of 15 updates
    assert shares == sorted(shares)
    assert "valid_exact_match=" in shown[-2]


def test_a_switch_that_is_on_is_turned_off_with_false(copy_data: Path, tmp_path: Path) -> None:
    settings = SETTINGS | {"task": "translation", "arch": "gru_attention", "best_checkpoint_metric": "loss"}
    settings |= {"source_lang": "src", "target_lang": "tgt", "maximize_best_checkpoint_metric": False, "max_update": 1}
    for word in (True, False):
        path = train(copy_data, tmp_path / str(word), left_pad_source=word, **settings).path
        assert torch.load(path, weights_only=True)["cfg"]["task"]["left_pad_source"] is word


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"lr": "fast"},
            "argument --lr: must be a number, or numbers joined by commas, but is 'fast' "
            "(`fairseq-train --help` lists the options)",
        ),
        ({"nonsense": 1}, "unrecognized arguments: --nonsense=1 (`fairseq-train --help` lists the options)"),
        ({"nonsense": True}, "True and False are for switches of fairseq-train, but nonsense is none"),
        ({"lr": True, "seed": False}, "True and False are for switches of fairseq-train, but lr, seed is none"),
        ({"batch_size": None}, "Must specify batch size either with --max-tokens or --batch-size"),
        ({"optimizer": None}, "optimizer is required!"),
        (
            {"distributed_world_size": 2},
            "train() trains in one process: use scripts/train_distributed.sh for several",
        ),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_what_is_refused(
    copy_data: Path, tmp_path: Path, settings: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with as_before(monkeypatch):
        assert message_of(train, copy_data, tmp_path / "made", **SETTINGS | settings) == message
    assert not (tmp_path / "made").exists()


def test_a_training_that_fails_leaves_no_trace(
    copy_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "checkpoint_1_5.pt").mkdir()
    with as_before(monkeypatch), pytest.raises(UserError, match="--save-dir"):
        train(copy_data, tmp_path, max_epoch=1, **SETTINGS)


def test_a_model_is_loaded_by_its_path(
    copy_data: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(trained.parent)
    hub = load(trained.name, f"../{copy_data.name}")
    text, record = hub.translate("a b c", return_attention=True)
    assert text == hub.translate("a b c") == " ".join(record.target[:-1])
    assert record.weights.shape == (len(record.target), 4)
    with pytest.raises(UserError, match="no checkpoint"):
        load(tmp_path / "x.pt", copy_data)
