"""The commands of the training row, those of a GPU included: they cannot run everywhere, but can be read."""

from pathlib import Path

import pytest

from scripts.benchmark.report import LSTM, OURS, PLAIN, comparisons
from scripts.benchmark.rows.training import commands
from scripts.benchmark.settings import MID, TINY


def test_on_a_cpu() -> None:
    assert list(commands(TINY, Path("x"), "cpu")) == [LSTM, OURS, PLAIN]
    found = commands(MID, Path("x"), "cpu")
    assert list(found) == [LSTM, OURS]
    saved = {words[words.index("--save-dir") + 1] for words in found.values()}
    assert saved == {"x/checkpoints"}  # fairseq makes the folder, with --no-save as well
    assert all("--cpu" in words and "--bf16" not in words for words in found.values())


@pytest.mark.parametrize(("precision", "options"), [("highest", []), ("high", []), ("fp16", ["--fp16"])])
def test_on_a_gpu(precision: str, options: list[str]) -> None:
    found = commands(MID, Path("x"), "cuda", precision)
    on_cpu = commands(MID, Path("x"), "cpu")
    assert found == {name: [word for word in words if word != "--cpu"] + options for name, words in on_cpu.items()}


def test_a_gpu_compares_within_a_precision() -> None:
    (found,) = comparisons("train", "mid", f"{OURS}, fp16")
    assert (found.baseline, found.aim) == (f"{LSTM}, fp16", None)
