"""The shell scripts: their syntax, what they refuse, and that they install only what is missing."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = [*sorted((ROOT / "scripts").glob("*.sh")), ROOT / ".ci" / "run"]
MADE_HERE = ".made-by-fairseq-attention"

# An interpreter that writes down every call of a module, `-m pip install` above all, and does nothing for it.
FAKE_PYTHON = """#!/usr/bin/env bash
[[ $1 == -m ]] || exec "{python}" "$@"
echo "$*" >> "{calls}"
[[ ! -e "{calls}.fail" ]]
"""


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """A folder like one that environment.sh made, with the fake interpreter."""
    folder = tmp_path / "environment"
    (folder / "bin").mkdir(parents=True)
    for name, text in {
        "bin/python": FAKE_PYTHON.format(python=sys.executable, calls=tmp_path / "calls"),
        "bin/pip": "",
        "bin/activate": "",
        MADE_HERE: "",
    }.items():
        (folder / name).write_text(text, encoding="utf-8")
        (folder / name).chmod(0o755)
    return folder


def bash(code: str, **variables: object) -> subprocess.CompletedProcess[str]:
    """Run ``code`` in bash with ``variables`` set."""
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHON", "FAIRSEQ_ATTENTION_VENV")}
    settings = kept | {name: str(value) for name, value in variables.items()}
    return subprocess.run(["bash", "-c", code, "demo.sh"], env=settings, capture_output=True, text=True, check=False)


def prepare(*purposes: str, **variables: object) -> subprocess.CompletedProcess[str]:
    """Call ``prepare_environment``."""
    call = f"set -euo pipefail; source {ROOT}/scripts/environment.sh; prepare_environment {' '.join(purposes)}"
    return bash(call, **variables)


def installs(environment: Path) -> list[list[str]]:
    """The requirements files of each `pip install` so far."""
    calls = environment.parent / "calls"
    lines = calls.read_text(encoding="utf-8").splitlines() if calls.exists() else []
    pip = [line.split() for line in lines if line.startswith("-m pip ")]
    return [[Path(word).stem for word in words if word.endswith(".txt")] for words in pip]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_syntax(script: Path) -> None:
    done = subprocess.run(["bash", "-n", str(script)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "script", [path for path in SCRIPTS if path.name != "environment.sh"], ids=lambda path: path.name
)
def test_executable(script: Path) -> None:
    assert os.access(script, os.X_OK)


def test_python_that_does_not_run(tmp_path: Path) -> None:
    done = prepare("runtime", PYTHON="nonsense", FAIRSEQ_ATTENTION_VENV=tmp_path / "new")
    assert done.returncode == 2
    assert done.stderr == (
        "demo.sh: error: PYTHON='nonsense' does not run; name a Python 3.10 to 3.13, as in: PYTHON=python3.11 demo.sh\n"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("version", ["3.9", "3.14"])
def test_python_that_is_not_supported(tmp_path: Path, version: str) -> None:
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\necho {version}\n", encoding="utf-8")
    python.chmod(0o755)
    done = prepare("runtime", PYTHON=python, FAIRSEQ_ATTENTION_VENV=tmp_path / "new")
    assert done.returncode == 2
    assert f"PYTHON='{python}' is Python {version}; name a Python 3.10 to 3.13" in done.stderr
    assert done.stderr.count("\n") == 1


def test_python_without_venv(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\ncase $2 in *ensurepip*) exit 1 ;; *) echo 3.12 ;; esac\n", encoding="utf-8")
    python.chmod(0o755)
    done = prepare("runtime", PYTHON=python, FAIRSEQ_ATTENTION_VENV=tmp_path / "new")
    assert done.returncode == 2
    assert done.stderr.endswith("on Debian and Ubuntu: apt-get install python3.12-venv\n")
    assert done.stderr.count("\n") == 1


def test_folder_of_someone_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    done = prepare("runtime", PYTHON=sys.executable, FAIRSEQ_ATTENTION_VENV=tmp_path)
    assert done.returncode == 2
    assert "remove it or set FAIRSEQ_ATTENTION_VENV to a new folder" in done.stderr
    assert done.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


# An interpreter whose environments have a pip that does nothing: to install a real one takes seconds.
QUICK_PYTHON = """#!/usr/bin/env bash
[[ $1 == -m ]] || exec "{python}" "$@"
"{python}" "$@" --without-pip && ln -s /bin/true "${{!#}}/bin/pip"
"""


@pytest.mark.parametrize("sign", ["no pip", "installation broken off"])
def test_half_made_environment_is_made_again(environment: Path, sign: str) -> None:
    (environment / "bin" / "pip").unlink()
    if sign == "installation broken off":
        (environment / "bin" / "pip").symlink_to("/bin/true")
        (environment / ".installing").touch()
    python = environment.parent / "quick-python"
    python.write_text(QUICK_PYTHON.format(python=sys.executable), encoding="utf-8")
    python.chmod(0o755)
    done = prepare(FAIRSEQ_ATTENTION_VENV=environment, PYTHON=python)
    assert (done.returncode, done.stderr) == (0, "")
    assert (environment / "pyvenv.cfg").exists()
    assert (environment / MADE_HERE).exists()
    assert not (environment / ".installing").exists()


def test_installs_once(environment: Path) -> None:
    for _ in range(2):
        done = prepare("runtime", "fairseq", FAIRSEQ_ATTENTION_VENV=environment)
        assert (done.returncode, done.stderr) == (0, "")
    assert installs(environment) == [["runtime", "fairseq"]]
    prepare("runtime", "fairseq", "test", FAIRSEQ_ATTENTION_VENV=environment)
    assert installs(environment)[1:] == [["runtime", "fairseq", "test"]]


def test_the_recurrence_is_compiled_after_fairseq_is_installed_and_may_fail(environment: Path) -> None:
    calls = environment.parent / "calls"
    prepare("runtime", FAIRSEQ_ATTENTION_VENV=environment)
    assert "--build" not in calls.read_text(encoding="utf-8")
    python = environment / "bin" / "python"
    fake = python.read_text(encoding="utf-8")
    python.write_text(fake.replace("[[ ! -e", "[[ $* != *--build ]] && [[ ! -e"), encoding="utf-8")
    assert prepare("runtime", "fairseq", "test", FAIRSEQ_ATTENTION_VENV=environment, BUILD="no").returncode == 0
    assert "--build" not in calls.read_text(encoding="utf-8")
    (environment / ".installed-test").unlink()
    for _ in range(2):
        assert prepare("runtime", "fairseq", "test", FAIRSEQ_ATTENTION_VENV=environment).returncode == 0
    assert calls.read_text(encoding="utf-8").splitlines().count("-m fairseq_plugin --build") == 1


def test_installs_again_when_a_pin_changed(environment: Path) -> None:
    prepare("runtime", FAIRSEQ_ATTENTION_VENV=environment)
    (environment / ".installed-runtime").write_text("3.11\ntorch==1.0\n", encoding="utf-8")
    prepare("runtime", FAIRSEQ_ATTENTION_VENV=environment)
    assert installs(environment) == [["runtime"], ["runtime"]]


def test_failed_installation_is_repeated(environment: Path) -> None:
    failing = environment.parent / "calls.fail"
    failing.touch()
    done = prepare("runtime", FAIRSEQ_ATTENTION_VENV=environment)
    assert done.returncode == 1
    assert done.stderr == "demo.sh: error: pip failed, see above; mend that and run this again\n"
    failing.unlink()
    assert prepare("runtime", FAIRSEQ_ATTENTION_VENV=environment).returncode == 0
    assert installs(environment) == [["runtime"], ["runtime"]]


def test_fairseq_of_the_user_is_kept(environment: Path, warm: Path) -> None:
    """The fake interpreter is the one that runs the tests, so a fairseq imports in it."""
    python = environment / "bin" / "python"
    fake = FAKE_PYTHON.format(python=warm / "bin" / "python", calls=environment.parent / "calls")
    python.write_text(fake, encoding="utf-8")
    (environment / MADE_HERE).unlink()
    prepare("runtime", "fairseq", FAIRSEQ_ATTENTION_VENV=environment)
    assert installs(environment) == [["runtime"]]


def test_commands_are_printed_as_a_shell_reads_them() -> None:
    done = bash(f"source {ROOT}/scripts/environment.sh; run echo 'two words' plain")
    assert done.stdout == "+ echo two\\ words plain\ntwo words plain\n"


@pytest.mark.parametrize("way", ["", "/made/..", "/new/new/../.."])
def test_quickstart_deletes_nothing_it_did_not_make(tmp_path: Path, way: str) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mine").touch()
    done = bash(f"{ROOT}/scripts/quickstart.sh {tmp_path}{way}")
    assert done.returncode == 2
    message = f"quickstart.sh: error: '{tmp_path}{way}' holds something that is not from this script"
    assert done.stderr.startswith(message)
    assert done.stderr.count("\n") == 1
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / "data" / "mine"]


@pytest.mark.parametrize("option", ["--help", "-h"])
@pytest.mark.parametrize(
    ("script", "first", "last"),
    [
        ("quickstart", "From nothing to a trained model and a picture of its attention: ", "lists all such variables."),
        ("test", "Every check of the code: style, types, tests. scripts/test.sh", "lists all such variables."),
        ("compat", "usage: scripts/compat.sh [-h] [--only PAIR", "remove each environment after its test"),
    ],
)
def test_help_installs_nothing(script: str, option: str, first: str, last: str, tmp_path: Path) -> None:
    done = bash(f"{ROOT}/scripts/{script}.sh {option}", PYTHON=sys.executable, FAIRSEQ_ATTENTION_VENV=tmp_path / "new")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(first)
    assert done.stdout.endswith(f"{last}\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", ["--nonsense", "one two"])
def test_quickstart_wrong_use(arguments: str) -> None:
    done = bash(f"{ROOT}/scripts/quickstart.sh {arguments}")
    assert done.returncode == 2
    assert done.stderr == (
        f"quickstart.sh: error: expected at most one argument, the folder for the results, but got '{arguments}'\n"
    )


# Stands in for python and each program of fairseq: does as much as the script looks at.
FAKE_PROGRAM = """#!/usr/bin/env bash
case "${0##*/} $1" in
  fairseq-train*)
    echo "2026-11-27 16:37:24 | INFO | fairseq_cli.train | {'_name': None}"
    echo "2026-11-27 16:37:24 | INFO | valid | epoch 001 | valid on 'valid' subset | loss 2.602 | exact_match 0.01 | ppl 6"
    echo "2026-11-27 16:37:24 | INFO | train | epoch 001 | loss 2.9 | ppl 7"
    echo "a bar" >&2 ;;
  fairseq-generate*)
    echo "INFO:fairseq_cli.generate:{'_name': None}" >&2
    echo "fairseq-generate: error: no memory" >&2
    echo "S-1 a b"
    echo "Generate test" ;;
  "python scripts/extract_attention.py") echo "on the diagonal" ;;
esac
[[ "${0##*/} $1" != "$FAILING"* ]] || exit 3
"""


@pytest.fixture
def quickstart(environment: Path, tmp_path: Path) -> Callable[[str], subprocess.CompletedProcess[str]]:
    """Runs quickstart.sh with fake programs. Its argument begins the command that fails."""
    for name in ("fairseq-train", "fairseq-generate", "python"):
        program = tmp_path / "fakes" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(FAKE_PROGRAM, encoding="utf-8")
        program.chmod(0o755)

    def run(failing: str) -> subprocess.CompletedProcess[str]:
        path = f"{tmp_path / 'fakes'}:{os.environ['PATH']}"
        settings = {"PATH": path, "FAIRSEQ_ATTENTION_VENV": environment, "FAILING": failing}
        return bash(f"{ROOT}/scripts/quickstart.sh {tmp_path / 'results'}", **settings)

    return run


def test_the_quickstart_shows_epochs_and_errors_and_keeps_the_log(
    quickstart: Callable[[str], subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    done = quickstart("nothing")
    assert done.returncode == 0, done.stderr
    said = [line for line in done.stdout.splitlines() if not line.startswith(("+", "Installing", "If torch", "  exp"))]
    assert said[:2] == ["epoch 001: loss 2.602, exact match 0.01", ""]
    assert said[2:4] == ["Generate test", "on the diagonal"]
    assert done.stderr.splitlines() == ["a bar", "fairseq-generate: error: no memory"]
    assert "INFO | fairseq_cli.train | {'_name'" in (tmp_path / "results/train.txt").read_text(encoding="utf-8")
    assert "INFO:fairseq_cli.generate:{'_name'" in (tmp_path / "results/generate.log").read_text(encoding="utf-8")


@pytest.mark.parametrize("failing", ["fairseq-train", "fairseq-generate", "python scripts/extract_attention.py"])
def test_the_quickstart_ends_where_a_command_fails(
    quickstart: Callable[[str], subprocess.CompletedProcess[str]], failing: str
) -> None:
    done = quickstart(failing)
    assert done.returncode == 3
    assert done.stdout.splitlines()[-1].startswith(("+ " + failing, "epoch 001"))
