"""What a wheel holds and asks for, and that an installed plugin says where it is."""

import email
import os
import subprocess
import sys
import tarfile
import zipfile
from email.message import Message
from importlib import import_module
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import fairseq_plugin
from fairseq_plugin.commands import PROGRAMS
from scripts.compat import OLDEST
from tests.support.commands import ROOT
from tests.support.distributions import FOLDERS, PACKAGES, PAPERS, SHIPPED, build_sdist, build_wheel, copy_of_sources

PAGE = (".html", ".css", ".js")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    return build_wheel(copy_of_sources(folder / "source", SHIPPED), folder)


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return email.message_from_bytes(archive.read(name))


def requirements(metadata: Message) -> list[Requirement]:
    return [Requirement(text) for text in metadata.get_all("Requires-Dist", [])]


def pins(purpose: str) -> set[Requirement]:
    lines = (ROOT / "requirements" / f"{purpose}.txt").read_text(encoding="utf-8").splitlines()
    return {Requirement(line) for line in lines if line and not line.startswith("#")}


def test_name_and_python(wheel: Path, metadata: Message) -> None:
    assert wheel.name == f"fairseq_attention-{fairseq_plugin.__version__}-py3-none-any.whl"
    assert metadata["Requires-Python"] == ">=3.10"


def test_fairseq_is_only_an_extra(metadata: Message) -> None:
    always = {requirement.name for requirement in requirements(metadata) if requirement.marker is None}
    assert always == {"torch", "numpy", "sentencepiece", "matplotlib", "tqdm"}
    forks = [requirement for requirement in requirements(metadata) if "fairseq" in requirement.name]
    assert {fork.name for fork in forks} == {"ve-fairseq", "fairseq-fixed"}
    assert all('extra == "fairseq"' in str(fork.marker) for fork in forks)


def test_pins_are_exact_and_within_the_bounds(metadata: Message) -> None:
    bounds = {entry.name: entry.specifier for entry in requirements(metadata) if entry.marker is None}
    assert {pin.name for pin in pins("runtime")} == set(bounds)
    for pin in pins("runtime") | pins("test") | pins("fairseq"):
        (specifier,) = pin.specifier
        assert specifier.operator == "=="
        assert pin.name not in bounds or bounds[pin.name].contains(specifier.version)


def test_the_oldest_versions_that_are_tested_are_the_bounds(metadata: Message) -> None:
    bounds = {entry.name: str(entry.specifier) for entry in requirements(metadata) if entry.marker is None}
    assert bounds.keys() == OLDEST.keys()
    for name, version in OLDEST.items():  # such as 1.23.5, the last 1.23, for >=1.23
        assert f">={version}.".startswith(f"{bounds[name]}."), name


def test_wheel_holds_both_packages_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    expected = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.suffix in (".py", ".cpp")
        or (path.suffix == ".yaml" and "config" in path.parts)
        or (path.parent.name == "page" and path.suffix in PAGE)
    }
    assert names == expected


def test_commands_on_attention_are_programs_and_files_of_scripts(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("/entry_points.txt"))
        lines = archive.read(name).decode().split("\n")
    expected = {f"{program} = fairseq_plugin.commands.{module}:main" for program, module in PROGRAMS.items()}
    assert {line for line in lines if "=" in line} == expected
    page = (ROOT / "docs" / "installing.md").read_text(encoding="utf-8")
    for program, module in PROGRAMS.items():
        assert f"| `{program}` | `scripts/{module}.py` |\n" in page
        script = import_module(f"scripts.{module}")
        assert script.main is import_module(f"fairseq_plugin.commands.{module}").main


def test_the_licence_is_stated_and_shipped(wheel: Path, metadata: Message) -> None:
    assert metadata["License"] == "MIT"
    assert metadata.get_all("License-File") == ["LICENSE"]
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("/LICENSE"))
        assert archive.read(name) == (ROOT / "LICENSE").read_bytes()


def test_the_source_distribution_holds_documents_scripts_and_tests(tmp_path: Path) -> None:
    source = copy_of_sources(tmp_path / "source", {*SHIPPED, *PAPERS, *FOLDERS})
    with tarfile.open(build_sdist(source, tmp_path)) as archive:
        files = {member.name.partition("/")[2] for member in archive if member.isfile()}
    expected = {
        file.relative_to(ROOT).as_posix() for name in FOLDERS for file in (ROOT / name).rglob("*") if file.is_file()
    }
    assert {name for name in expected if "__pycache__" not in name} | {*PAPERS, "LICENSE"} <= files


def test_every_file_of_the_packages_is_shipped() -> None:
    kinds = {
        path.suffix
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert kinds <= {".py", ".cpp", ".yaml", *PAGE}, "setup.py ships no file of the new kind: add it to package_data"


def test_every_folder_with_code_is_a_package() -> None:
    folders = {path.parent for package in PACKAGES for path in (ROOT / package).rglob("*.py")}
    assert [folder for folder in folders if not (folder / "__init__.py").exists()] == []


def printed(python: Path, site: Path, folder: Path, *words: str) -> str:
    """What Python prints in ``folder`` when the package lies in ``site``."""
    environment = {**os.environ, "PYTHONPATH": str(site)}
    done = subprocess.run([python, *words], cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.rstrip("\n")


@pytest.mark.slow
def test_installed_plugin_loads_as_user_dir(wheel: Path, warm: Path, tmp_path: Path) -> None:
    """Also through a symlink, where fairseq would refuse the resolved path of a package that is imported already."""
    site = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    subprocess.run([*pip, "--no-deps", "--no-index", "--target", str(site), str(wheel)], check=True)
    python = warm / "bin" / "python"
    assert printed(python, site, tmp_path, "-m", "fairseq_plugin") == str(site / "fairseq_plugin")

    link = tmp_path / "link"
    link.symlink_to(site)
    path = printed(python, link, tmp_path, "-m", "fairseq_plugin")
    assert path == str(link / "fairseq_plugin")
    program = (
        "import argparse, fairseq_plugin; from fairseq.utils import import_user_module; from fairseq.tasks import"
        f" TASK_REGISTRY; import_user_module(argparse.Namespace(user_dir={path!r})); print('copy' in TASK_REGISTRY)"
    )
    assert printed(python, link, tmp_path, "-c", program) == "True"
