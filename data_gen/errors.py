"""Errors meant for the person at the keyboard, and how a command reports them.

A :class:`UserError` carries one line: the bad value, what was expected and what to do. Commands run their body
through :func:`run_command`, which prints that line and turns it into an exit code. So it does where the operating
system refuses to go on (``REFUSALS``). Any other exception is a bug and keeps its traceback.
"""

import argparse
import difflib
import errno
import logging
import os
import re
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NoReturn, TextIO

from data_gen.signals import INTERRUPTED, Ended, exit_on_signals

logger = logging.getLogger(__name__)

WRONG_USE = 2
FAILURE = 1
NAMED = 10
"""A message names at most this many items of a list."""

REFUSALS = frozenset(
    (
        *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.EPIPE),
        *(errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN),
    )
)
"""What the system says of a full disk, a quota, a read-only place, no permission, a broken disk, a closed pipe; of too
many open files, too little memory, too many processes."""

NO_THREAD = "can't start new thread"
"""What Python says where the system refuses memory or a number for a thread."""

WRONG_NAMES = frozenset((errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.ELOOP))
"""What it says of a name: nothing there, a file where a folder must be or the other way round, too long, a circle."""


class UserError(ValueError):
    """Wrong use, or an input that cannot be used.

    :param message: one line with the offending value, the expectation and the way out.
    :param exit_code: what a command ends with: 2 for wrong use, 1 for work that failed (disk full, no permission).
    """

    def __init__(self, message: str, exit_code: int = WRONG_USE) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class ArgumentParser(argparse.ArgumentParser):
    """argparse's own, but wrong use is one line, like every other error, without the usage before it.

    :raises UserError: from ``parse_args``, where argparse would end the process.
    """

    def error(self, message: str) -> NoReturn:
        """Refuse the words of the command line."""
        raise wrong_use(self.prog, message, self)


def refuse_in_one_line(parser: argparse.ArgumentParser, program: str) -> None:
    """Let a parser that somebody else has made refuse words as :class:`ArgumentParser` does.

    :param program: lists the options with ``--help``.
    """

    def refuse(message: str) -> NoReturn:
        raise wrong_use(program, message, parser)

    parser.error = refuse  # type: ignore[method-assign]


def wrong_use(program: str, message: str, parser: argparse.ArgumentParser) -> UserError:
    """The line for options that ``program`` does not take.

    :param parser: knows the options.
    """
    message = CHOICE.sub(_nearest, message).replace(*NO_NUMBERS)
    if unknown := UNKNOWN.match(message):
        near = difflib.get_close_matches(unknown[1], _options(parser), n=3, cutoff=0.8)
        message += f", near to it: {', '.join(near)}" if near else ""
    return UserError(f"{message} (`{program} --help` lists the options)")


NO_NUMBERS = "invalid <lambda> value:", "must be a number, or numbers joined by commas, but is"
"""How argparse names the type of fairseq's lists of numbers, such as ``--lr``, and what the type is."""

UNKNOWN = re.compile(r"unrecognized arguments: (--[\w-]+)")


def _options(parser: argparse.ArgumentParser) -> list[str]:
    """The options of a parser and of its commands."""
    commands = (each.choices for each in parser._actions if isinstance(each, argparse._SubParsersAction))
    below = (option for choices in commands for command in choices.values() for option in _options(command))
    return sorted({*parser._option_string_actions, *below})


CHOICE = re.compile(r"(invalid choice: '(.*?)') \(choose from (.*)\)$")
"""How argparse names all choices; fairseq has more than a hundred models."""


def _nearest(found: re.Match[str]) -> str:
    """The choices most like the wrong one, where there are many."""
    refused, word, rest = found.groups()
    choices = [choice.strip("'") for choice in rest.split(", ")]
    if len(choices) <= NAMED:
        return found[0]
    near = ", ".join(difflib.get_close_matches(word, choices, n=3))
    hint = f"near to it: {near}" if near else f"choose from {listed(choices)}"
    return f"{refused} ({hint})"


def failure_from_os_error(action: str, error: OSError) -> UserError:
    """Turn an operating-system error into the line a user sees; a name that leads nowhere is wrong use."""
    name = f" {error.filename!r}" if error.filename else ""
    code = WRONG_USE if error.errno in WRONG_NAMES else FAILURE
    return UserError(f"cannot {action}{name}: {error.strerror or error}", exit_code=code)


def listed(items: Sequence[object], total: int | None = None, *, between: str = ", ") -> str:
    """Name the first ten items of a list, and how many more there are. The log has all items, at level DEBUG.

    :param total: how many there are, if ``items`` are only the first of them.
    """
    count = len(items) if total is None else total
    if count <= NAMED:
        return between.join(map(str, items))
    if logger.isEnabledFor(logging.DEBUG):
        logger.debug("%d of %d: %s", len(items), count, between.join(map(str, items)))
    return f"{between.join(map(str, items[:NAMED]))} and {count - NAMED} more"


def refusal(error: OSError) -> UserError | None:
    """The line for what the system refuses; None where it is our mistake that it does."""
    if error.errno not in (*REFUSALS, errno.ENAMETOOLONG):
        return None
    to_output = error.errno == errno.EPIPE and not error.filename
    return failure_from_os_error("write to standard output" if to_output else "read or write", error)


def run_command(name: str, body: Callable[[], int]) -> int:
    """Run ``body`` and report a :class:`UserError` as ``name: error: message`` on standard error.

    The environment variable ``LOGLEVEL=DEBUG`` shows the log, as it does under fairseq's commands.

    :returns: the exit code of ``body`` or of the error, 1 if standard output does not take what is printed, 130 after
        Ctrl-C.
    :raises SystemExit: after another signal, with 128 + its number, and where ``body`` raises it.
    """
    open_closed_streams()
    if os.environ.get("LOGLEVEL", "").upper() == "DEBUG":
        logging.basicConfig(level=logging.DEBUG)
    try:
        with exit_on_signals():
            try:
                code = body()
            except SystemExit:  # of argparse, which has printed its help
                sys.stdout.flush()
                raise
            sys.stdout.flush()
    except UserError as error:
        return _end(name, f"error: {error}", error.exit_code)
    except OSError as error:
        explained = refusal(error)
        if explained is None:
            raise
        if _give_up_output() and error.filename is None:
            explained = failure_from_os_error("write to standard output", error)
        return _end(name, f"error: {explained}", explained.exit_code)
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and str(error) != NO_THREAD:
            raise
        said = " ".join(str(error).split()) or "out of memory"
        return _end(name, f"error: the system refuses to give more: {said}", FAILURE)
    except KeyboardInterrupt:
        return _end(name, "interrupted", INTERRUPTED)
    except Ended:
        _give_up_output()
        raise
    return code


def open_closed_streams() -> None:
    """Put something in the place of standard streams that were closed (``>&-``).

    Otherwise the next file to be opened gets the number of one of them, and with it all that libraries print. Nothing
    can be written to an output that was closed; errors are dropped.
    """
    if sys.stdin is None:
        os.open(os.devnull, os.O_RDONLY)
    if sys.stdout is None:
        reader, writer = os.pipe()
        os.close(reader)
        sys.stdout = _text_stream(os.dup(writer))  # the lowest number that is free, the reader's
        os.close(writer)
    if sys.stderr is None:
        sys.stderr = _text_stream(os.open(os.devnull, os.O_WRONLY))


def _text_stream(descriptor: int) -> TextIO:
    return open(descriptor, "w", encoding="utf-8", closefd=False)


def print_line(name: str, message: str) -> None:
    """Print the one line of a command on standard error, if standard error takes it.

    :param name: of the command.
    """
    with suppress(OSError):
        print(f"{name}: {message}", file=sys.stderr)


def _end(name: str, message: str, code: int) -> int:
    print_line(name, message)
    _give_up_output()
    return code


def _give_up_output() -> bool:
    """Drop what standard output does not take, which Python would try to write again, and complain, at its end.

    :returns: whether there is such.
    """
    try:
        sys.stdout.flush()
    except OSError:
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return True
    return False
