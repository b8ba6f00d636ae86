"""How far long work has got: a bar on a terminal, otherwise a line now and then."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, Protocol

SECONDS_BETWEEN_LINES: Final = 30.0

Progress = Callable[[int], None]
"""Told how much has been done since the last call."""


class Report(Protocol):
    """A :data:`Progress` that can also be told what is being done."""

    def __call__(self, amount: int) -> None:
        """So much more is done."""

    def doing(self, what: str) -> None:
        """Say what is being done from now on."""


@contextmanager
def progress_on_stderr(total: int, unit: str) -> Iterator[Report]:
    """Lend something to call with how much has been done since the last call.

    :param total: how much there is to do.
    :param unit: of what.
    """
    if not sys.stderr.isatty():
        yield _Lines(total, unit)
        return
    from tqdm import tqdm  # takes as long to load as a small dataset to make

    with tqdm(total=total, unit=f" {unit}", unit_scale=True, leave=False) as bar:
        yield _Bar(bar)


class Silence:
    """A report that nobody reads."""

    def __call__(self, amount: int) -> None:
        """Say nothing."""

    def doing(self, what: str) -> None:
        """Say nothing."""


class _Bar:
    """A bar of tqdm."""

    def __init__(self, bar: Any) -> None:
        self._bar = bar

    def __call__(self, amount: int) -> None:
        self._bar.update(amount)

    def doing(self, what: str) -> None:
        self._bar.set_description(what)


class _Lines:
    """Prints a line when none has been printed for a while."""

    def __init__(self, total: int, unit: str) -> None:
        self._total, self._unit = total, unit
        self._done, self._last = 0, time.monotonic()

    def __call__(self, amount: int) -> None:
        self._done += amount
        if time.monotonic() - self._last >= SECONDS_BETWEEN_LINES:
            self._last = time.monotonic()
            share = 100 * self._done // self._total
            print(f"{self._done} of {self._total} {self._unit} ({share} %)", file=sys.stderr, flush=True)

    def doing(self, what: str) -> None:
        print(f"{what} ...", file=sys.stderr, flush=True)
