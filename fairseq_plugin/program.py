"""One line instead of a traceback when a fairseq command meets a user error inside the plugin.

fairseq's commands let exceptions through with a traceback. Methods that fairseq calls are marked with
:func:`reports_user_errors`: under a ``fairseq-*`` command a UserError becomes a line on standard error and an exit
code, and so does what the operating system refuses; called from Python it stays an exception.

Processes that train together have to know of each other: :func:`check_processes`.
"""

import functools
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

from data_gen.errors import FAILURE, UserError, print_line, refusal
from fairseq_plugin.commands import running_program

P = ParamSpec("P")
R = TypeVar("R")

ALLOCATION = re.compile(r"tried to allocate (\d+) bytes")  # how torch says that the machine has too little memory
FULL = 1.0
"""Seconds in which fairseq's thread that prepares batches has filled its queue, and waits, or has come to its end."""


def reports_user_errors(function: Callable[P, R]) -> Callable[P, R]:
    """Decorate a method that fairseq calls."""

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            with memory_shortage():
                return function(*args, **kwargs)
        except (UserError, OSError) as error:
            program = running_program()
            explained = refusal(error) if isinstance(error, OSError) else error
            if program is None or not program.of_fairseq or explained is None:
                raise
            print_line(program.name, f"error: {explained}")
            _let_batches_fill()
            raise SystemExit(explained.exit_code) from None

    return wrapper


@contextmanager
def memory_shortage() -> Iterator[None]:
    """Tell in one line that a tensor is too large for the memory of the machine; fairseq looks after that of a GPU.

    :raises UserError: torch cannot have the memory.
    """
    try:
        yield
    except RuntimeError as error:
        found = ALLOCATION.search(str(error))
        if found is None:
            raise
        raise UserError(
            f"not enough memory for a tensor of {int(found[1]) / 1e9:.1f} GB: choose smaller sizes, lengths or batches",
            exit_code=FAILURE,
        ) from error


def _let_batches_fill() -> None:
    """Keep fairseq's thread from being inside torch while Python ends, where C++ aborts the process (exit code 134)."""
    from fairseq.data.iterators import BackgroundConsumer  # fairseq may be a release that cannot be imported

    for thread in threading.enumerate():
        if isinstance(thread, BackgroundConsumer):
            thread.join(FULL)


TRAINING = ("fairseq-train", "fairseq-hydra-train")


def check_processes() -> None:
    """Refuse to be one of several trainings that torchrun started and fairseq takes for separate ones.

    It does so without GPUs, or with one: each would train a model of its own and write the same checkpoints.

    :raises UserError: this process is one of those.
    """
    from torch import distributed

    number = os.environ.get("WORLD_SIZE", "1")
    joined = distributed.is_available() and distributed.is_initialized()
    program = running_program()
    trains = program is not None and program.name in TRAINING
    if number != "1" and "TORCHELASTIC_RUN_ID" in os.environ and not joined and trains:
        raise UserError(
            f"torchrun started {number} processes, but fairseq would train a model in each and write all to the same "
            "files: start them with scripts/train_distributed.sh"
        )
