"""Test every supported Python with its fairseq, and print what was tested as a Markdown table.

    scripts/compat.sh FOLDER --update README.md

For each pair of ``PAIRS``: a fresh environment, the quick tests (in one of them style and types as well) and the quick
start, one after the other. An hour or two, and 5 GB for each environment where torch comes as a CUDA build. Started
again, it goes on where it was stopped: environments are kept, and what was tested is tested again only if a file of the
code changed. Logs are in FOLDER/PAIR. It needs no package beside those of this checkout.
"""

import argparse
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

if not __package__:  # run as a file, by compat.sh: the packages are in the folder above
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from data_gen.errors import FAILURE, ArgumentParser, UserError, run_command
from scripts.common import ROOT, check_section, failure, make_folder, markdown_table, update_file, write

NAME = "compat.sh"
SECTION = "compat"
HEAD = ("Python", "fairseq", "torch", "NumPy", "tests passed / failed / skipped", "quick start, exact match")
PURPOSES = ("runtime", "fairseq", "test")
INSTALL = "set -euo pipefail; source scripts/environment.sh; prepare_environment runtime fairseq test"
STYLE = "ruff check . && ruff format --check . && mypy"
QUICK = "quick"
VERSIONS = """
import importlib.metadata, json, platform
import fairseq, numpy, torch
names = importlib.metadata.packages_distributions()["fairseq"]
print(json.dumps({"python": platform.python_version(), "fairseq": f"{names[0]} {fairseq.__version__}",
                  "torch": torch.__version__, "numpy": numpy.__version__}))
"""
VERSION = "import sys; print('%d.%d' % sys.version_info[:2])"
PAGES = (".md",)


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


def parser() -> argparse.ArgumentParser:
    """Options of the command."""
    options = ArgumentParser(prog=f"scripts/{NAME}", description="Test every supported Python with its fairseq.")
    options.add_argument("folder", type=Path, metavar="FOLDER", help="folder for environments, logs and results")
    options.add_argument(
        "--only",
        nargs="+",
        metavar="PAIR",
        help=f"lines of the table to test: {', '.join(pair.name for pair in PAIRS)}",
    )
    options.add_argument(
        "--python",
        type=Path,
        action="append",
        default=[],
        metavar="PATH",
        help="an interpreter to use; can be repeated; otherwise python3.10, ... on the PATH or in PYENV_ROOT",
    )
    options.add_argument(
        "--update", type=Path, metavar="FILE", help=f"write the table into this page, between its {SECTION} markers"
    )
    options.add_argument("--clean", action="store_true", help="remove each environment after its test")
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command. :returns: 0, 2 after wrong use, 1 if a pair failed or could not be run."""
    return run_command(NAME, lambda: test_all(parser().parse_args(argv)))


def test_all(options: argparse.Namespace) -> int:
    """Do what the options of :func:`parser` say."""
    chosen = choose(options.only)
    pythons = named_pythons(options.python)
    check_section(options.update, SECTION)  # better to fail now than after the tests
    code = state()
    folder = make_folder(options.folder)
    for number, pair in enumerate(chosen, start=1):
        say(f"[{number}/{len(chosen)}] {pair.name}")
        write_record(folder, pair, test_pair(pair, folder / pair.name, code, find_python(pair.python, pythons)))
        if options.clean:
            shutil.rmtree(folder / pair.name / "venv", ignore_errors=True)
    records = {pair.name: read_record(folder, pair, code) for pair in PAIRS}
    text = table(records)
    if options.update is not None:
        update_file(options.update, SECTION, text)
    print(text)
    return 0 if all(passed(records[pair.name]) for pair in chosen) else FAILURE


def choose(names: Sequence[str] | None) -> list[Pair]:
    """The pairs of these names, all without any. :raises UserError: there is no such pair."""
    known = {pair.name: pair for pair in PAIRS}
    for name in names or ():
        if name not in known:
            raise UserError(f"--only {name}: no such pair; give one of {', '.join(known)}")
    return [pair for pair in PAIRS if names is None or pair.name in names]


def test_pair(pair: Pair, folder: Path, code: str, python: Path | None) -> dict[str, Any]:
    """Do the steps of a pair that are not on record for this code. :returns: the record, complete or with a problem."""
    record = read_record(folder.parent, pair, code)
    if passed(record):
        say("  tested already")
        return record
    if python is None:
        return {"code": code, "problem": f"not run: no python{pair.python}"}
    copy_sources(folder / "source")
    pair.write_requirements(folder / "requirements", folder / "source" / "requirements")
    environment = Environment(folder, python)
    steps: dict[str, Callable[[Environment], dict[str, Any]]] = {"install": install}
    steps |= {"style": check_style} if pair.style else {}
    steps |= {"tests": test, "quick start": quick_start}
    record = {"code": code}
    for name, step in steps.items():
        say(f"  {name}")
        try:
            record |= step(environment)
        except UserError as error:
            say(f"  {error}")
            return record | {"problem": f"{name} failed"}
    return record


class Environment(NamedTuple):
    """The folder of a pair: ``source`` (the checkout's copy), ``venv``, ``requirements`` and logs.

    :param python: the interpreter to make the environment with.
    """

    folder: Path
    python: Path

    def run(self, step: str, command: Sequence[str | Path], *, allow_failure: bool = False) -> str:
        """Run a command in the copy of the checkout, in the environment, behind other programs, on one thread.

        :returns: what it printed, which is in ``STEP.log`` as well.
        :raises UserError: it failed.
        """
        log = self.folder / f"{step}.log"
        settings = {
            "PATH": f"{self.folder / 'venv' / 'bin'}:/usr/local/bin:/usr/bin:/bin",
            "PYTHON": self.python,
            "FAIRSEQ_ATTENTION_VENV": self.folder / "venv",
            "FAIRSEQ_ATTENTION_REQUIREMENTS": self.folder / "requirements",
            "OMP_NUM_THREADS": 1,
        }
        words = ["nice", "-n", "10", "env", "-u", "VIRTUAL_ENV", "-u", "PYTHONPATH"]
        words += [f"{name}={value}" for name, value in settings.items()]
        with log.open("w") as stream:
            code = subprocess.call(
                [*words, *command], cwd=self.folder / "source", stdout=stream, stderr=subprocess.STDOUT
            )
        if code and not allow_failure:
            raise failure(step, code, log)
        return log.read_text(encoding="utf-8", errors="replace")


def install(environment: Environment) -> dict[str, Any]:
    """Make and fill the environment, or complete it. :returns: versions of what is in it."""
    environment.run("install", ["bash", "-c", INSTALL])
    said = environment.run("versions", ["python", "-W", "ignore", "-c", VERSIONS])
    return dict(json.loads(said.splitlines()[-1]))


def check_style(environment: Environment) -> dict[str, Any]:
    """Style and types."""
    environment.run("style", ["bash", "-c", STYLE])
    return {"style": "ok"}


def test(environment: Environment) -> dict[str, Any]:
    """The quick tests. :returns: how many passed, failed and were skipped."""
    report = environment.folder / "tests.xml"
    report.unlink(missing_ok=True)
    pytest = ["python", "-m", "pytest", "-q", "-m", QUICK, "-p", "no:cacheprovider", f"--junitxml={report}"]
    environment.run("tests", pytest, allow_failure=True)
    if not report.exists():
        raise UserError(f"tests ended early: see {str(environment.folder / 'tests.log')!r}", exit_code=FAILURE)
    (suite,) = ElementTree.parse(report).getroot()
    total, failures, errors, skipped = (int(suite.get(name, 0)) for name in ("tests", "failures", "errors", "skipped"))
    failed = failures + errors
    return {"passed": total - failed - skipped, "failed": failed, "skipped": skipped}


def quick_start(environment: Environment) -> dict[str, Any]:
    """``scripts/quickstart.sh``. :returns: the exact match that it ends with."""
    said = environment.run("quickstart", ["bash", "scripts/quickstart.sh", environment.folder / "quickstart"])
    found = re.findall(r"exact match ([\d.]+)", said)
    if not found:
        raise UserError(f"no exact match: see {str(environment.folder / 'quickstart.log')!r}", exit_code=FAILURE)
    return {"exact_match": found[-1]}


def say(line: str) -> None:
    """A line of progress."""
    print(line, file=sys.stderr, flush=True)


def write_record(folder: Path, pair: Pair, record: dict[str, Any]) -> None:
    """Keep what is known of a pair."""
    (folder / pair.name).mkdir(exist_ok=True)
    write(folder / pair.name / "record.json", json.dumps(record, indent=2) + "\n")


def read_record(folder: Path, pair: Pair, code: str) -> dict[str, Any]:
    """What is on record for this state of the code."""
    path = folder / pair.name / "record.json"
    record = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return record if record.get("code") == code else {"code": code, "problem": "not run"}


def passed(record: dict[str, Any]) -> bool:
    """Whether everything was done and went well."""
    return "problem" not in record and record["failed"] == 0 and float(record["exact_match"]) == 1.0


def table(records: dict[str, dict[str, Any]]) -> str:
    """The records as a Markdown table, with a line that says where they come from."""
    rows = []
    for pair in PAIRS:
        record = records[pair.name]
        tests = " / ".join(str(record[name]) for name in ("passed", "failed", "skipped")) if "passed" in record else ""
        versions = [str(record.get(name, "")) for name in ("python", "fairseq", "torch", "numpy")]
        versions[0] = versions[0] or pair.python
        rows.append([*versions, tests, str(record.get("exact_match") or record.get("problem", ""))])
    where = f"{platform.system()} {platform.machine()}, {date.today().isoformat()}."
    return f"{markdown_table(HEAD, rows, 'llllrr')}\n\n{where}"


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


if __name__ == "__main__":
    sys.exit(main())
