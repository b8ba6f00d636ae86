"""The commands that measure, study and draw for the documents: work that fails ends with one line, and with 1."""

from pathlib import Path

import pytest
import torch

from scripts import compat, gallery, results_table
from scripts.benchmark import __main__ as benchmark
from scripts.benchmark.models import sentences_per_second, tokens_per_second
from scripts.common import numbers
from scripts.lengths.study import study_of
from scripts.translation.corpus import write_toy_corpus
from tests.support.errors import message_of


def test_a_benchmark_of_rows_that_no_gpu_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    options = benchmark.parser().parse_args(["--device", "cuda", "--rows", "text"])
    rows = " ".join(benchmark.GPU_ROWS)
    assert message_of(benchmark.check, options) == (f"--device cuda measures --rows {rows} only, but got text")


def test_logs_without_a_speed() -> None:
    assert (
        message_of(tokens_per_second, "", exit_code=1)
        == "a training logged fewer than two intervals: no speed to be read"
    )
    assert message_of(sentences_per_second, "", exit_code=1) == "fairseq-generate did not say how fast it was"


def test_a_study_of_no_models() -> None:
    study = {"data": "", "common": "", "updates": 1, "validate_every": 1, "models": {}}
    study |= {"train_lengths": [1, 2], "test_lengths": [1], "seeds": [1]}
    line = "'x.yaml': models must be names, each with words of a command line, but is {}"
    assert message_of(study_of, study, Path("x.yaml")) == line


def test_results(tmp_path: Path) -> None:
    log, checkpoint = tmp_path / "log", tmp_path / "checkpoint.pt"
    assert (
        message_of(numbers, "loss (x)", "", log, exit_code=1) == f"no 'loss (x)' in '{log}': see there what went wrong"
    )
    torch.save({"extra_state": {"metrics": {"train": []}}}, checkpoint)
    assert message_of(results_table.final_loss, checkpoint, exit_code=1) == f"no training loss in '{checkpoint}'"


def test_a_corpus_without_a_place(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    place = tmp_path / "file" / "corpus"
    assert message_of(write_toy_corpus, place) == f"cannot write the corpus '{place}': Not a directory"


def test_pictures_of_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gallery, "commands", lambda page: gallery.FOLDER)
    monkeypatch.setattr(gallery, "pictures", lambda page: ["a.png"])
    monkeypatch.setattr(gallery, "run_script", lambda script: 1)
    assert (
        message_of(gallery.make_pictures, None, exit_code=1)
        == f"a command of '{gallery.PAGE}' failed: the last one above"
    )
    large = gallery.MOST_BYTES + 1
    monkeypatch.setattr(
        gallery, "run_script", lambda folder: (Path(folder) / "a.png").write_bytes(bytes(large)) - large
    )
    assert message_of(gallery.make_pictures, None, exit_code=1) == f"a.png has {large} bytes, at most 300000 are wanted"


def test_steps_of_a_pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = compat.Environment(tmp_path, Path("python"))
    monkeypatch.setattr(compat.subprocess, "call", lambda words, **_: 0)
    assert message_of(compat.test, place, exit_code=1) == f"tests ended early: see '{tmp_path}/tests.log'"
    assert message_of(compat.quick_start, place, exit_code=1) == f"no exact match: see '{tmp_path}/quickstart.log'"
