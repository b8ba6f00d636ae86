"""Errors meant for the person at the keyboard, and how a command reports them.

A :class:`UserError` carries one line: the bad value, what was expected and what to do. Commands run their body
through :func:`run_command`, which prints that line and turns it into an exit code. Any other exception is a bug and
keeps its traceback.
"""

import sys
from collections.abc import Callable

WRONG_USE = 2
FAILURE = 1
INTERRUPTED = 130


class UserError(ValueError):
    """Wrong use, or an input that cannot be used.

    :param message: one line with the offending value, the expectation and the way out.
    :param exit_code: what a command ends with: 2 for wrong use, 1 for work that failed (disk full, no permission).
    """

    def __init__(self, message: str, exit_code: int = WRONG_USE) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def failure_from_os_error(action: str, error: OSError) -> UserError:
    """Turn an operating-system error (disk full, no permission) into the line a user sees."""
    place = f" {error.filename!r}" if error.filename else ""
    return UserError(f"cannot {action}{place}: {error.strerror or error}", exit_code=FAILURE)


def run_command(name: str, body: Callable[[], int]) -> int:
    """Run ``body`` and report a :class:`UserError` as ``name: error: message`` on standard error.

    :returns: the exit code of ``body``, of the error, or 130 after Ctrl-C.
    """
    try:
        return body()
    except UserError as error:
        print(f"{name}: error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print(f"{name}: interrupted", file=sys.stderr)
        return INTERRUPTED
