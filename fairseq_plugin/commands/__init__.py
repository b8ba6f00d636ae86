"""Commands on attention: ``scripts/MODULE.py`` in a checkout, and programs on the PATH once the package is installed.

Which program runs is answered here and nowhere else. setup.py loads this file for its console scripts, and preflight.py
asks it before anything is known to be installed, so this file imports nothing outside the standard library.
"""

import sys
from pathlib import Path
from typing import NamedTuple

# Program -> module of this package.
PROGRAMS = {
    "fairseq-extract-attention": "extract_attention",
    "fairseq-plot-attention": "plot_attention",
    "fairseq-view-attention": "view_attention",
    "fairseq-attention-stats": "attention_stats",
}
HYPOTHESES = ("hypothesis", "hypotheses")  # for :func:`counted`
SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


class Program(NamedTuple):
    """A command that runs this process.

    :param name: as it calls itself at the start of an error line.
    :param of_fairseq: whether fairseq wrote it, and lets exceptions through with a traceback.
    """

    name: str
    of_fairseq: bool


def running_program() -> Program | None:
    """Find the command that runs this process.

    :returns: the command of fairseq or of this project that runs this process; None in any other program.
    """
    if sys.argv[0] == "-m":  # Python is still looking for the module named on the command line, and it is in here.
        return Program("fairseq_plugin", of_fairseq=False)
    path = Path(sys.argv[0])
    if path.stem.startswith("fairseq-"):
        return Program(path.stem, of_fairseq=path.stem not in PROGRAMS)
    if path.parent.name == "fairseq_cli":
        return Program(f"fairseq-{path.stem.replace('_', '-')}", of_fairseq=True)
    if path.suffix == ".py" and path.resolve().parent == SCRIPTS:
        return Program(path.name, of_fairseq=False)
    return None


def counted(number: int, one: str, several: str) -> str:
    """Say how many there are, with the noun for one of them or for several."""
    return f"{number} {one if number == 1 else several}"


def program_name(module: str) -> str:
    """Name a command of this package.

    :returns: what a command calls itself: the program if that runs, otherwise the script of the same name.

    :param module: of this package.
    """
    running = running_program()
    return running.name if running and PROGRAMS.get(running.name) == module else f"{module}.py"


def typed(name: str) -> str:
    """Say how a command is typed.

    :param name: what :func:`program_name` returns.
    """
    return f"python scripts/{name}" if name.endswith(".py") else name
