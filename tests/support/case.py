"""What a table of bad inputs says, and how a line of it is tried out.

A case is a command as a user types it, the one line that must come of it, and the exit code. In both, ``{name}`` stands
for a place made by conftest.py: ``{bad}`` is a folder of bad files, ``{data}`` a good dataset, ``{out}`` the folder
that the command runs in, which is empty before and must be empty after. Words in capitals stand for several (``WORDS``
below), and ``[..]`` in a message for text that is not ours: what torch, NumPy or sentencepiece says.
"""

import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import PLUGIN, ROOT, Commands, error_line

COPY = f"--user-dir {shlex.quote(str(PLUGIN))} --task copy"
WORDS = {
    "TRAIN": f"{COPY} --arch gru_attention_copy --criterion cross_entropy --optimizer adam --lr 0.01 --batch-size 32 "
    "--max-update 1 --num-workers 0 --disable-validation --save-dir {out}/checkpoints",
    "COPY": COPY,
    "HYDRA": f"--config-dir {PLUGIN}/config --config-name copy common.user_dir={PLUGIN} hydra.run.dir=. "
    "hydra.output_subdir=null",
}


@dataclass(frozen=True)
class Case:
    """One line of a table.

    :param command: its words.
    :param message: the last line on standard error, in full.
    :param code: 2 for wrong use or an input that cannot be used, 1 for a failure.
    :param leaves: what the command leaves in its folder nevertheless.
    :param slow: whether everyday tests leave it out: another case goes the same way through the code.
    """

    command: str
    message: str
    code: int = 2
    leaves: tuple[str, ...] = ()
    slow: bool = False


def table(cases: Mapping[str, str | Case], slow: Mapping[str, str] | None = None, **same: Any) -> pytest.MarkDecorator:
    """Try out every line of a table: a command, and what follows ``PROGRAM: error: ``.

    A name with a :class:`Case` may stand in the place of a line. The first line is one of the quick tests.

    :param slow: lines that everyday tests leave out.
    :param same: fields of all cases that are given as lines.
    """
    lines = [(*line, False) for line in cases.items()] + [(*line, True) for line in (slow or {}).items()]
    return pytest.mark.parametrize(
        "case",
        [
            pytest.param(
                said if isinstance(said, Case) else Case(name, f"{program(name)}: error: {said}", **same),
                id=name,
                marks=[pytest.mark.slow] * (is_slow or (isinstance(said, Case) and said.slow))
                + [pytest.mark.quick] * (number == 0),
            )
            for number, (name, said, is_slow) in enumerate(lines)
        ],
    )


def program(command: str) -> str:
    """What a command calls itself."""
    words = command.split()
    return words[2].removeprefix("scripts.") if words[0] == "python" else words[0]


def words_of(command: str, places: Mapping[str, Path]) -> list[str]:
    """The words of a command, scripts found in scripts/."""
    for name, several in WORDS.items():
        command = re.sub(rf"\b{name}\b", lambda _, several=several: several, command)
    words = [word.format(**places) for word in shlex.split(command)]
    return ["python", str(ROOT / "scripts" / words[0]), *words[1:]] if words[0].endswith(".py") else words


def check(case: Case, commands: Commands, places: Mapping[str, Path]) -> None:
    """Run a case and compare everything that it says and does with the table."""
    before = listing(places["bad"])
    outcome = commands(*words_of(case.command, places), cwd=places["out"])
    expected = ".*".join(map(re.escape, case.message.format(**places).split("[..]")))
    line = error_line(outcome)
    assert re.fullmatch(expected, line), f"\nexpected {case.message.format(**places)}\nbut got  {line}"
    assert outcome.code == case.code
    assert tuple(sorted(path.name for path in places["out"].rglob("*"))) == case.leaves
    assert listing(places["bad"]) == before


def listing(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and time of everything in a folder."""
    entries = chain.from_iterable(os.scandir(place) for place, _, _ in os.walk(folder))
    return {entry.path: (entry.stat().st_size, entry.stat().st_mtime_ns) for entry in entries}
