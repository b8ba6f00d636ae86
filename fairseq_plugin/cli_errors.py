"""One line instead of a traceback when a fairseq command meets a user error inside the plugin.

fairseq's commands let exceptions through with a traceback. Methods that fairseq calls are marked with
:func:`reports_user_errors`: under a ``fairseq-*`` command a UserError becomes a line on standard error and an exit
code, and so does what the operating system refuses; called from Python it stays an exception.
"""

import functools
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

from data_gen.errors import UserError, refusal
from fairseq_plugin.commands import PROGRAMS

P = ParamSpec("P")
R = TypeVar("R")

FULL = 1.0
"""Seconds in which fairseq's thread that prepares batches has filled its queue, and waits, or has come to its end."""


def running_fairseq_command() -> str | None:
    """Name of the fairseq command that runs this process (``fairseq-train``), or None."""
    program = Path(sys.argv[0])
    if program.stem.startswith("fairseq-") and program.stem not in PROGRAMS:
        return program.stem
    if program.parent.name == "fairseq_cli":
        return f"fairseq-{program.stem.replace('_', '-')}"
    return None


def reports_user_errors(function: Callable[P, R]) -> Callable[P, R]:
    """Decorate a method that fairseq calls."""

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except (UserError, OSError) as error:
            command = running_fairseq_command()
            explained = refusal(error) if isinstance(error, OSError) else error
            if command is None or explained is None:
                raise
            print(f"{command}: error: {explained}", file=sys.stderr)
            _let_batches_fill()
            raise SystemExit(explained.exit_code) from None

    return wrapper


def _let_batches_fill() -> None:
    """Keep fairseq's thread from being inside torch while Python ends, where C++ aborts the process (exit code 134)."""
    from fairseq.data.iterators import BackgroundConsumer  # fairseq may be a release that cannot be imported

    for thread in threading.enumerate():
        if isinstance(thread, BackgroundConsumer):
            thread.join(FULL)
