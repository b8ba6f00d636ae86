"""The table and the JSON, from numbers that are easy to follow."""

import json

import pytest

from scripts.benchmark import report
from scripts.benchmark.__main__ import GPU_ROWS
from scripts.benchmark.measurement import Measurement
from scripts.benchmark.report import (
    COMPARISONS,
    FUSED,
    LSTM,
    NATIVE,
    NATIVE_UPDATE,
    OURS,
    PLAIN,
    TEXTBOOK,
    TEXTBOOK_UPDATE,
    Comparison,
    medium,
)
from scripts.benchmark.rows import ROWS
from tests.support.commands import ROOT

NAMES = {name: row.what for name, row in ROWS.items()}
MACHINE = {
    "processor": "Some CPU",
    "cores": 2,
    "python": "3.11.7",
    "torch": "2.13.0",
    "fairseq": "0.12.3",
    "onednn": True,
    "date": "2026-01-02",
}
PEAKS = {"1": 200.0, "2": 400.0}
MEASURED = [
    Measurement("core", "mid", TEXTBOOK, 1, "ms", (1500.0, 1400.0, 1700.0), gflop=30.0),
    Measurement("core", "mid", NATIVE, 1, "ms", (300.0, 250.0, 310.0), gflop=30.0),
    Measurement("memory", "large", TEXTBOOK, 1, "MB", (2000.0,)),
    Measurement("memory", "large", FUSED, 1, "MB", (800.0,)),
    Measurement("train", "tiny", LSTM, 2, "tokens/s", (10_000.0,)),
    Measurement("train", "tiny", OURS, 2, "tokens/s", (20_000.0,), gflop=0.002),
    Measurement("train", "tiny", PLAIN, 2, "tokens/s", (16_000.0,)),
]


def test_table() -> None:
    text = report.markdown(MEASURED, NAMES, PEAKS, MACHINE)
    head, empty, *table, empty_too, legend = text.splitlines()
    assert head == (
        "Some CPU, 2 cores; Python 3.11.7, torch 2.13.0, fairseq 0.12.3; oneDNN products reachable; "
        "best matrix product 200 GFLOP/s on 1 thread, 400 GFLOP/s on 2 threads; 2026-01-02."
    )
    assert (empty, empty_too, legend) == ("", "", report.LEGEND)
    core, memory = "decoder core, forward + backward", "peak memory of a training step of the core"
    train, lstm = "training with fairseq-train, target tokens", "fairseq `--arch lstm`"
    assert table == [
        "| what | size | threads | variant | median [min, max] | compared with | ratio | aim | of peak |",
        "| --- | --- | ---: | --- | ---: | --- | ---: | ---: | ---: |",
        f"| {core} | mid | 1 | textbook loop | 1,500 [1,400, 1,700] ms |  |  |  | 10 % |",
        f"| {core} | mid | 1 | native | 300 [250, 310] ms | textbook loop | 5.00x | at least 4x | 50 % |",
        f"| {memory} | large | 1 | textbook loop | 2,000 MB |  |  |  |  |",
        f"| {memory} | large | 1 | fused | 800 MB | textbook loop | 0.40 | at most 0.3 |  |",
        f"| {train} | tiny | 2 | {lstm} | 10,000 tokens/s |  |  |  |  |",
        f"| {train} | tiny | 2 | `gru_attention` | 20,000 tokens/s | {lstm} | 2.00x | at least 1.4x | 10 % |",
        f"| {train} | tiny | 2 | `gru_attention` | 20,000 tokens/s | plain PyTorch program | 1.25x | at least 1.4x "
        "| 10 % |",
        f"| {train} | tiny | 2 | plain PyTorch program | 16,000 tokens/s |  |  |  |  |",
    ]


def test_summary_has_its_rows_on_the_fewest_threads() -> None:
    _, _, *table = report.summary(MEASURED, NAMES, PEAKS, MACHINE).splitlines()
    assert table == [
        "| what | ratio | aim |",
        "| --- | ---: | ---: |",
        "| decoder core (mid), forward and backward, beside a textbook loop | 5.00x | at least 4x |",
        "| memory of a training step (large) beside a textbook loop | 0.40 | at most 0.3 |",
    ]


def test_an_update_aims_at_a_share_of_the_best_product() -> None:
    measured = [
        Measurement("update", "mid", TEXTBOOK_UPDATE, 1, "ms", (1500.0,), gflop=150.0),
        Measurement("update", "mid", NATIVE_UPDATE, 1, "ms", (1000.0,), gflop=150.0),
        Measurement("update", "mid", medium(NATIVE_UPDATE), 1, "ms", (500.0,), gflop=150.0),
    ]
    peaks = {"1": 200.0, "medium on 1 thread": 400.0}
    text = report.markdown(measured, NAMES, peaks, {**MACHINE, "onednn": False})
    assert "; no oneDNN products; best matrix product 200 GFLOP/s on 1 thread, 400 GFLOP/s in medium on 1 thr" in text
    assert f"| 1,000 ms | {TEXTBOOK_UPDATE} | 1.50x | at least 75 % of peak | 75 % |" in text
    assert f"| 500 ms | {NATIVE_UPDATE} | 2.00x | at least 1.7x | 75 % |" in text


def test_without_what_it_is_compared_with() -> None:
    (line,) = report.markdown(MEASURED[1:2], NAMES, PEAKS, MACHINE).splitlines()[4:5]
    assert line.endswith("| native | 300 [250, 310] ms |  |  |  | 50 % |")


def test_json() -> None:
    content = json.loads(json.dumps(report.as_json(MEASURED[:2], PEAKS, MACHINE, ["--rows", "core"])))
    assert content["command"] == ["--rows", "core"]
    assert content["machine"] == MACHINE
    assert content["peak_gflops"] == PEAKS
    native = content["measurements"][1]
    assert native["values"] == [300.0, 250.0, 310.0]
    assert (native["median"], native["min"], native["max"], native["fraction_of_peak"]) == (300.0, 250.0, 310.0, 0.5)
    assert native["compared"] == [
        {
            "row": "core",
            "setting": "mid",
            "variant": NATIVE,
            "baseline": TEXTBOOK,
            "aim": 4.0,
            "ratio": 5.0,
        }
    ]


def test_precisions_are_compared_with_their_own_kind() -> None:
    measured = [
        Measurement("core", "mid", f"{name}, {precision}", 1, "ms", (time,), gflop=30.0)
        for precision, times in {"high": (8.0, 2.0), "bf16": (9.0, 1.0)}.items()
        for name, time in zip((TEXTBOOK, FUSED), times, strict=True)
    ]
    machine = {**MACHINE, "processor": "Some GPU"}
    text = report.markdown(measured, NAMES, {"high": 50_000.0, "bf16": 500_000.0}, machine)
    assert "best matrix product 50,000 GFLOP/s in high, 500,000 GFLOP/s in bf16" in text
    assert "| fused, high | 2 ms | textbook loop, high | 4.00x |  | 30 % |" in text
    assert "| fused, bf16 | 1 ms | textbook loop, bf16 | 9.00x |  | 6 % |" in text


@pytest.mark.parametrize("comparison", COMPARISONS, ids=lambda each: f"{each.row}-{each.setting}")
def test_every_comparison_belongs_to_a_row(comparison: Comparison) -> None:
    on_a_gpu = comparison.row in GPU_ROWS and comparison.aim is None
    assert comparison.setting in ROWS[comparison.row].settings or on_a_gpu


def test_sizes() -> None:
    head, rule, batch, lengths, *rest = report.sizes(MEASURED).splitlines()
    assert head == "|  | tiny | mid | large |"
    assert rule == "| --- | ---: | ---: | ---: |"
    assert batch == "| sentences a batch | 32 | 64 | 80 |"
    assert lengths == "| source and target length S, T | 7, 8 | 31, 31 | 50, 50 |"
    assert len(rest) == 5


def test_the_page_has_these_sizes() -> None:
    """Written by hand or by an older command, they could be others."""
    assert report.sizes(MEASURED) in (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
