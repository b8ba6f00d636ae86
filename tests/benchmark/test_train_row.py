"""The commands of the training row, those of a GPU included: they cannot run everywhere, but can be read."""

from pathlib import Path

from scripts.benchmark.rows.train import commands
from scripts.benchmark.settings import MID, TINY
from scripts.benchmark.targets import LSTM, OURS, PLAIN, comparisons


def test_on_a_cpu() -> None:
    assert list(commands(TINY, Path("x"), "cpu")) == [LSTM, OURS, PLAIN]
    found = commands(MID, Path("x"), "cpu")
    assert list(found) == [LSTM, OURS]
    assert all("--cpu" in words and "--bf16" not in words for words in found.values())


def test_on_a_gpu_in_two_precisions() -> None:
    found = commands(MID, Path("x"), "cuda")
    assert list(found) == [f"{name}, {precision}" for precision in ("fp32", "bf16") for name in (LSTM, OURS)]
    assert not any("--cpu" in words for words in found.values())
    assert ["--bf16" in words for words in found.values()] == [False, False, True, True]
    on_cpu = commands(MID, Path("x"), "cpu")
    assert found[f"{OURS}, fp32"] == [word for word in on_cpu[OURS] if word != "--cpu"]


def test_a_gpu_compares_within_a_precision() -> None:
    (found,) = comparisons("train", "mid", f"{OURS}, bf16")
    assert (found.baseline, found.target) == (f"{LSTM}, bf16", None)
