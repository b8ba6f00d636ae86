"""The whole command with sizes that take no time. No figure is looked at for its value."""

import json
from pathlib import Path

import pytest
import torch

from fairseq_plugin import native
from scripts.benchmark.__main__ import main
from scripts.benchmark.report import EXTRACT, FEW, GENERATE, MANY, SPM_ENCODE, SPM_ENCODE_2
from scripts.benchmark.rows import ROWS

COMPILED = ("native",) if native.missing() is None else ()


def variants(path: Path) -> list[tuple[str, str, str]]:
    content = json.loads(path.read_text(encoding="utf-8"))
    return [(each["row"], each["setting"], each["variant"]) for each in content["measurements"]]


def test_rows_measured_in_this_process(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "speed.json"
    threads = torch.get_num_threads()
    words = ["--rows", "core", "update", "decode", "--settings", "tiny", "mid", "--output", str(output)]
    assert main(["--smoke", *words]) == 0
    assert torch.get_num_threads() == threads
    captured = capsys.readouterr()
    assert captured.err.splitlines() == [
        "[1/5] core, tiny, 1 thread",
        "[2/5] core, mid, 1 thread",
        "[3/5] update, tiny, 1 thread",
        "[4/5] update, mid, 1 thread",
        "[5/5] decode, mid, 1 thread",
    ]
    updates = [
        "textbook, cross-entropy, Adam",
        "naive, cross_entropy, Adam",
        "fused, chunked_cross_entropy, fused_adamw",
        *(f"{way}, chunked_cross_entropy, fused_adamw" for way in COMPILED),
    ]
    core = ("textbook loop", "naive", "fused", *COMPILED)
    steps = ["textbook step", "decoder step", "textbook step + output layer", "decoder step + output layer"]
    assert variants(output) == [
        *(("core", size, variant) for size in ("tiny", "mid") for variant in core),
        *(("update", size, variant) for size in ("tiny", "mid") for variant in updates),
        *(("decode", "mid", variant) for variant in steps),
    ]
    assert captured.out.count("\n| ") == 2 + len(variants(output))


def test_a_busy_moment_does_not_lower_the_best_product(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rates = iter([77.0, 130.0, 90.0])
    monkeypatch.setattr("scripts.benchmark.__main__.measure_peaks", lambda *_: {"1": next(rates)})
    monkeypatch.setattr("scripts.benchmark.__main__.check", lambda _: [("core", "tiny")] * 3)
    assert main(["--smoke", "--output", str(tmp_path / "speed.json")]) == 0
    assert json.loads((tmp_path / "speed.json").read_text())["peak_gflops"] == {"1": 130.0}


def test_each_precision_is_a_variant(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "speed.json"
    words = ["--rows", "core", "update", "--settings", "tiny", "--precisions", "highest", "high", "bf16"]
    assert main(["--smoke", *words, "--output", str(output)]) == 0
    assert torch.get_float32_matmul_precision() == "highest"
    core = ("textbook loop", "naive", "fused", *COMPILED)
    precisions = ("highest", "high", "bf16")
    found = variants(output)
    cores = [("core", "tiny", f"{variant}, {each}") for each in precisions for variant in core]
    assert found[: len(cores)] == cores
    assert len(found) == 2 * len(cores)
    assert set(json.loads(output.read_text())["peak_gflops"]) == set(precisions)


def test_bfloat16_products_are_variants_where_the_processor_has_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("scripts.benchmark.measurement.has_bfloat16", lambda: True)
    output = tmp_path / "speed.json"
    assert main(["--smoke", "--rows", "update", "--settings", "mid", "--output", str(output)]) == 0
    found = {variant for _, _, variant in variants(output)}
    ways = [variant for variant in found if variant.startswith(("fused", *COMPILED)) and "medium" not in variant]
    assert len(ways) == 1 + len(COMPILED)
    assert {f"{way}, medium" for way in ways} < found
    assert set(json.loads(output.read_text())["peak_gflops"]) == {"1", "medium on 1 thread"}


@pytest.mark.slow
@pytest.mark.usefixtures("warm_studies")
def test_every_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "speed.json"
    assert main(["--smoke", "--output", str(output)]) == 0
    assert {row for row, _, _ in variants(output)} == set(ROWS)
    lstm, ours = "fairseq `--arch lstm`", "`gru_attention`"
    assert [each for each in variants(output) if each[0] in ("memory", "train", "generate")] == [
        *(("memory", "mid", variant) for variant in ("textbook loop", "fused", *COMPILED)),
        *(("train", "tiny", variant) for variant in (lstm, ours, "plain PyTorch program")),
        *(("generate", "mid", f"{model}, beam {beam}") for beam in (2, 1) for model in (lstm, ours)),
    ]
    assert [each for each in variants(output) if each[0] == "extract"] == [
        ("extract", "tiny", f"{name}, beam {beam}") for beam in (2, 1) for name in (GENERATE, EXTRACT)
    ]
    assert [each for each in variants(output) if each[0] == "extract_memory"] == [
        ("extract_memory", "tiny", variant) for variant in (FEW, MANY)
    ]
    assert [each for each in variants(output) if each[0] == "data"] == [
        ("data", "tiny", name) for name in ("`data_gen`", "fairseq-preprocess", "fairseq-preprocess, 2 workers")
    ]
    assert [each for each in variants(output) if each[0] == "text"] == [
        ("text", "mid", name) for name in ("`data_gen`", SPM_ENCODE, SPM_ENCODE_2)
    ]
    assert all(value > 0 for each in json.loads(output.read_text())["measurements"] for value in each["values"])


def test_the_table_goes_to_its_section(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("# a\n<!-- speed:begin --><!-- speed:end -->\n", encoding="utf-8")
    words = ["--rows", "core", "--settings", "tiny", "--repetitions", "1", "--update", str(readme)]
    assert main(words) == 0
    table = capsys.readouterr().out.strip()
    assert readme.read_text(encoding="utf-8") == f"# a\n<!-- speed:begin -->\n{table}\n<!-- speed:end -->\n"


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    assert (
        capsys.readouterr().out.splitlines()[0] == "core           decoder core, forward + backward (tiny, mid, large)"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--threads", "0"], "--threads must be at least 1, but is 0"),
        (["--threads", "1", "1"], "--threads must differ, but are 1 1"),
        (["--repetitions", "0"], "--repetitions must be at least 1, but is 0"),
        (
            ["--rows", "memory", "--settings", "tiny"],
            "nothing to measure: --rows memory at --settings tiny; see --list",
        ),
        (
            ["--smoke", "--update", "x"],
            "--smoke measures nothing that is worth a place in a file: leave out --update and --summary",
        ),
    ],
)
def test_wrong_use(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert capsys.readouterr() == ("", f"benchmark: error: {message}\n")


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without GPU")
def test_no_gpu(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--device", "cuda"]) == 2
    message = "--device cuda: torch sees no GPU here; leave the option out to measure the CPU"
    assert capsys.readouterr() == ("", f"benchmark: error: {message}\n")
