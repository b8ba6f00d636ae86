"""Signals that end a command by way of an exception, so that it can clean up.

Python runs a signal's handler between two instructions of its main thread. If these are in ``__del__`` or in the
callback of a weak reference, Python drops what the handler raises, and goes on. Other code may drop it as well. So what
was dropped is raised once more, a little later. As long as it is on its way, all other signals are left alone: the
SIGHUP that comes with a SIGTERM does not disturb the cleaning up.
"""

import os
import signal
import sys
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

INTERRUPTED: Final = 128 + signal.SIGINT
AGAIN: Final = 0.05
"""Seconds after which an exception that was dropped is raised once more."""

_DEFAULTS: Final = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGTERM: signal.SIG_DFL,
    signal.SIGHUP: signal.SIG_DFL,
}


class Interrupted(KeyboardInterrupt):
    """Ctrl-C."""


class Ended(SystemExit):
    """Another signal; the exit code is 128 + its number, as a shell's."""


def exit_on_interrupt() -> None:
    """Let Ctrl-C end the process without a word until :func:`exit_on_signals` takes over.

    For a command to call before imports that take seconds. Where Ctrl-C is ignored or handled otherwise, it stays so.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _exit)


def _exit(number: int, frame: FrameType | None) -> None:
    os._exit(INTERRUPTED)  # an exception would be printed by whatever is being imported


@contextmanager
def exit_on_signals() -> Iterator[None]:
    """Have Ctrl-C, SIGTERM and SIGHUP end the block, and nothing but an exception of theirs leave it from then on.

    A signal that is ignored (``nohup``) or handled otherwise stays so; in other threads than the main one nothing is
    changed. Blocks may be nested.

    :raises Interrupted: on Ctrl-C.
    :raises Ended: on SIGTERM or SIGHUP.
    """
    ours = _ours() if threading.current_thread() is threading.main_thread() else {}
    if not ours:
        yield
        return
    if signal.getsignal(signal.SIGALRM) == signal.SIG_DFL:
        ours[signal.SIGALRM] = signal.SIG_DFL
    ending, print_dropped = _Ending(signal.SIGALRM in ours), sys.unraisablehook
    sys.unraisablehook = lambda dropped: None if _is_ours(dropped.exc_value) else print_dropped(dropped)
    try:
        for number in ours:
            signal.signal(number, ending.hear)
        yield
        ending.insist()
    except BaseException as error:
        if not _is_ours(error):
            ending.insist()
        raise
    finally:
        ending.stop()
        for number, default in ours.items():
            signal.signal(number, default)
        sys.unraisablehook = print_dropped


def _ours() -> dict[signal.Signals, Any]:
    """The signals that nobody else handles, with their handlers of now."""
    if signal.getsignal(signal.SIGINT) is _exit:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    return {number: default for number, default in _DEFAULTS.items() if signal.getsignal(number) == default}


def _is_ours(error: Any) -> bool:
    return isinstance(error, Interrupted | Ended)


class _Ending:
    """What a block has heard of.

    :param with_alarm: whether SIGALRM is free to be used.
    """

    def __init__(self, with_alarm: bool) -> None:
        self.with_alarm, self.over = with_alarm, False
        self.number = 0  # of the first signal
        self._raised: weakref.ref[BaseException] | None = None

    def hear(self, number: int, frame: FrameType | None) -> None:
        """The handler of all signals."""
        if not self.number and number != signal.SIGALRM:
            self.number = number
        if self._raised is None or self._raised() is None:
            self.insist()

    def insist(self) -> None:
        """Raise an exception if there was a signal."""
        if self.number:
            raise self._exception()  # and keep it in no variable of this frame, which the exception itself holds

    def _exception(self) -> BaseException:
        error = Interrupted() if self.number == signal.SIGINT else Ended(128 + self.number)
        self._raised = weakref.ref(error, self._dropped)
        return error

    def stop(self) -> None:
        """Raise nothing more on its own."""
        self.over = True
        if self.with_alarm:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _dropped(self, raised: object) -> None:
        if self.with_alarm and not self.over:
            signal.setitimer(signal.ITIMER_REAL, AGAIN)
