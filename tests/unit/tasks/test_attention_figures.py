"""``--attention-figures``: heatmaps of validation sentences where fairseq logs, or in files."""

import logging
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fairseq.logging import progress_bar
from matplotlib.image import imread

from data_gen.errors import UserError
from fairseq_plugin.tasks import figures
from fairseq_plugin.tasks.copy_task import CopyTask
from fairseq_plugin.tasks.figures import AttentionFigures
from tests.support.commands import Commands, error_line, train_words
from tests.support.errors import message_of
from tests.support.making import make_task


class Writer:
    """A SummaryWriter that remembers."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.images: list[tuple[str, Any, int, str]] = []

    def add_text(self, tag: str, text: str) -> None:
        pass

    def add_image(self, tag: str, image: Any, step: int, dataformats: str) -> None:
        self.images.append((tag, image, step, dataformats))


class Wandb:
    """The wandb module as far as it is used, with a memory."""

    def __init__(self) -> None:
        self.logged: list[tuple[dict[str, Any], int]] = []

    Image = staticmethod(lambda pixels: ("image", pixels.shape))

    def init(self, **options: Any) -> None:
        pass

    def log(self, values: dict[str, Any], step: int) -> None:
        self.logged.append((values, step))


@pytest.fixture
def make(copy_data: Path, trained: Path, tmp_path: Path) -> Any:
    """Makes a task with validation data, and gives the trained model to its hooks."""
    from fairseq import checkpoint_utils

    def make(count: int, **options: Any) -> tuple[CopyTask, Any]:
        places = {"save_dir": str(tmp_path / "run"), "tensorboard_logdir": None, "wandb_project": None}
        options["best_checkpoint_metric"] = "num_updates"
        task = make_task(copy_data, attention_figures=count, valid_subset="valid,test", **places | options)
        task.load_dataset("valid")
        task.load_dataset("test")
        (model,), _ = checkpoint_utils.load_model_ensemble([str(trained)], task=task)
        return task, model

    return make


def validate(task: CopyTask, model: Any, update: int) -> None:
    """Both validation sets, as fairseq-train does it."""
    for _ in range(2):
        task.post_validate(model, {"num_updates": update}, None)


def written(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_files(make: Any, tmp_path: Path) -> None:
    task, model = make(2)
    task.begin_epoch(1, model)
    validate(task, model, 500)
    validate(task, model, 1000)
    assert written(tmp_path) == [
        f"run/attention/updates-{update}-id-{number}.png" for update in ("000500", "001000") for number in (0, 1)
    ]
    picture = imread(tmp_path / "run" / "attention" / "updates-000500-id-0.png")
    assert picture.std() > 0.1


def test_what_is_drawn(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first sentences of the first validation set, as they are decoded."""
    task, model = make(3)
    drawn: list[Any] = []
    figures = AttentionFigures(task.cfg)
    monkeypatch.setattr(figures, "_write", lambda record, update: drawn.append(record))
    figures.write(task, model, 7)
    assert [record.id for record in drawn] == [0, 1, 2]
    for record in drawn:
        source = task.source_dictionary.string(task.dataset("valid")[record.id]["source"]).split()
        assert record.source == (*source, "</s>")
        assert record.weights.shape == (len(record.target), len(record.source))
        assert record.target[-1] == "</s>"


def test_no_more_than_there_are(make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task, model = make(1000)
    drawn: list[int] = []
    monkeypatch.setattr(task._figures, "_write", lambda record, update: drawn.append(record.id))
    validate(task, model, 7)
    assert drawn == list(range(len(task.dataset("valid")))) == list(range(30))


def test_none_is_no_work(make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task, model = make(0)
    monkeypatch.setattr(task, "build_generator", lambda *arguments: pytest.fail("nothing is to be decoded"))
    task.begin_epoch(1, model)
    validate(task, model, 7)
    assert list(tmp_path.iterdir()) == []


def test_tensorboard(make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_bar, "SummaryWriter", Writer)
    monkeypatch.setattr(progress_bar, "_tensorboard_writers", {})
    task, model = make(2, tensorboard_logdir=str(tmp_path / "logs"))
    task.begin_epoch(1, model)
    validate(task, model, 500)
    ((subset, writer),) = progress_bar._tensorboard_writers.items()
    assert (subset, writer.folder) == ("valid", str(tmp_path / "logs" / "valid"))
    assert [(tag, step, form) for tag, _, step, form in writer.images] == [
        (f"attention/{number}", 500, "HWC") for number in (0, 1)
    ]
    for _, image, _, _ in writer.images:
        assert (image.dtype, image.ndim, image.shape[2]) == (np.uint8, 3, 3)
        assert image.std() > 20
    assert list(tmp_path.iterdir()) == []


def test_wandb(make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wandb = Wandb()
    monkeypatch.setattr(progress_bar, "wandb", wandb)
    task, model = make(2, wandb_project="copying")
    task.begin_epoch(1, model)
    validate(task, model, 500)
    assert [(list(values), step) for values, step in wandb.logged] == [
        (["valid/attention/0"], 500),
        (["valid/attention/1"], 500),
    ]
    assert list(tmp_path.iterdir()) == []


def test_files_where_no_logger_is_installed(make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """fairseq warns of it by itself, and logs nothing."""
    monkeypatch.setattr(progress_bar, "SummaryWriter", None)
    monkeypatch.setattr(progress_bar, "wandb", None)
    task, model = make(1, tensorboard_logdir=str(tmp_path / "logs"), wandb_project="copying")
    task.begin_epoch(1, model)
    validate(task, model, 500)
    assert written(tmp_path) == ["run/attention/updates-000500-id-0.png"]


def test_only_the_first_rank_writes(make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task, model = make(2)
    monkeypatch.setattr(figures, "get_global_rank", lambda: 1)
    task.begin_epoch(1, model)
    validate(task, model, 500)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_is_one_warning(make: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The folder vanishes while the model trains."""
    task, model = make(3)
    task.begin_epoch(1, model)
    (tmp_path / "run" / "attention").rmdir()
    validate(task, model, 500)
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1
    missing = f"folder '{tmp_path}/run/attention' does not exist: "
    assert warnings[0].startswith(f"attention figures at 500 updates are incomplete: {missing}")


def test_what_cannot_be_drawn_is_one_warning(
    make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("fairseq_plugin.analysis.pictures.picture.MOST_PIXELS", 10)
    task, model = make(3)
    task.begin_epoch(1, model)
    validate(task, model, 500)
    (warning,) = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert warning.startswith(
        f"attention figures at 500 updates are incomplete: '{tmp_path}/run/attention/updates-000500-id-0.png' would "
        "have "
    )
    assert written(tmp_path) == []


def test_no_folder(make: Any, tmp_path: Path) -> None:
    (tmp_path / "run").write_text("a file")
    task, model = make(1)
    assert message_of(task.begin_epoch, 1, model) == (
        f"--attention-figures cannot write into '{tmp_path}/run/attention' (Not a directory): choose another --save-dir"
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_no_permission(make: Any, tmp_path: Path) -> None:
    (tmp_path / "run" / "attention").mkdir(parents=True, mode=0o555)
    task, model = make(1)
    with pytest.raises(UserError, match=r"\(Permission denied\): choose another --save-dir$"):
        task.begin_epoch(1, model)


@pytest.mark.slow
def test_with_fairseq_train(commands: Commands, copy_data: Path, tmp_path: Path) -> None:
    """Figures change nothing in what is trained."""
    words = ("--max-epoch", 2, "--no-save", "--attention-figures")
    plain = commands.succeed(*train_words(copy_data, tmp_path / "plain", *words, 0))
    drawn = commands.succeed(*train_words(copy_data, tmp_path / "drawn", *words, 2))
    assert written(tmp_path) == [
        f"drawn/attention/updates-{update}-id-{number}.png" for update in ("000011", "000022") for number in (0, 1)
    ]
    assert re.findall(r"loss [\d.]+", plain.out) == re.findall(r"loss [\d.]+", drawn.out) != []


@pytest.mark.slow
def test_a_model_without_attention(commands: Commands, copy_data: Path, tmp_path: Path) -> None:
    words = ("--max-epoch", 1, "--attention", "none", "--attention-figures", 1)
    outcome = commands(*train_words(copy_data, tmp_path, *words))
    assert outcome.code == 2
    line = "fairseq-train: error: --attention-figures 1: the model returns no attention: .*; or leave it out"
    assert re.fullmatch(line, error_line(outcome))
    assert list(tmp_path.iterdir()) == []
