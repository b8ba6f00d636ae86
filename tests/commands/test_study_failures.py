"""The commands that measure, study and draw for the documents: work that fails ends with one line, and with 1."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from data_gen.errors import FAILURE, WRONG_USE, UserError
from scripts import gallery, profile_training, results_table
from scripts.benchmark import __main__ as benchmark
from scripts.benchmark.commands import sentences_per_second, tokens_per_second
from scripts.compat import steps
from scripts.lengths.config import study_of
from scripts.translation.corpus import write_toy_corpus


def refusal(work: Callable[..., Any], *arguments: Any, code: int = FAILURE) -> str:
    with pytest.raises(UserError) as caught:
        work(*arguments)
    assert caught.value.exit_code == code
    return str(caught.value)


def ends_with(code: int, said: str = "") -> Callable[..., Any]:
    return lambda words, **_: subprocess.CompletedProcess(words, code, stdout=said, stderr=said)


def test_a_benchmark_of_rows_that_no_gpu_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    options = benchmark.parser().parse_args(["--device", "cuda", "--rows", "text"])
    rows = " ".join(benchmark.GPU_ROWS)
    assert refusal(benchmark.check, options, code=WRONG_USE) == (
        f"--device cuda measures --rows {rows} only, but got text"
    )


def test_logs_without_a_speed() -> None:
    assert refusal(tokens_per_second, "") == "a training logged fewer than two intervals: no speed to be read"
    assert refusal(sentences_per_second, "") == "fairseq-generate did not say how fast it was"


def test_a_study_of_no_models() -> None:
    study = {"data": "", "common": "", "updates": 1, "validate_every": 1, "models": {}}
    study |= {"train_lengths": [1, 2], "test_lengths": [1], "seeds": [1]}
    line = "'x.yaml': models must be names, each with words of a command line, but is {}"
    assert refusal(study_of, study, Path("x.yaml"), code=WRONG_USE) == line


def test_a_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profile_training.subprocess, "run", ends_with(1, "no room"))
    name = next(iter(profile_training.RUNS))
    assert refusal(profile_training.profile_all, profile_training.parser().parse_args([])) == (
        f"profiling {name!r} failed: no room"
    )


def test_results(tmp_path: Path) -> None:
    log, checkpoint = tmp_path / "log", tmp_path / "checkpoint.pt"
    assert refusal(results_table.numbers, "loss (x)", "", log) == f"no 'loss (x)' in '{log}': see there what went wrong"
    torch.save({"extra_state": {"metrics": {"train": []}}}, checkpoint)
    assert refusal(results_table.final_loss, checkpoint) == f"no training loss in '{checkpoint}'"


def test_a_corpus_without_a_place(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    place = tmp_path / "file" / "corpus"
    assert refusal(write_toy_corpus, place, code=WRONG_USE) == f"cannot write the corpus '{place}': Not a directory"


def test_pictures_of_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gallery, "commands", lambda page: gallery.FOLDER)
    monkeypatch.setattr(gallery, "pictures", lambda page: ["a.png"])
    monkeypatch.setattr(gallery, "run_script", lambda script, environment: 1)
    assert refusal(gallery.make_pictures, None) == f"a command of '{gallery.PAGE}' failed: the last one above"
    large = gallery.MOST_BYTES + 1
    monkeypatch.setattr(
        gallery, "run_script", lambda folder, environment: (Path(folder) / "a.png").write_bytes(bytes(large)) - large
    )
    assert refusal(gallery.make_pictures, None) == f"a.png has {large} bytes, at most 300000 are wanted"


def test_steps_of_a_pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = steps.Place(tmp_path, Path("python"))
    monkeypatch.setattr(steps.subprocess, "run", ends_with(3))
    assert refusal(steps.check_style, place) == f"style failed with exit code 3: see '{tmp_path}/style.log'"
    assert refusal(steps.test, place) == f"tests ended early: see '{tmp_path}/tests.log'"
    monkeypatch.setattr(steps.subprocess, "run", ends_with(0))
    assert refusal(steps.quick_start, place) == f"no exact match: see '{tmp_path}/quickstart.log'"
