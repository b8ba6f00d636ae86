"""``python interrupted.py MODULE PLACE WORDS...`` runs a command that gets SIGINT at its first call of PLACE."""

import os
import pathlib
import runpy
import signal
import sys
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parent.parent


def interrupt_at(name: str) -> None:
    """Have a method of Path, such as ``replace``, send the signal before it does what it is for."""
    original = getattr(pathlib.Path, name)

    def interrupted(*arguments: Any, **options: Any) -> Any:
        os.kill(os.getpid(), signal.SIGINT)
        return original(*arguments, **options)

    setattr(pathlib.Path, name, interrupted)


if __name__ == "__main__":
    module, place, *words = sys.argv[1:]
    sys.path[0] = str(ROOT)
    sys.argv = [module, *words]
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    interrupt_at(place)
    runpy.run_module(module, run_name="__main__", alter_sys=True)
