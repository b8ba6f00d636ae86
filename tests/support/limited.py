"""``python limited.py LIMIT MODULE WORDS...`` runs a command that the system gives less than usual.

LIMIT is ``files=N``, so many open files at most; or ``out=HOW``, the standard output: ``closed``, as after ``>&-``;
``unread``, a pipe whose reader has gone; or a path.
"""

import os
import pathlib
import resource
import runpy
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def print_to(how: str) -> None:
    """Replace standard output."""
    os.close(1)
    if how == "closed":
        sys.stdout = None  # type: ignore[assignment]  # as Python does
        return
    if how == "unread":
        reader, writer = os.pipe()  # the reader gets number 1
        os.dup2(writer, reader)
        os.close(writer)
    else:
        os.open(how, os.O_WRONLY)
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115


if __name__ == "__main__":
    limit, module, *words = sys.argv[1:]
    sys.path[0] = str(ROOT)
    sys.argv = [module, *words]
    kind, _, value = limit.partition("=")
    if kind == "files":
        resource.setrlimit(resource.RLIMIT_NOFILE, (int(value), int(value)))
    else:
        print_to(value)
    runpy.run_module(module, run_name="__main__", alter_sys=True)
