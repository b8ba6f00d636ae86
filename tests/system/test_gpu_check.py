"""scripts/gpu_check.py where there is no GPU: what it refuses, its table, and all its commands on a CPU."""

import json
from pathlib import Path

import pytest
import torch

from data_gen.errors import UserError
from scripts import gpu_check
from scripts.benchmark import report
from scripts.benchmark.__main__ import NAMES
from scripts.benchmark.measurement import Measurement
from scripts.benchmark.report import FUSED
from scripts.common import describe_machine
from scripts.gpu_check import Outcome, main, tables, timed

ERROR = "gpu_check.sh: error: "


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without GPU")
def test_no_gpu(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "new")]) == 2
    message = "torch sees no GPU here: install a CUDA build of torch, or add --device cpu --smoke"
    assert capsys.readouterr() == ("", f"{ERROR}{message}\n")
    assert not (tmp_path / "new").exists()


def test_a_smoke_run_updates_no_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.md"
    assert main([str(tmp_path / "new"), "--device", "cpu", "--smoke", "--update", str(page)]) == 2
    message = "--smoke measures nothing that is worth a place in a file: leave out --update"
    assert capsys.readouterr() == ("", f"{ERROR}{message}\n")


def test_a_check_that_fails_is_an_outcome() -> None:
    def fails() -> Outcome:
        raise UserError("it ended with exit code 1")

    outcome, seconds = timed(fails)
    assert outcome == ("failed: it ended with exit code 1", False)
    assert seconds >= 0.0


def test_the_table_of_the_benchmark_stands_below_that_of_the_checks(tmp_path: Path) -> None:
    speed = tmp_path / "speed.json"
    measured = [Measurement("core", "mid", FUSED, 1, "ms", (300.0,), gflop=30.0)]
    machine = {**describe_machine(), "processor": "Some GPU"}
    speed.write_text(json.dumps(report.as_json(measured, {"1": 200.0}, machine, [])), encoding="utf-8")
    checks = "| check | result | passed | seconds |\n| --- | --- | --- | ---: |\n| tests | 3 passed | yes | 2 |"
    row = ("tests", "3 passed", "yes", "2")
    table = report.markdown(measured, NAMES, {"1": 200.0}, machine)
    assert tables([row], speed, smoke=True) == f"{checks}\n\n{table}".strip()
    assert tables([row], speed, smoke=False) == f"{checks}\n\n{table}\n{report.sizes(measured)}".strip()
    assert "| mid | 1 | fused | 300 ms |  |  |  | 50 % |" in table
    assert tables([row], tmp_path / "missing", smoke=True) == checks


@pytest.mark.slow
@pytest.mark.usefixtures("warm_studies")
def test_all_commands_run_on_a_cpu(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu_check, "SETTINGS", ("tiny",))
    words = ["--device", "cpu", "--smoke", "--rows", "core", "--precisions", "highest", "bf16"]
    assert main([str(tmp_path / "new"), *words]) == 0
    text = capsys.readouterr().out
    assert "| quick start, bf16 | exact match 0." in text
    assert "200 of 200 hypotheses equal, weights differ by at most 0.0e+00 | yes |" in text
    assert "| decoder core, forward + backward | tiny | 1 | fused, bf16 |" in text
    assert (tmp_path / "new/tables.md").read_text(encoding="utf-8") == text
