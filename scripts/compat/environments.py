"""Which Pythons are tested with which fairseq and torch, and the requirements files of each pair.

Finds the interpreter of a version: one that was named, one on the PATH, one of pyenv.

The files of the checkout: a copy to test, and a name for their state.
"""

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from data_gen.errors import FAILURE, UserError
from scripts.common import ROOT, write

PURPOSES = ("runtime", "fairseq", "test")


@dataclass(frozen=True)
class Pair:
    """An environment to test in.

    :param python: version of the interpreter, such as 3.11.
    :param fairseq: requirement in place of those in ``requirements/fairseq.txt``.
    :param versions: versions in place of those in ``requirements/runtime.txt``.
    :param style: whether style and types are checked too, which is the same in all environments.
    """

    name: str
    python: str
    fairseq: str | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    style: bool = False

    def requirements(self, folder: Path) -> dict[str, str]:
        """Content of the requirements file for each purpose.

        :param folder: with the files of the default versions.
        """
        texts = {purpose: (folder / f"{purpose}.txt").read_text(encoding="utf-8") for purpose in PURPOSES}
        if self.fairseq is not None:
            texts["fairseq"] = f"{self.fairseq}\n"
        if self.versions:
            kept = [line for line in texts["runtime"].splitlines() if line.partition("==")[0] not in self.versions]
            pins = [f"{name}=={version}" for name, version in self.versions.items()]
            texts["runtime"] = "\n".join([*kept, *pins]) + "\n"
        return texts

    def write_requirements(self, folder: Path, source: Path) -> None:
        """Write the requirements files into ``folder``, from those in ``source``."""
        folder.mkdir(parents=True, exist_ok=True)
        for purpose, text in self.requirements(source).items():
            write(folder / f"{purpose}.txt", text)


# The lower bounds of setup.py.
OLDEST = {"torch": "2.6.0", "numpy": "1.24.4", "sentencepiece": "0.2.0", "matplotlib": "3.7.0", "tqdm": "4.60.0"}
NEWEST = {"torch": "2.14.1"}

PAIRS = (
    # Its omegaconf needs pip before 24.1, which the venv of Python 3.10 has.
    Pair("py310-upstream", "3.10", fairseq="fairseq==0.12.2"),
    Pair("py310-fixed", "3.10"),
    Pair("py311-ve", "3.11", style=True),
    Pair("py312-ve", "3.12"),
    Pair("py313-fixed", "3.13"),
    Pair("py311-oldest", "3.11", versions=OLDEST),
    Pair("py311-newest", "3.11", versions=NEWEST),
)


VERSION = "import sys; print('%d.%d' % sys.version_info[:2])"


def version_of(python: str | Path) -> str | None:
    """Major and minor version of an interpreter, None if it does not run (pyenv puts such ones on the PATH)."""
    try:
        done = subprocess.run([python, "-c", VERSION], capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def named_pythons(paths: Iterable[Path]) -> dict[str, Path]:
    """Version -> interpreter. :raises UserError: one does not run."""
    found = {}
    for path in paths:
        version = version_of(path)
        if version is None:
            raise UserError(
                f"--python {str(path)!r} does not run: name an interpreter, as in --python /usr/bin/python3.11"
            )
        found[version] = path.absolute()
    return found


def find_python(version: str, named: dict[str, Path]) -> Path | None:
    """The interpreter of a version such as 3.11.

    :param named: those that the command line names.
    """
    candidates = [named[version]] if version in named else _candidates(version)
    return next((path for path in candidates if version_of(path) == version), None)


def _candidates(version: str) -> Iterator[Path]:
    on_path = shutil.which(f"python{version}")
    if on_path is not None:
        yield Path(on_path)
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from sorted(root.glob(f"versions/{version}.*/bin/python"), key=_numbers, reverse=True)


def _numbers(path: Path) -> list[int]:
    """The version in a path of pyenv, as numbers to sort by."""
    return [int(number) for number in re.findall(r"\d+", path.parent.parent.name)]


PAGES = (".md",)


def source_files(root: Path = ROOT) -> list[Path]:
    """Files of the checkout that git knows or does not ignore, relative to ``root``.

    :raises UserError: it is no checkout of git.
    """
    command = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        raise UserError(f"cannot list the files of {str(root)!r}: run this in a checkout of git", FAILURE) from None
    return [
        path for path in sorted({Path(name) for name in done.stdout.split("\0") if name}) if (root / path).is_file()
    ]


def state(root: Path = ROOT) -> str:
    """Changes with any file but the pages: a new table in the README asks for no new tests."""
    digest = hashlib.sha256()
    for path in source_files(root):
        if path.suffix not in PAGES:
            content = (root / path).read_bytes()
            digest.update(f"{path}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:16]


def copy_sources(folder: Path, root: Path = ROOT) -> None:
    """Put the files into ``folder``, in place of an older copy."""
    shutil.rmtree(folder, ignore_errors=True)
    for path in source_files(root):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / path, folder / path)
