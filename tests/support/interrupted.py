"""``python interrupted.py SIGNAL MODULE PLACE WORDS...`` runs a command that gets a signal at its first call of PLACE.

SIGNAL is its name, or ``dropped-`` and its name: it then comes where Python drops what its handler raises.
"""

import pathlib
import runpy
import signal
import sys
import time
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parents[2]
PATIENCE = 60  # seconds for the end of the process, on a busy machine


signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup around the tests ignores it


class Dying:
    """An object that sends the signal as it goes."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __del__(self) -> None:
        signal.raise_signal(self.number)


def interrupt_at(name: str, number: int, *, dropped: bool) -> None:
    """Have a method of Path, such as ``replace``, send the signal before it does what it is for."""
    original = getattr(pathlib.Path, name)

    def interrupted(*arguments: Any, **options: Any) -> Any:
        if dropped:
            Dying(number)
            time.sleep(PATIENCE)
        else:
            signal.raise_signal(number)
        return original(*arguments, **options)

    setattr(pathlib.Path, name, interrupted)


if __name__ == "__main__":
    kind, module, place, *words = sys.argv[1:]
    sys.path[0] = str(ROOT)
    sys.argv = [module, *words]
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    interrupt_at(place, signal.Signals[kind.removeprefix("dropped-")], dropped=kind.startswith("dropped-"))
    runpy.run_module(module, run_name="__main__", alter_sys=True)
