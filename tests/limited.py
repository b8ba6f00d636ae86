"""``python limited.py LIMIT MODULE WORDS...`` runs a command that the system gives less than usual.

LIMIT is ``files=N``, so many open files at most; ``out=closed``, as after ``>&-``; or ``out=PATH``, a file to print to.
"""

import os
import pathlib
import resource
import runpy
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def close_output() -> None:
    """What a process is like that was started without a standard output."""
    os.close(1)
    sys.stdout = None  # type: ignore[assignment]  # as Python does


def print_to(path: str) -> None:
    """Have standard output go to a file that exists."""
    os.dup2(os.open(path, os.O_WRONLY), 1)
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115


if __name__ == "__main__":
    limit, module, *words = sys.argv[1:]
    sys.path[0] = str(ROOT)
    sys.argv = [module, *words]
    kind, _, value = limit.partition("=")
    if kind == "files":
        resource.setrlimit(resource.RLIMIT_NOFILE, (int(value), int(value)))
    elif value == "closed":
        close_output()
    else:
        print_to(value)
    runpy.run_module(module, run_name="__main__", alter_sys=True)
