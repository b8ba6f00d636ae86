"""Test every supported Python with its fairseq, and print what was tested as a Markdown table.

    scripts/compat.sh FOLDER --update README.md

For each pair of :mod:`scripts.compat.environments`: a fresh environment, the quick tests (in one of them style and
types as well) and the quick start, one after the other. An hour or two, and 5 GB for each environment where torch comes
as a CUDA build. Started again, it goes on where it was stopped: environments are kept, and what was tested is tested
again only if a file of the code changed. Logs are in FOLDER/PAIR.
"""

import argparse
import json
import platform
import shutil
import sys
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

if not __package__:  # run as a folder, by compat.sh: the packages are two folders above
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from data_gen.errors import FAILURE, UserError, run_command
from scripts.common import check_section, make_folder, markdown_table, update_file, write
from scripts.compat import steps
from scripts.compat.environments import PAIRS, Pair, copy_sources, find_python, named_pythons, state

NAME = "compat.sh"
SECTION = "compat"
HEAD = [
    "Python",
    "fairseq",
    "torch",
    "NumPy",
    "tests passed / failed / skipped",
    "quick start, exact match",
]


def parser() -> argparse.ArgumentParser:
    """Options of the command."""
    options = argparse.ArgumentParser(prog=NAME, description="Test every supported Python with its fairseq.")
    options.add_argument("folder", type=Path, metavar="FOLDER", help="for environments, logs and results")
    options.add_argument("--only", nargs="+", metavar="PAIR", help=f"of {', '.join(pair.name for pair in PAIRS)}")
    options.add_argument(
        "--python",
        type=Path,
        action="append",
        default=[],
        metavar="PATH",
        help="an interpreter to use; otherwise python3.10, ... on the PATH or in PYENV_ROOT; may be given again",
    )
    options.add_argument(
        "--update", type=Path, metavar="FILE", help=f"put the table between the {SECTION} markers of this file"
    )
    options.add_argument("--clean", action="store_true", help="remove each environment once it was tested")
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
    place = steps.Place(folder, python)
    record = {"code": code}
    todo: list[tuple[str, Callable[[], dict[str, Any]]]] = [
        ("install", lambda: steps.install(place, pair)),
        *([("style", lambda: steps.check_style(place))] if pair.style else []),
        ("tests", lambda: steps.test(place)),
        ("quick start", lambda: steps.quick_start(place)),
    ]
    for name, step in todo:
        say(f"  {name}")
        try:
            record |= step()
        except steps.StepError as error:
            say(f"  {error}")
            return record | {"problem": f"{name} failed"}
    return record


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


if __name__ == "__main__":
    sys.exit(main())
