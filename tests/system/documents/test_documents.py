"""Every command of the README and the other pages is executed; treatment.py says which ones with a change, or not."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import ROOT, Commands
from tests.support.linked_environment import make_environment, variables, warm_python
from tests.support.reference import check_reference
from tests.support.shell import commands, python_of, split
from tests.support.treatment import AFTER_README, BEFORE, CHANGED, NOT_RUN, PROGRAMS, RUN, executed, reason_not_to_run

README = ROOT / "README.md"
PAGES = [page for page in (README, *sorted((ROOT / "docs").glob("*.md")), ROOT / "CONTRIBUTING.md") if commands(page)]
COPIED = ("data_gen", "docs", "fairseq_plugin", "requirements", "scripts", "README.md")


def test_commands_are_split_as_a_shell_splits_them() -> None:
    script = "a b   # c\n\n# d\npython -c '\nx\n' \\\n  e\nf \"$(g)\" && h\n"
    assert split(script) == ["a b   # c", "python -c '\nx\n' \\\n  e", 'f "$(g)" && h']


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_it_is_known_how_to_execute_each_command(page: Path) -> None:
    unknown = [command for command in commands(page) if not command.startswith(RUN) and not reason_not_to_run(command)]
    assert unknown == [], "say in tests/support/treatment.py how to execute it, or why not"


def test_the_table_of_treatments_names_what_is_there() -> None:
    everything = {page.name: commands(page) for page in PAGES}
    for start in NOT_RUN:
        assert any(command.startswith(start) for page in everything.values() for command in page), start
    for page, changes in CHANGED.items():
        for part in changes:
            assert any(part in command for command in everything[page] if not reason_not_to_run(command)), part
    assert {*BEFORE, *AFTER_README} <= set(everything)


class Reader:
    """Executes the pages in ``folder``: each in a copy of the checkout, with an environment beside it.

    The commands of the README import the plugin from its copy. Those of the other pages have it imported already.
    """

    def __init__(self, folder: Path, run: Commands) -> None:
        self.folder = folder
        self.run = run
        self.done: set[Path] = set()

    def checkout(self, page: Path) -> Path:
        """A copy of the checkout for a page."""
        place = self.folder / page.stem / "checkout"
        place.mkdir(parents=True)
        for name in COPIED:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, place / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / name, place / name)
        address = self.run.address if page == README else self.run.with_plugin
        warm_python(make_environment(place.parent / "checkout.venv") / "bin" / "python", address)
        return place

    def execute(self, page: Path) -> None:
        """Execute a page's commands one after the other, with /tmp and /data in the page's own folder; once."""
        if page in self.done:
            return
        self.done.add(page)
        place = self.checkout(page)
        if page.name in AFTER_README:
            self.execute(README)
            shutil.copytree(self.folder / README.stem / "tmp", place.parent / "tmp")
        lines = [executed(page.name, command) for command in commands(page) if not reason_not_to_run(command)]
        programs = [python_of(page)] if page.name in PROGRAMS else []
        script = "\n".join([*BEFORE.get(page.name, []), *lines, *programs])
        script = re.sub(r"(?<=[\s'\"=])/(tmp|data)/", rf"{place.parent}/\1/", script)
        environment = variables(place.parent / "checkout.venv") | {"PYTHONWARNINGS": "ignore"}
        log = place.parent / "log.txt"
        with open(log, "w", encoding="utf-8") as stream:
            done = subprocess.run(
                ["bash", "-euxo", "pipefail", "-c", script],
                cwd=place,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                check=False,
            )
        assert done.returncode == 0, log.read_text(encoding="utf-8")[-3000:]


@pytest.fixture(scope="module")
def reader(commands: Commands, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    folder = tmp_path_factory.mktemp("documents")
    yield Reader(folder, commands)
    shutil.rmtree(folder)


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_works(reader: Reader, page: Path) -> None:
    reader.execute(page)
    made = {name for _, _, names in os.walk(reader.folder / page.stem) for name in names}
    script = "\n".join(command for command in commands(page) if not reason_not_to_run(command))
    assert set(re.findall(r"--output (?:\S*/)?([\w.-]+)", script)) <= made


@pytest.mark.slow
def test_the_model_of_the_quick_start_copies_what_it_has_not_seen(
    reader: Reader, commands: Commands, tmp_path: Path
) -> None:
    reader.execute(README)
    made = reader.folder / README.stem / "checkout" / "quickstart"
    check_reference(commands, made / "checkpoints" / "checkpoint_best.pt", tmp_path)
