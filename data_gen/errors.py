"""Errors meant for the person at the keyboard, and how a command reports them.

A :class:`UserError` carries one line: the bad value, what was expected and what to do. Commands run their body
through :func:`run_command`, which prints that line and turns it into an exit code. So it does where the operating
system refuses to go on (``REFUSALS``). Any other exception is a bug and keeps its traceback.
"""

import errno
import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import FrameType

logger = logging.getLogger(__name__)

WRONG_USE = 2
FAILURE = 1
INTERRUPTED = 130
NAMED = 10
"""Of what a message has many of, it names so many."""

REFUSALS = frozenset(
    (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.EPIPE)
)
"""What the system says of a full disk, a quota, a read-only place, no permission, a broken disk, a closed pipe."""

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


def failure_from_os_error(action: str, error: OSError) -> UserError:
    """Turn an operating-system error into the line a user sees; a name that leads nowhere is wrong use."""
    place = f" {error.filename!r}" if error.filename else ""
    code = WRONG_USE if error.errno in WRONG_NAMES else FAILURE
    return UserError(f"cannot {action}{place}: {error.strerror or error}", exit_code=code)


def listed(items: Sequence[object], total: int | None = None, *, between: str = ", ") -> str:
    """Name the first ten of what a message has many of, "and 116 more"; the log has all of them, at level DEBUG.

    :param total: how many there are, if ``items`` are only the first of them.
    """
    count = len(items) if total is None else total
    if count <= NAMED:
        return between.join(map(str, items))
    if logger.isEnabledFor(logging.DEBUG):
        logger.debug("%d of %d: %s", len(items), count, between.join(map(str, items)))
    return f"{between.join(map(str, items[:NAMED]))} and {count - NAMED} more"


def exit_on_interrupt() -> None:
    """Let Ctrl-C end the process without a word until :func:`run_command` takes over.

    For a command to call before imports that take seconds. Where Ctrl-C is ignored or handled otherwise, it stays so.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _exit)


def _exit(number: int, frame: FrameType | None) -> None:
    os._exit(INTERRUPTED)  # an exception would be printed by whatever is being imported


def run_command(name: str, body: Callable[[], int]) -> int:
    """Run ``body`` and report a :class:`UserError` as ``name: error: message`` on standard error.

    The environment variable ``LOGLEVEL=DEBUG`` shows the log, as it does under fairseq's commands.

    :returns: the exit code of ``body``, of the error, or 130 after Ctrl-C.
    """
    if os.environ.get("LOGLEVEL", "").upper() == "DEBUG":
        logging.basicConfig(level=logging.DEBUG)
    if signal.getsignal(signal.SIGINT) is _exit:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        code = body()
        sys.stdout.flush()
    except UserError as error:
        print(f"{name}: error: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        if error.errno not in REFUSALS:
            raise
        print(f"{name}: error: {failure_from_os_error('read or write', error)}", file=sys.stderr)
        _give_up_output()
        return FAILURE
    except KeyboardInterrupt:
        print(f"{name}: interrupted", file=sys.stderr)
        return INTERRUPTED
    return code


def _give_up_output() -> None:
    """Drop what standard output does not take, which Python would try to write again, and complain, at its end."""
    try:
        sys.stdout.flush()
    except OSError:
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
