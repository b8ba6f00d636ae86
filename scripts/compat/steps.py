"""What is done in an environment, each step with a log: install, check style, test, run the quick start."""

import json
import re
import subprocess
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from data_gen.errors import FAILURE, UserError
from scripts.compat.environments import Pair

INSTALL = "set -euo pipefail; source scripts/environment.sh; prepare_environment runtime fairseq test"
STYLE = "ruff check . && ruff format --check . && mypy"
VERSIONS = """
import importlib.metadata, json, platform
import fairseq, numpy, torch
names = importlib.metadata.packages_distributions()["fairseq"]
print(json.dumps({"python": platform.python_version(), "fairseq": f"{names[0]} {fairseq.__version__}",
                  "torch": torch.__version__, "numpy": numpy.__version__}))
"""


class StepError(UserError):
    """A step failed; the rest of its pair cannot be done."""


class Place(NamedTuple):
    """The folder of a pair: ``source`` (the checkout's copy), ``venv``, ``requirements`` and logs.

    :param python: the interpreter to make the environment with.
    """

    folder: Path
    python: Path

    def run(self, step: str, command: Sequence[str | Path], *, fails: bool = False) -> str:
        """Run a command in the copy of the checkout, in the environment, behind other programs, on one thread.

        :param fails: a failure is a result, not an error.
        :returns: what it printed, which is in ``STEP.log`` as well.
        :raises StepError: it failed.
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
        with open(log, "w", encoding="utf-8") as stream:
            done = subprocess.run(
                [*words, *command], cwd=self.folder / "source", stdout=stream, stderr=subprocess.STDOUT, check=False
            )
        if done.returncode and not fails:
            raise StepError(f"{step} failed with exit code {done.returncode}: see {str(log)!r}", exit_code=FAILURE)
        return log.read_text(encoding="utf-8", errors="replace")


def install(place: Place, pair: Pair) -> dict[str, Any]:
    """Make and fill the environment, or complete it. :returns: versions of what is in it."""
    pair.write_requirements(place.folder / "requirements", place.folder / "source" / "requirements")
    place.run("install", ["bash", "-c", INSTALL])
    said = place.run("versions", ["python", "-W", "ignore", "-c", VERSIONS])
    return dict(json.loads(said.splitlines()[-1]))


def check_style(place: Place) -> dict[str, Any]:
    """Style and types."""
    place.run("style", ["bash", "-c", STYLE])
    return {"style": "ok"}


def test(place: Place) -> dict[str, Any]:
    """The quick tests. :returns: how many passed, failed and were skipped."""
    report = place.folder / "tests.xml"
    report.unlink(missing_ok=True)
    pytest = ["python", "-m", "pytest", "-q", "-m", "not slow", "-p", "no:cacheprovider", f"--junitxml={report}"]
    place.run("tests", pytest, fails=True)
    if not report.exists():
        raise StepError(f"tests ended early: see {str(place.folder / 'tests.log')!r}", exit_code=FAILURE)
    (suite,) = ElementTree.parse(report).getroot()
    total, failures, errors, skipped = (int(suite.get(name, 0)) for name in ("tests", "failures", "errors", "skipped"))
    failed = failures + errors
    return {"passed": total - failed - skipped, "failed": failed, "skipped": skipped}


def quick_start(place: Place) -> dict[str, Any]:
    """``scripts/quickstart.sh``. :returns: the exact match that it ends with."""
    said = place.run("quickstart", ["bash", "scripts/quickstart.sh", place.folder / "quickstart"])
    found = re.findall(r"exact match ([\d.]+)", said)
    if not found:
        raise StepError(f"no exact match: see {str(place.folder / 'quickstart.log')!r}", exit_code=FAILURE)
    return {"exact_match": found[-1]}
