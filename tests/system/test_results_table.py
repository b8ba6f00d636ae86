"""The table of results, the place in a file it goes to, and one small measurement from end to end."""

import json
from pathlib import Path

import pytest

from data_gen.errors import UserError
from scripts import results_table
from scripts.common import machine_in_words, numbers, replace_section, run, update_file

RESULT = results_table.Result(
    seed=3, loss=0.00349, exact_match={1: 1.0, 128: 0.999}, diagonal=0.99984, tokens=4983, seconds=11.6
)


def test_table() -> None:
    head, rule, row, empty, machine = results_table.table([RESULT]).splitlines()
    assert head == (
        "| seed | training loss (nats per token) | exact match, batch size 1 | exact match, batch size 128 "
        "| tokens on the diagonal | training (s) |"
    )
    assert rule == "| ---: | ---: | ---: | ---: | ---: | ---: |"
    assert row == "| 3 | 0.0035 | 1.0000 | 0.9990 | 0.9998 of 4983 | 12 |"
    assert (empty, machine) == ("", f"{machine_in_words()}.")


def test_a_section_is_replaced_and_its_surroundings_stay() -> None:
    text = "a <!-- speed:begin --><!-- speed:end --> b\n<!-- results:begin -->\nold\n<!-- results:end -->\nc\n"
    new = replace_section(text, "results", "\n1\n2\n")
    assert new == (
        "a <!-- speed:begin --><!-- speed:end --> b\n<!-- results:begin -->\n1\n2\n<!-- results:end -->\nc\n"
    )
    assert replace_section(new, "results", "1\n2") == new
    assert replace_section(text, "speed", "x").startswith("a <!-- speed:begin -->\nx\n<!-- speed:end --> b\n")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<!-- results:begin -->",
        "<!-- results:end --><!-- results:begin -->",
        "<!-- results:begin --><!-- results:end --><!-- results:end -->",
    ],
)
def test_a_file_without_the_markers_stays_as_it_is(text: str, tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as caught:
        update_file(path, "results", "new")
    assert str(caught.value) == (
        f"{str(path)!r} has no place for the results: "
        "write <!-- results:begin --> and <!-- results:end --> once each, in this order"
    )
    assert path.read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["new", "--seeds", "1", "1"], 2, "--seeds must differ and be at least 0, but are 1 1"),
        (["new", "--seeds", "-1"], 2, "--seeds must differ and be at least 0, but are -1"),
        (["new", "--update", "none.md"], 2, "cannot read 'none.md': No such file or directory"),
        (["new", "--update", "bytes"], 2, "cannot read 'bytes': it is not UTF-8 text"),
        (["."], 2, "'.' is not empty: name a new folder"),
        (["bytes"], 2, "cannot make folder 'bytes': File exists"),
    ],
)
def test_wrong_use(
    arguments: list[str],
    code: int,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bytes").write_bytes(b"\xff")
    assert results_table.main(arguments) == code
    assert capsys.readouterr() == ("", f"results_table.py: error: {message}\n")
    assert [path.name for path in tmp_path.iterdir()] == ["bytes"]


def test_a_command_that_fails_names_its_log(tmp_path: Path) -> None:
    log = tmp_path / "data.log"
    with pytest.raises(UserError) as caught:
        run(["data_gen", "copy"], log)
    assert (caught.value.exit_code, str(caught.value)) == (1, f"data_gen ended with exit code 2: see {str(log)!r}")
    assert log.read_text(encoding="utf-8").startswith("data_gen: error: the following arguments are required: DESTDIR")


def test_a_log_without_the_figure_is_named(tmp_path: Path) -> None:
    assert numbers(r"(\d) of (\d)", "1 of 2, 3 of 4", tmp_path) == [3.0, 4.0]
    with pytest.raises(UserError) as caught:
        numbers(r"(\d) of", "nothing", tmp_path / "x.log")
    assert caught.value.exit_code == 1


@pytest.mark.slow
@pytest.mark.usefixtures("warm_studies")
def test_one_small_measurement(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(results_table, "DATA", ("--train", "64", "--valid", "8", "--test", "9"))
    monkeypatch.setattr(results_table, "TRAINING", (*results_table.TRAINING, "--max-epoch", "1"))
    readme = tmp_path / "README.md"
    readme.write_text("# a\n<!-- results:begin --><!-- results:end -->\n", encoding="utf-8")
    folder = tmp_path / "results"
    assert results_table.main([str(folder), "--seeds", "5", "--update", str(readme)]) == 0

    captured = capsys.readouterr()
    assert captured.err.splitlines() == [
        "[1/5] data",
        "[2/5] seed 5: train",
        "[3/5] seed 5: decode, batch size 1",
        "[4/5] seed 5: decode, batch size 128",
        "[5/5] seed 5: attention",
    ]
    assert readme.read_text(encoding="utf-8") == (
        f"# a\n<!-- results:begin -->\n{captured.out.strip()}\n<!-- results:end -->\n"
    )
    (result,) = json.loads((folder / "results.json").read_text(encoding="utf-8"))["results"]
    assert result["seed"] == 5
    assert 2.0 < result["loss"] < 3.0  # ln 16 = 2.8 before the first update
    assert set(result["exact_match"]) == {"1", "128"}
    assert result["tokens"] > 0
    attention = (folder / "seed5" / "attention.log").read_text(encoding="utf-8").splitlines()
    assert attention[0].startswith("9 hypotheses written to ")
    assert len(attention) == 2  # no warning and no log line beside the two
