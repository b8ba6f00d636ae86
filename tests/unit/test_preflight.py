"""The one line a user reads when fairseq is missing or broken, with fake fairseq packages in fresh interpreters."""

import os
import runpy
import shlex
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PREFLIGHT = ROOT / "fairseq_plugin" / "preflight.py"
TABLE = runpy.run_path(str(PREFLIGHT))
MACHINES = list(product([(3, 10), (3, 11), (3, 12), (3, 13)], ["linux", "darwin"], ["x86_64", "aarch64"]))

CALL = "import runpy; runpy.run_path({path!r})['require_fairseq']()"
IMPORT = "import fairseq_plugin"


def message(site: Path, code: str = CALL) -> str:
    """Run ``code`` with ``site`` as the only place for packages; return what its ImportError says, or ''."""
    program = f"""
import sys
sys.path[:0] = [{str(site)!r}, {str(ROOT)!r}]
try:
    {code.format(path=str(PREFLIGHT))}
except ImportError as error:
    print(error)
"""
    command = [sys.executable, "-I", "-S", "-c", program]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.rstrip("\n")


def fake_fairseq(site: Path, source: str) -> None:
    """A package fairseq whose ``__init__.py`` is ``source``."""
    package = site / "fairseq"
    package.mkdir()
    (package / "__init__.py").write_text(source, encoding="utf-8")


def command_in(line: str) -> str:
    """The command at the end of the line, after a check that it is one line a shell can read."""
    assert "\n" not in line
    _, _, command = line.partition("; run: ")
    assert shlex.split(command)[:4] in (
        [sys.executable, "-m", "pip", "install"],
        [sys.executable, "-m", "pip", "uninstall"],
    )
    return command


def recommended() -> list[str]:
    """What the running Python needs, as the shell passes it to pip."""
    return list(TABLE["fairseq_requirements"](sys.version_info[:2], sys.platform, TABLE["platform"].machine()))


@pytest.mark.parametrize("code", [CALL, IMPORT], ids=["function", "package"])
def test_missing(tmp_path: Path, code: str) -> None:
    line = message(tmp_path, code)
    assert line.startswith("fairseq is not installed; run: ")
    assert shlex.split(command_in(line))[4:] == recommended()


BROKEN = {
    "upstream on a new Python": (
        "raise ValueError(\"mutable default <class 'C'> for field common is not allowed: use default_factory\")",
        "this fairseq does not work on Python {python}, only up to 3.10 (ValueError: mutable default",
    ),
    "hydra too new": (
        "import sys, types; sys.modules['hydra'] = types.ModuleType('hydra')\n"
        "sys.modules['hydra.experimental'] = types.ModuleType('hydra.experimental')\n"
        "from hydra.experimental import compose",
        "this fairseq does not work with the installed hydra-core and omegaconf (ImportError: cannot import name",
    ),
    "hydra missing": (
        "import hydra",
        "this fairseq does not work with the installed hydra-core and omegaconf (ModuleNotFoundError: No module named",
    ),
    "torch missing": ("import torch", "fairseq cannot be imported (ModuleNotFoundError: No module named 'torch')"),
    "part of it missing": (
        "import fairseq.models",
        "fairseq cannot be imported (ModuleNotFoundError: No module named 'fairseq.models')",
    ),
    "several lines": ("raise RuntimeError('one\\n  two')", "fairseq cannot be imported (RuntimeError: one two); run: "),
    "no version": (
        "",
        "fairseq is an empty folder, as left behind when a fork installed over another fairseq is removed",
    ),
    "too old": ("__version__ = '0.10.2'", "fairseq 0.10.2 is too old, 0.12 is needed; run: "),
}


@pytest.mark.parametrize(("source", "start"), BROKEN.values(), ids=BROKEN.keys())
def test_broken(tmp_path: Path, source: str, start: str) -> None:
    fake_fairseq(tmp_path, source)
    line = message(tmp_path)
    assert line.startswith(start.format(python="{}.{}".format(*sys.version_info[:2])))
    remove, install = command_in(line).split(" && ")
    assert shlex.split(remove)[3:] == ["uninstall", "-y", "fairseq", "ve-fairseq", "fairseq-fixed"]
    assert shlex.split(install) == [sys.executable, "-m", "pip", "install", *recommended()]


def test_folder_left_behind(tmp_path: Path) -> None:
    (tmp_path / "fairseq" / "tasks").mkdir(parents=True)
    assert message(tmp_path).startswith("fairseq is an empty folder")


@pytest.mark.parametrize("version", ["0.12.2", "0.12.3", "1.0.0a0+c8d6fa1", "0.12.3.1", "main"])
def test_usable(tmp_path: Path, version: str) -> None:
    fake_fairseq(tmp_path, f"__version__ = {version!r}")
    assert message(tmp_path) == ""


@pytest.mark.parametrize(("python", "system", "machine"), MACHINES)
def test_markers_and_pins_agree_with_the_table(python: tuple[int, int], system: str, machine: str) -> None:
    environment = {
        "python_version": "{}.{}".format(*python),
        "sys_platform": system,
        "platform_machine": machine,
    }
    wanted = [Requirement(text) for text in TABLE["fairseq_requirements"](python, system, machine)]
    prebuilt, from_source = (
        Requirement(f"fairseq; {TABLE[marker]}").marker for marker in ("PREBUILT_MARKER", "FROM_SOURCE_MARKER")
    )
    assert prebuilt is not None
    assert from_source is not None
    assert prebuilt.evaluate(environment) == (wanted[0].name == "ve-fairseq")
    assert from_source.evaluate(environment) == (wanted[0].name == "fairseq-fixed")

    lines = (ROOT / "requirements" / "fairseq.txt").read_text(encoding="utf-8").splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    pinned = {canonicalize_name(pin.name): pin for pin in pins if pin.marker and pin.marker.evaluate(environment)}
    assert set(pinned) == {requirement.name for requirement in wanted}
    for requirement in wanted:
        (pin,) = pinned[canonicalize_name(requirement.name)].specifier
        assert pin.operator == "=="
        assert requirement.specifier.contains(pin.version)


COMMANDS = {
    "fairseq_plugin": ["-m", "fairseq_plugin"],
    "extract_attention.py": [str(ROOT / "scripts" / "extract_attention.py"), "--help"],
    "plot_attention.py": [str(ROOT / "scripts" / "plot_attention.py"), "--help"],
}


def run(site: Path, arguments: list[str]) -> "subprocess.CompletedProcess[str]":
    """Run Python with the packages in ``site`` before the installed ones, in a folder of no project."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(site), str(ROOT)])}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=site, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("name", "arguments"), COMMANDS.items(), ids=COMMANDS.keys())
def test_commands_tell_it_in_one_line(tmp_path: Path, name: str, arguments: list[str]) -> None:
    fake_fairseq(tmp_path, "raise RuntimeError('broken')")
    done = run(tmp_path, arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"{name}: error: fairseq cannot be imported (RuntimeError: broken); run: ")
    command_in(done.stderr.rstrip("\n"))


@pytest.mark.parametrize("place", ["module", "own script", "interactive code"])
def test_other_programs_get_the_exception(tmp_path: Path, place: str) -> None:
    fake_fairseq(tmp_path, "raise RuntimeError('broken')")
    (tmp_path / "program.py").write_text(IMPORT, encoding="utf-8")
    arguments = {"module": ["-m", "program"], "own script": ["program.py"], "interactive code": ["-c", IMPORT]}
    done = run(tmp_path, arguments[place])
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback")
    assert done.stderr.splitlines()[-1].startswith("ImportError: fairseq cannot be imported (RuntimeError: broken)")


EACH = """
import runpy, sys
for module, *words in {commands!r}:
    sys.argv = [module, *words]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=False)
    except SystemExit as stop:
        assert not stop.code
    print(module, "has imported matplotlib:", "matplotlib" in sys.modules)
"""


@pytest.mark.slow
def test_commands_say_nothing_on_import(tmp_path: Path) -> None:
    """One after the other in one process, which says nothing at any of their imports.

    The plugin alone leaves matplotlib to those who draw.
    """
    scripts = ("extract_attention", "plot_attention")
    commands = [["fairseq_plugin"], *([f"scripts.{name}", "--help"] for name in scripts)]
    done = run(tmp_path, ["-c", EACH.format(commands=commands)])
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{ROOT / 'fairseq_plugin'}\nfairseq_plugin has imported matplotlib: False\n")
    assert done.stdout.endswith("scripts.plot_attention has imported matplotlib: True\n")
    assert all(f"usage: python scripts/{name}.py " in done.stdout for name in scripts)
