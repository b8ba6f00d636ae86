"""Real disks that refuse: full, read-only, or without permission. One line, exit code 1, nothing half-written."""

import errno
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fairseq import tasks
from matplotlib.figure import Figure

import data_gen.__main__
from data_gen.errors import UserError, run_command
from scripts import attention_stats, extract_attention, length_study, parameter_table, plot_attention, view_attention
from scripts.benchmark import __main__ as benchmark
from tests.support.commands import Commands, error_line, extract_words, train_words
from tests.support.small_disk import as_nobody, file_size_limit, fill, make_read_only, mounted
from tests.unit.data_gen.conftest import everything_under

MAIN: dict[str, Callable[[list[str]], int]] = {
    "data_gen": data_gen.__main__.main,
    "extract_attention.py": extract_attention.main,
    "plot_attention.py": plot_attention.main,
    "attention_stats.py": attention_stats.main,
    "view_attention.py": view_attention.main,
    "parameter_table.py": parameter_table.main,
}
COPY = ("--train", "3000", "--valid", "10", "--test", "10")
TEXT = ("--source-lang", "en", "--vocab-size", "10", "--trainpref", "{text}", "--validpref", "{text}")
# Command, words, and what its line says; {disk} stands for the place that refuses.
REFUSED = {
    "data_gen copy": ("data_gen", ("copy", "{disk}/new/data", *COPY), "cannot write the dataset '{disk}/new/data'"),
    "data_gen text": (
        "data_gen",
        ("text", "{disk}/new", *TEXT, "--testpref", "{text}"),
        "cannot write the dataset '{disk}/new'",
    ),
    "extraction": (
        "extract_attention.py",
        ("{data}", "--path", "{model}", "--output", "{disk}/old.npz", "--greedy", "--num-workers", "0"),
        "cannot keep attention in a temporary file in '{disk}'",
    ),
    "plot": ("plot_attention.py", ("{attention}", "--output", "{disk}/old.png"), "cannot write '{disk}/old.png'"),
    "pages": (
        "plot_attention.py",
        ("{attention}", "--all", "--output", "{disk}/old.pdf"),
        "cannot write '{disk}/old.pdf'",
    ),
    "measures": ("attention_stats.py", ("{attention}", "--json", "{disk}/old.json"), "cannot write '{disk}/old.json'"),
    "viewer": ("view_attention.py", ("{attention}", "--output", "{disk}/old.html"), "cannot write '{disk}/old.html'"),
    "document": ("parameter_table.py", ("--update", "{disk}/old.md"), "cannot write '{disk}/old.md'"),
}
FREE = 4096  # bytes on the full disk: files can be made, but not filled
LARGEST = 1024  # bytes of a file that may not grow: the weights of an extraction are more


@pytest.fixture(scope="module")
def places(
    commands: Commands, copy_data: Path, trained: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, object]:
    """What the commands read, elsewhere."""
    folder = tmp_path_factory.mktemp("places")
    commands.succeed(*extract_words(copy_data, trained, folder / "attention.npz", "--greedy"))
    (folder / "text.en").write_text("a b c d e f\n" * 2000)
    return {
        "attention": folder / "attention.npz",
        "data": copy_data,
        "model": trained,
        "text": folder / "text",
    }


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk with files that must stay as they are."""
    with mounted(tmp_path / "disk", 1_000_000) as folder:
        for ending in ("npz", "png", "pdf", "json", "html"):
            (folder / f"old.{ending}").write_text("old")
        (folder / "old.md").write_text("<!-- parameters:begin -->\n<!-- parameters:end -->\n" + "text\n" * 1000)
        yield folder


def refused_line(
    case: str, places: dict[str, object], disk: Path, capsys: pytest.CaptureFixture[str]
) -> tuple[int, str, str]:
    """Exit code, standard output and the last line of standard error."""
    name, words, _ = REFUSED[case]
    capsys.readouterr()
    code = MAIN[name]([word.format(**places, disk=disk) for word in words])
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    return code, captured.out, (captured.err.splitlines() or [""])[-1]


def expected_line(case: str, disk: Path, reason: str) -> str:
    name, _, said = REFUSED[case]
    return f"{name}: error: {said.format(disk=disk)}: {reason}"


@pytest.mark.parametrize("case", REFUSED)
def test_full(case: str, places: dict[str, object], disk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(disk, FREE)
    before = everything_under(disk)
    done = refused_line(case, places, disk, capsys)
    assert done == (1, "", expected_line(case, disk, "No space left on device"))
    assert everything_under(disk) == before


@pytest.mark.parametrize("case", REFUSED)
def test_files_that_may_not_grow(
    case: str, places: dict[str, object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As on a full disk, by a limit of the process: without root as well."""
    (tmp_path / "old.md").write_text("<!-- parameters:begin -->\n<!-- parameters:end -->\n" + "text\n" * 1000)
    before = everything_under(tmp_path)
    with file_size_limit(LARGEST):
        done = refused_line(case, places, tmp_path, capsys)
    assert done == (1, "", expected_line(case, tmp_path, "File too large"))
    assert everything_under(tmp_path) == before


@pytest.mark.parametrize("case", REFUSED)
def test_read_only(case: str, places: dict[str, object], disk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_read_only(disk)
    before = everything_under(disk)
    done = refused_line(case, places, disk, capsys)
    assert done == (1, "", expected_line(case, disk, "Read-only file system"))
    assert everything_under(disk) == before


@pytest.fixture(scope="module")
def open_places(places: dict[str, object]) -> Iterator[tuple[dict[str, object], Path]]:
    """The same where everybody may read them, and a folder where nobody but root may write."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        found: dict[str, object] = {"text": folder / "text"}
        for what in ("attention", "model"):
            found[what] = shutil.copy(str(places[what]), folder)
        shutil.copy(f"{places['text']}.en", folder)
        found["data"] = shutil.copytree(str(places["data"]), folder / "data")
        (folder / "disk").mkdir(mode=0o755)
        for place in (folder, folder / "disk"):
            (place / "old.md").write_text("<!-- parameters:begin -->\n<!-- parameters:end -->\n")
        yield found, folder / "disk"


@pytest.mark.parametrize("case", REFUSED)
def test_no_permission(
    case: str, open_places: tuple[dict[str, object], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    places, folder = open_places
    refused_line(case, places, folder.parent, capsys)  # works, and imports what nobody may not be able to read
    before = everything_under(folder)
    with as_nobody():
        done = refused_line(case, places, folder, capsys)
    assert done == (1, "", expected_line(case, folder, "Permission denied"))
    assert everything_under(folder) == before


def test_full_when_the_result_is_written(
    places: dict[str, object], disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The temporary files of an extraction, a page each, still fit."""
    fill(disk, 16384)
    before = everything_under(disk)
    words = [*REFUSED["extraction"][1][:-4], f"{disk}/old.jsonl", "--greedy", "--num-workers", "0"]
    (disk / "old.npz").rename(disk / "old.jsonl")
    assert extract_attention.main([word.format(**places, disk=disk) for word in words]) == 1
    captured = capsys.readouterr()
    assert captured.err.splitlines()[-1] == (
        f"extract_attention.py: error: cannot write '{disk}/old.jsonl': No space left on device"
    )
    (disk / "old.jsonl").rename(disk / "old.npz")
    assert everything_under(disk) == before


def test_study_results(disk: Path) -> None:
    """Of a study that took hours, what was written before stays."""
    drawing = Figure()
    length_study.write_results(disk, "old\n", drawing, {"results": "old.json", "picture": "old.png"})
    fill(disk, FREE)
    before = everything_under(disk)
    with pytest.raises(UserError) as caught:
        length_study.write_results(disk, "1\n" * FREE, drawing, {"results": "old.json", "picture": "old.png"})
    assert (caught.value.exit_code, str(caught.value)) == (
        1,
        f"cannot write '{disk}/old.json': No space left on device",
    )
    assert everything_under(disk) == before


def test_a_benchmark_whose_output_has_no_place_is_refused_before_it_measures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert benchmark.main(["--smoke", "--output", str(tmp_path / "none" / "speed.json")]) == 2
    printed, said = capsys.readouterr()
    assert printed == ""
    assert said.startswith(f"benchmark: error: folder '{tmp_path}/none' does not exist: ")


@pytest.mark.slow
def test_full_while_a_checkpoint_is_written(commands: Commands, copy_data: Path, tmp_path: Path) -> None:
    """The checkpoint of the first epoch stays, and training goes on from it once there is room."""
    with mounted(tmp_path / "disk", 4_000_000) as disk:
        words = train_words(copy_data, disk / "run", "--no-epoch-checkpoints")
        commands.succeed(*words, "--max-epoch", 1)
        size = (disk / "run" / "checkpoint_last.pt").stat().st_size
        fill(disk, size // 2)
        before = everything_under(disk)
        full = commands(*words, "--max-epoch", 2)
        assert full.code == 1
        assert error_line(full).startswith(
            f"fairseq-train: error: cannot write checkpoint '{disk}/run/checkpoint_best.pt': No space left on device; "
        )
        assert everything_under(disk) == before
        (disk / "filler").unlink()
        resumed = commands.succeed(*words, "--max-epoch", 2)
        assert "begin training epoch 2" in resumed.out
        assert "begin training epoch 1" not in resumed.out


def test_checkpoints_into_a_place_that_refuses(commands: Commands, copy_data: Path, disk: Path) -> None:
    make_read_only(disk)
    outcome = commands(*train_words(copy_data, disk / "run", "--max-epoch", 1))
    assert outcome.code == 1
    line = f"fairseq-train: error: cannot write to --save-dir '{disk}/run': Read-only file system; "
    assert error_line(outcome).startswith(line)


def test_a_dataset_that_vanishes_before_an_extraction_reads_it(
    copy_data: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, setup = tmp_path / "data", tasks.setup_task
    shutil.copytree(copy_data, folder)

    def setup_then_remove(*arguments: Any, **options: Any) -> Any:
        task = setup(*arguments, **options)
        shutil.rmtree(folder)
        return task

    monkeypatch.setattr(tasks, "setup_task", setup_then_remove)
    words = [folder, "--path", trained, "--output", tmp_path / "attention.npz", "--greedy"]
    assert extract_attention.main([str(word) for word in words]) == 2
    assert capsys.readouterr().err == f"extract_attention.py: error: the dataset folder '{folder}' is gone\n"
    assert list(tmp_path.iterdir()) == []


def test_what_no_system_refused_is_a_bug() -> None:
    def body() -> int:
        raise FileNotFoundError(errno.ENOENT, "No such file or directory", "forgotten")

    with pytest.raises(FileNotFoundError):
        run_command("demo", body)
