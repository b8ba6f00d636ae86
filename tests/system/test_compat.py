"""The compatibility matrix: its pairs, the interpreters it finds, what it does again, and its table."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from data_gen.errors import UserError
from scripts import compat
from scripts.compat import PAIRS, Pair, copy_sources, find_python, named_pythons, source_files, state
from tests.support.commands import ROOT

REQUIREMENTS = ROOT / "requirements"
HERE = "{}.{}".format(*sys.version_info[:2])
INSTALLED = {"python": "3.11.9", "fairseq": "ve-fairseq 0.12.3", "torch": "2.13.0", "numpy": "2.4.6"}
PASSED = {"passed": 7, "failed": 0, "skipped": 1}
README = "a\n<!-- compat:begin -->\n<!-- compat:end -->\nb\n"


def fake_python(path: Path, version: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho {version}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def test_every_supported_python_is_tested() -> None:
    assert {pair.python for pair in PAIRS} == {"3.10", "3.11", "3.12", "3.13"}
    assert [pair.name for pair in PAIRS if pair.style] == ["py311-ve"]
    assert len({pair.name for pair in PAIRS}) == len(PAIRS)


def test_a_pair_without_changes_has_the_pins_of_the_project() -> None:
    texts = Pair("p", "3.11").requirements(REQUIREMENTS)
    assert texts == {name: (REQUIREMENTS / f"{name}.txt").read_text(encoding="utf-8") for name in texts}


def test_changed_pins(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    runtime = '# c\ntorch==2\nnumpy==1; python_version < "3.11"\nnumpy==2; python_version >= "3.11"\ntqdm==4\n'
    for name, text in {"runtime": runtime, "fairseq": "fork==1\n", "test": "pytest==9\n"}.items():
        (source / f"{name}.txt").write_text(text, encoding="utf-8")
    pair = Pair("p", "3.10", fairseq="fairseq==0", versions={"numpy": "3", "torch": "1"})
    pair.write_requirements(tmp_path / "made", source)
    made = {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "made").iterdir()}
    assert made == {
        "runtime.txt": "# c\ntqdm==4\nnumpy==3\ntorch==1\n",
        "fairseq.txt": "fairseq==0\n",
        "test.txt": "pytest==9\n",
    }


def test_interpreters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    assert find_python("3.77", {}) is None
    for version in ("3.77.9", "3.77.10"):
        last = fake_python(tmp_path / "pyenv" / "versions" / version / "bin" / "python", "3.77")
    assert find_python("3.77", {}) == last
    fake_python(tmp_path / "bin" / "python3.77", "")  # as pyenv leaves for a version that is not chosen
    assert find_python("3.77", {}) == last
    on_path = fake_python(tmp_path / "bin" / "python3.77", "3.77")
    assert find_python("3.77", {}) == on_path
    mine = fake_python(tmp_path / "mine", "3.77")
    assert find_python("3.77", named_pythons([mine])) == mine


def test_an_interpreter_that_does_not_run() -> None:
    with pytest.raises(UserError) as caught:
        named_pythons([Path("/none/python")])
    line = "--python '/none/python' does not run: name an interpreter, as in --python /usr/bin/python3.11"
    assert str(caught.value) == line


def repository(folder: Path) -> Path:
    """``folder`` as a checkout of git."""
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    return folder


def test_sources_and_their_state(tmp_path: Path) -> None:
    root, copy = repository(tmp_path / "root"), tmp_path / "copy"
    for name in ("README.md", "setup.py", "scripts/test.sh", "ignored.txt"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(name, encoding="utf-8")
    (root / ".gitignore").write_text("ignored.txt\n", encoding="utf-8")
    copy_sources(copy, root)
    copied = {path.relative_to(copy) for path in copy.rglob("*") if path.is_file()}
    assert (
        copied == set(source_files(root)) == set(map(Path, (".gitignore", "README.md", "setup.py", "scripts/test.sh")))
    )
    assert state(repository(copy)) == state(root)
    (copy / "README.md").write_text("another table", encoding="utf-8")
    assert state(copy) == state(root)
    (copy / "setup.py").write_text("another setup", encoding="utf-8")
    assert state(copy) != state(root)


def test_a_folder_that_git_does_not_know(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"cannot list the files of '{tmp_path}': run this in a checkout of git"):
        source_files(tmp_path)


@pytest.fixture
def done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two pairs, of which one has no interpreter; the steps do nothing but write down that they were done."""
    calls: list[str] = []

    def step(name: str, result: dict[str, Any]) -> Any:
        return lambda *_: calls.append(name) or dict(result)

    monkeypatch.setattr(compat, "PAIRS", (Pair("one", HERE, style=True), Pair("two", "3.77")))
    monkeypatch.setattr(compat, "state", lambda: "now")
    monkeypatch.setattr(compat, "copy_sources", lambda folder: calls.append("copy"))
    monkeypatch.setattr(Pair, "write_requirements", lambda *_: None)
    monkeypatch.setattr(compat, "install", step("install", INSTALLED))
    monkeypatch.setattr(compat, "check_style", step("style", {"style": "ok"}))
    monkeypatch.setattr(compat, "test", step("test", PASSED))
    monkeypatch.setattr(compat, "quick_start", step("quick start", {"exact_match": "1.0000"}))
    (tmp_path / "README.md").write_text(README, encoding="utf-8")
    return calls


def run(folder: Path, *words: str) -> int:
    return compat.main([str(folder / "work"), "--python", sys.executable, *words])


def test_nothing_is_done_twice_until_the_code_changes(
    done: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(tmp_path, "--only", "one") == 0
    assert done == ["copy", "install", "style", "test", "quick start"]
    assert run(tmp_path, "--only", "one") == 0
    assert len(done) == 5
    monkeypatch.setattr(compat, "state", lambda: "later")
    assert run(tmp_path, "--only", "one") == 0
    assert len(done) == 10


@pytest.mark.parametrize("broken", ["install", "test"])
def test_a_step_that_fails_is_told_and_done_again(
    done: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    broken: str,
) -> None:
    def fail(*_: object) -> None:
        raise UserError("it failed: see 'LOG'")

    with monkeypatch.context() as patched:
        patched.setattr(compat, broken, fail)
        assert run(tmp_path, "--only", "one") == 1
    captured = capsys.readouterr()
    assert "  it failed: see 'LOG'\n" in captured.err
    name = {"install": "install", "test": "tests"}[broken]
    assert captured.out.splitlines()[2].endswith(f" | {name} failed |")
    assert run(tmp_path, "--only", "one") == 0
    assert done[-1] == "quick start"


def test_the_table(done: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    readme = tmp_path / "README.md"
    assert run(tmp_path, "--update", str(readme)) == 1  # one could not be run
    text = capsys.readouterr().out
    assert text.splitlines()[2:4] == [
        "| 3.11.9 | ve-fairseq 0.12.3 | 2.13.0 | 2.4.6 | 7 / 0 / 1 | 1.0000 |",
        "| 3.77 |  |  |  |  | not run: no python3.77 |",
    ]
    assert readme.read_text(encoding="utf-8") == README.replace("begin -->\n", f"begin -->\n{text}")


def test_environments_are_removed_on_request(done: list[str], tmp_path: Path) -> None:
    (tmp_path / "work" / "one" / "venv").mkdir(parents=True)
    assert run(tmp_path, "--only", "one", "--clean") == 0
    assert sorted(path.name for path in (tmp_path / "work" / "one").iterdir()) == ["record.json"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--only", "three"], "--only three: no such pair; give one of one, two"),
        (["--update", "none.md"], "cannot read 'none.md': No such file or directory"),
    ],
)
def test_wrong_use(
    done: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(tmp_path, *words) in (1, 2)
    assert capsys.readouterr().err == f"compat.sh: error: {message}\n"
    assert done == []
