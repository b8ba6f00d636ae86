"""How far long work has got: a bar on a terminal, otherwise a line now and then."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

SECONDS_BETWEEN_LINES: Final = 30.0

Progress = Callable[[int], None]
"""Told how much has been done since the last call."""


@contextmanager
def progress_on_stderr(total: int, unit: str) -> Iterator[Progress]:
    """Lend a function to call with how much has been done since the last call.

    :param total: how much there is to do.
    :param unit: of what.
    """
    if not sys.stderr.isatty():
        yield _Lines(total, unit)
        return
    from tqdm import tqdm  # takes as long to load as a small dataset to make

    with tqdm(total=total, unit=f" {unit}", leave=False) as bar:

        def update(amount: int) -> None:
            bar.update(amount)

        yield update


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
