"""Commands without their start-up: a process that has fairseq imported and runs each request in a fork of itself.

It has not imported the plugin, so ``--user-dir`` is put to the test by every command. A request is a line of JSON on
standard input; the answer is the exit code, on a line.
"""

import atexit
import json
import logging
import os
import runpy
import shutil
import sys
import traceback
import warnings
from pathlib import Path
from typing import Any


def warm_up() -> None:
    """Import what the commands import. No tensor is touched: threads would not survive the fork."""
    sys.path.pop(0)  # this folder: a command has its own there
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import fairseq_cli.generate
        import fairseq_cli.hydra_train
        import fairseq_cli.interactive
        import fairseq_cli.train
        import fairseq_cli.validate  # noqa: F401
        import matplotlib.backends.backend_agg  # noqa: F401
    # Each command imports its own module anew, which sets logging up.
    for name in [name for name in sys.modules if name.startswith("fairseq_cli")]:
        del sys.modules[name]
    logging.getLogger().handlers.clear()
    logging.getLogger().setLevel(logging.WARNING)
    assert "fairseq_plugin" not in sys.modules


def serve() -> None:
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            os._exit(run(request))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def run(request: dict[str, Any]) -> int:
    """Become the command. :returns: its exit code."""
    os.chdir(request["cwd"])
    for descriptor, path in enumerate(request["streams"]):
        mode = os.O_RDONLY if descriptor == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        os.dup2(os.open(path, mode), descriptor)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - another one than the requests come from
    try:
        execute(request["argv"])
        code = 0
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except BaseException:
        traceback.print_exc()
        code = 1
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    return code


def execute(argv: list[str]) -> object:
    """What the shell and Python would do with ``argv``."""
    if argv[:2] == ["python", "-m"]:
        sys.argv = argv[2:]
        sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # as from the repository's root, or installed
        return runpy.run_module(argv[2], run_name="__main__", alter_sys=True)
    if argv[0] == "python":
        argv = argv[1:]
    else:
        program = shutil.which(argv[0])
        assert program is not None, argv[0]
        argv = [program, *argv[1:]]
    sys.argv = argv
    sys.path.insert(0, str(Path(argv[0]).resolve().parent))
    return runpy.run_path(argv[0], run_name="__main__")


if __name__ == "__main__":
    warm_up()
    serve()
