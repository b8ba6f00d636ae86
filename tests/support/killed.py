"""``python killed.py FUNCTION CALL WORDS...`` runs a fairseq command that is killed half-way through a write.

FUNCTION is ``save`` (torch.save) or ``copy`` (shutil.copyfile); CALL counts from 1.
"""

import os
import runpy
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch


def kill_at(owner: Any, name: str, call: int, write_half: Callable[[Any, Any], None]) -> None:
    """Have call number ``call`` of a function write half of what it should, and end the process with SIGKILL."""
    original, calls = getattr(owner, name), 0

    def counted(source: Any, target: Any, *arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call:
            write_half(source, target)
            os.kill(os.getpid(), signal.SIGKILL)
        return original(source, target, *arguments, **options)

    setattr(owner, name, counted)


def copy_half(source: str, target: str) -> None:
    content = Path(source).read_bytes()
    Path(target).write_bytes(content[: len(content) // 2])


def save_half(state: Any, stream: Any) -> None:
    stream.write(b"PK\3\4" + bytes(1000))
    stream.flush()


if __name__ == "__main__":
    function, call, command, *words = sys.argv[1:]
    if function == "copy":
        kill_at(shutil, "copyfile", int(call), copy_half)
    else:
        kill_at(torch, "save", int(call), save_half)
    program = shutil.which(command)
    assert program is not None
    sys.argv = [program, *words]
    runpy.run_path(program, run_name="__main__")
