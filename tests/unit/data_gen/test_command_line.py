"""The command line as its users meet it: one line for each outcome."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest

import data_gen
from data_gen.copy.manifest import read_copy_manifest
from data_gen.copy.spec import PRESETS, CopySpec

from .conftest import Outcome, everything_under

Run = Callable[..., Outcome]
SMALL = ("--train", 20, "--valid", 3, "--test", 2)


def in_subprocess(*arguments: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    environment = os.environ | {"PYTHONPATH": str(Path(data_gen.__file__).parents[1]), "PYTHONWARNINGS": "error"}
    return subprocess.run([sys.executable, *arguments], cwd=cwd, capture_output=True, text=True, env=environment)


def test_defaults_are_the_reference_set_up(tmp_path: Path, reference: Path) -> None:
    done = in_subprocess("-m", "data_gen", "copy", "data", "--text", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    splits = read_copy_manifest(reference).splits
    size = sum(path.stat().st_size for path in reference.iterdir())
    assert done.stdout == (
        f"wrote 'data': 2000 train, 200 valid, 200 test sequences, dictionary of 16, {size} bytes; "
        f"also in train: {splits['valid'].also_in_train} of 200 valid, {splits['test'].also_in_train} of 200 test "
        "sequences\n"
    )
    assert everything_under(tmp_path / "data") == everything_under(reference)


def specification(folder: Path) -> CopySpec:
    return read_copy_manifest(folder).spec


def test_options_reach_the_specification(tmp_path: Path, run: Run) -> None:
    numbers = {"num_symbols": 9, "min_len": 2, "max_len": 5, "train": 21, "valid": 4, "test": 3, "seed": 6}
    words = {"transform": "shift:2", "lengths": "zipf:0.5", "symbols": "uniform"}
    arguments = [item for name, value in (numbers | words).items() for item in (f"--{name.replace('_', '-')}", value)]
    switches = ("--unique", "--no-overlap", "--test-lengths", "8,3")
    assert run("copy", tmp_path / "data", *arguments, *switches).code == 0
    made = asdict(specification(tmp_path / "data"))
    assert made == {**numbers, **words, "unique": True, "no_overlap": True, "test_lengths": (8, 3)}


def test_a_preset_gives_way_to_options_even_at_their_defaults(tmp_path: Path, run: Run) -> None:
    few = ("--train", 30, "--valid", 2, "--test", 2)
    assert run("copy", tmp_path / "a", "--preset", "joeynmt-reverse", *few).code == 0
    assert specification(tmp_path / "a") == replace(PRESETS["joeynmt-reverse"], train=30, valid=2, test=2)
    changes = ("--num-symbols", 8, "--transform", "copy", "--test-lengths", "none", "--seed", 1)
    assert run("copy", tmp_path / "b", "--preset", "joeynmt-reverse", *few, *changes).code == 0
    assert specification(tmp_path / "b") == CopySpec(max_len=25, min_len=1, train=30, valid=2, test=2)


def test_the_summary_names_every_test_set(tmp_path: Path, run: Run) -> None:
    done = run("copy", tmp_path / "data", *SMALL, "--test-lengths", "8,50", "--no-overlap")
    size = sum(path.stat().st_size for path in (tmp_path / "data").iterdir())
    assert done == (
        0,
        f"wrote '{tmp_path / 'data'}': 20 train, 3 valid, 2 test, 2 test1, 2 test2 sequences, dictionary of 16, "
        f"{size} bytes; also in train: 0 of 3 valid, 0 of 2 test, 0 of 2 test1, 0 of 2 test2 sequences\n",
        "",
    )


@pytest.mark.parametrize("value", ["", "8;9", "8,", "-3", "eight", "8 9"])
def test_test_lengths_that_are_none(tmp_path: Path, run: Run, value: str) -> None:
    assert run("copy", tmp_path / "data", f"--test-lengths={value}") == (
        2,
        "",
        "data_gen: error: --test-lengths must be whole numbers with commas between, such as 8,10,15, or none, "
        f"but is {value!r}\n",
    )


def test_nothing_heavy_is_imported(tmp_path: Path) -> None:
    command = (
        "import sys; from data_gen.__main__ import main; main(['copy', 'data']); "
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    done = in_subprocess("-c", command, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.splitlines()[-1].split())
    assert {"data_gen", "numpy"} <= loaded
    assert loaded & {"torch", "fairseq", "fairseq_cli", "sentencepiece", "matplotlib", "pandas", "scipy"} == set()


def test_unknown_tokens_are_a_warning(tmp_path: Path, run: Run) -> None:
    arguments = ("--num-symbols", 50, "--min-len", 5, "--max-len", 5, "--train", 2, "--valid", 2, "--test", 1)
    done = run("copy", tmp_path / "data", *arguments)
    splits = read_copy_manifest(tmp_path / "data").splits
    valid, test = splits["valid"].unknown_tokens, splits["test"].unknown_tokens
    assert valid > 0
    assert test > 0
    assert done.code == 0
    assert done.err == (
        f"data_gen: warning: {valid} of 10 valid tokens and {test} of 5 test tokens do not occur in train and are "
        "<unk>; a larger --train or fewer --num-symbols helps\n"
    )


def test_unknown_tokens_of_one_side_are_named_by_side(tmp_path: Path, run: Run) -> None:
    """Train holds few symbols and the next ones: sources and targets lack different numbers of tokens."""
    arguments = ("--num-symbols", 40, "--transform", "shift:1", "--train", 2, "--valid", 9, "--test", 1, "--seed", 4)
    done = run("copy", tmp_path / "data", *arguments)
    splits = read_copy_manifest(tmp_path / "data").splits
    valid, test = splits["valid"], splits["test"]
    assert valid.unknown_tokens != valid.unknown_target_tokens
    assert test.unknown_tokens == test.unknown_target_tokens > 0
    assert done.err == (
        f"data_gen: warning: {valid.unknown_tokens} of {valid.tokens} valid source tokens, "
        f"{valid.unknown_target_tokens} of {valid.tokens} valid target tokens and {test.unknown_tokens} of "
        f"{test.tokens} test tokens do not occur in train and are <unk>; a larger --train or fewer --num-symbols "
        "helps\n"
    )


@pytest.mark.parametrize(
    ("option", "value", "bounds"),
    [
        ("--num-symbols", 0, "from 1 to 1000000"),
        ("--num-symbols", 1_000_001, "from 1 to 1000000"),
        ("--min-len", 0, "from 1 to 100000"),
        ("--max-len", 100_001, "from 1 to 100000"),
        ("--max-len", 2, "at least --min-len (3)"),
        ("--train", 0, "from 1 to 1000000000"),
        ("--train", 1_000_000_001, "from 1 to 1000000000"),
        ("--valid", 0, "from 1 to 10000000"),
        ("--valid", 10_000_001, "from 1 to 10000000"),
        ("--test", -5, "from 1 to 10000000"),
        ("--seed", -1, "from 0 to 9223372036854775807"),
        ("--seed", 2**63, "from 0 to 9223372036854775807"),
    ],
)
def test_values_out_of_bounds(tmp_path: Path, run: Run, option: str, value: int, bounds: str) -> None:
    done = run("copy", tmp_path / "data", option, value)
    assert done == (2, "", f"data_gen: error: {option} must be {bounds}, but is {value}\n")
    assert everything_under(tmp_path) == {}


WAY_OUT = "choose another folder, or delete this one yourself"
COPY_HELP = "(`python -m data_gen copy --help` lists the options)"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("copy", "--train", "many", "x"), f"argument --train: invalid int value: 'many' {COPY_HELP}"),
        (("copy",), f"the following arguments are required: DESTDIR {COPY_HELP}"),
        (("copy", "x", "--seeds", "1"), f"unrecognized arguments: --seeds 1, near to it: --seed {COPY_HELP}"),
        (("copy", "x", "--nosuch"), f"unrecognized arguments: --nosuch {COPY_HELP}"),
        ((), "the following arguments are required: {copy,text} (`python -m data_gen --help` lists the options)"),
    ],
)
def test_wrong_use(run: Run, arguments: tuple[str, ...], message: str) -> None:
    assert run(*arguments) == (2, "", f"data_gen: error: {message}\n")


def test_a_folder_in_use(tmp_path: Path, run: Run) -> None:
    place = tmp_path / "data"
    assert run("copy", place, *SMALL).code == 0
    before = everything_under(tmp_path)
    assert run("copy", place, *SMALL, "--seed", 2) == (
        2,
        "",
        f"data_gen: error: '{place}' is not empty: choose another folder, or add --overwrite to replace the dataset "
        "in it\n",
    )
    assert everything_under(tmp_path) == before


def test_overwrite_replaces_a_dataset_whole(tmp_path: Path, run: Run) -> None:
    assert run("copy", tmp_path / "data", *SMALL, "--text").code == 0
    assert run("copy", tmp_path / "data", *SMALL, "--seed", 2, "--overwrite").code == 0
    assert run("copy", tmp_path / "fresh", *SMALL, "--seed", 2).code == 0
    assert everything_under(tmp_path / "data") == everything_under(tmp_path / "fresh")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "fresh"]


@pytest.mark.parametrize(
    ("manifest", "problem"),
    [
        (None, f"holds no manifest.json, so --overwrite leaves it alone: {WAY_OUT}"),
        ("{}", f"holds no valid manifest.json, so --overwrite leaves it alone: {WAY_OUT}"),
        ("as made", "also holds 'notes.txt', so --overwrite leaves it alone: move that away first"),
    ],
)
def test_overwrite_deletes_nothing_but_datasets(tmp_path: Path, run: Run, manifest: str | None, problem: str) -> None:
    place = tmp_path / "data"
    assert run("copy", place, *SMALL).code == 0
    if manifest is None:
        (place / "manifest.json").unlink()
    elif manifest != "as made":
        (place / "manifest.json").write_text(manifest)
    (place / "notes.txt").write_text("mine")
    before = everything_under(tmp_path)
    assert run("copy", place, "--overwrite") == (2, "", f"data_gen: error: '{place}' {problem}\n")
    assert everything_under(tmp_path) == before


def test_a_file_in_the_place_of_the_folder(tmp_path: Path, run: Run) -> None:
    place = tmp_path / "data"
    place.write_text("mine")
    for options in ((), ("--overwrite",)):
        assert run("copy", place, *options) == (
            2,
            "",
            f"data_gen: error: '{place}' is a file: give the name of a folder\n",
        )
    assert run("copy", place / "x" / "y") == (
        2,
        "",
        f"data_gen: error: '{place}/x/y' cannot be made: '{place}' is a file, not a folder; choose another folder\n",
    )
    assert everything_under(tmp_path) == {"data": b"mine"}


def test_the_current_folder(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("copy", ".") == (
        2,
        "",
        "data_gen: error: '.' is the current folder, which cannot be replaced: give the name of another folder\n",
    )


def test_a_name_that_is_too_long(tmp_path: Path, run: Run) -> None:
    place = tmp_path / ("x" * 300)
    assert run("copy", place) == (2, "", f"data_gen: error: cannot write the dataset '{place}': File name too long\n")
    assert everything_under(tmp_path) == {}


def test_a_place_without_permission(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, mode: int = 0o777, parents: bool = False, exist_ok: bool = False) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr(Path, "mkdir", refuse)
    done = run("copy", tmp_path / "data")
    assert done == (1, "", f"data_gen: error: cannot write the dataset '{tmp_path / 'data'}': Permission denied\n")


def test_control_c(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("data_gen.copy.binarize.encode", interrupt)
    assert run("copy", tmp_path / "x" / "data") == (130, "", "data_gen: interrupted\n")
    assert everything_under(tmp_path) == {}


def test_a_bug_keeps_its_traceback(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(*arguments: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("data_gen.copy.binarize.encode", break_down)
    with pytest.raises(ZeroDivisionError):
        run("copy", tmp_path / "data")
    assert everything_under(tmp_path) == {}


def test_progress_is_shown_on_a_terminal_only(
    tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("copy", tmp_path / "a", *SMALL).err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert "0/50" in run("copy", tmp_path / "b", *SMALL).err
