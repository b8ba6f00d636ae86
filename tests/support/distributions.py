"""Wheels and source distributions of a copy of the sources: building leaves folders behind."""

import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from tests.support.commands import ROOT

PACKAGES = ("fairseq_plugin", "data_gen")
SHIPPED = ("setup.py", "pyproject.toml", "MANIFEST.in", "LICENSE", "requirements", *PACKAGES)
PAPERS = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
FOLDERS = ("docs", "requirements", "scripts", "tests")


def copy_of_sources(folder: Path, names: Iterable[str]) -> Path:
    """Copy files and folders of the checkout into a new folder. :returns: it."""
    folder.mkdir()
    for name in names:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, folder / name)
    return folder


def build_wheel(source: Path, folder: Path) -> Path:
    """Build the wheel of ``source`` into ``folder``, with what is installed. :returns: its path."""
    pip = [sys.executable, "-m", "pip", "wheel", "-q", "--disable-pip-version-check"]
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(folder)]
    built = subprocess.run([*pip, *options, str(source)], capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    (path,) = folder.glob("*.whl")
    return path


def build_sdist(source: Path, folder: Path) -> Path:
    """Build the source distribution of ``source`` into ``folder``. :returns: its path."""
    program = f"from setuptools.build_meta import build_sdist; build_sdist({str(folder)!r})"
    subprocess.run([sys.executable, "-c", program], cwd=source, check=True, capture_output=True)
    (path,) = folder.glob("*.tar.gz")
    return path
