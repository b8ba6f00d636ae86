"""Commands without their start-up: a process that has fairseq imported and runs each request in a fork of itself.

``python warm_commands.py ADDRESS PROCESS`` starts two of them and ends when both listen. That at ADDRESS has not
imported the plugin, so ``--user-dir`` does it. That at ADDRESS.plugin has imported it from this checkout: for commands
whose messages and results are tested. Both end with the process of number PROCESS. See warm_client.py for how a request
is made.
"""

import atexit
import gc
import importlib
import json
import logging
import os
import runpy
import select
import shutil
import signal
import socket
import sys
import sysconfig
import tempfile
import traceback
import warnings
from pathlib import Path
from typing import Any

IMPORTED = (
    *(f"fairseq_cli.{name}" for name in ("generate", "hydra_train", "interactive", "preprocess", "train", "validate")),
    *(f"matplotlib.backends.backend_{name}" for name in ("agg", "pdf", "svg")),
    *("matplotlib.animation", "matplotlib.figure", "sentencepiece", "torch.distributed.fsdp"),
    "torch._dynamo",  # every optimizer of torch imports it, for more than two seconds
)


def warm_up() -> None:
    """Import what the commands import. No tensor is touched: threads would not survive the fork."""
    sys.path.pop(0)  # this folder: a command has its own there
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in IMPORTED:
            importlib.import_module(name)
        from fairseq import options
        from fairseq.dataclass.utils import convert_namespace_to_omegaconf

        # hydra's parser of overrides learns with each sentence that it reads.
        words = ["data", "--task", "translation", "--arch", "lstm"]
        convert_namespace_to_omegaconf(options.parse_args_and_arch(options.get_training_parser(), words))
    # Each command imports its own module anew, which sets logging up.
    for name in [name for name in sys.modules if name.startswith("fairseq_cli")]:
        del sys.modules[name]
    assert "fairseq_plugin" not in sys.modules


def settle() -> None:
    """Take back what imports have set up, and let no command look through all that is there for garbage."""
    logging.getLogger().handlers.clear()
    logging.getLogger().setLevel(logging.WARNING)
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000)  # configurations are full of cycles that nobody waits for


def import_plugin() -> None:
    """Import the plugin of this checkout."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    importlib.import_module("fairseq_plugin.commands.plot_attention")
    del sys.path[0]


def serve(address: str, owner: int, ready: int) -> None:
    """Answer requests, several at a time.

    :param owner: descriptor of a process, with which this one ends.
    :param ready: descriptor that gets a byte when requests are answered.
    """
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(address)
        server.listen()
        os.write(ready, b"!")
        os.close(ready)
        keepers: list[int] = []
        while owner not in select.select([server, owner], [], [])[0]:
            keepers = [keeper for keeper in keepers if os.waitpid(keeper, os.WNOHANG) == (0, 0)]
            connection, _ = server.accept()
            keeper = os.fork()
            if keeper == 0:
                server.close()
                keep(connection)
                os._exit(0)
            keepers.append(keeper)
            connection.close()


def keep(connection: socket.socket) -> None:
    """Run a command, tell its process number and its exit code, and kill it if nobody listens any more."""
    head, streams, _, _ = socket.recv_fds(connection, 8, 3)
    request = json.loads(connection.recv(int.from_bytes(head, "big"), socket.MSG_WAITALL))
    child = os.fork()
    if child == 0:
        connection.close()
        os._exit(run(request, streams))
    for stream in (*streams, 0, 1, 2):
        os.close(stream)
    ended = os.pidfd_open(child)
    try:
        connection.sendall(f"{child}\n".encode())
        if ended not in select.select([ended, connection], [], [])[0]:
            os.kill(child, signal.SIGKILL)
        connection.sendall(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n".encode())
    except BrokenPipeError:
        os.kill(child, signal.SIGKILL)


def run(request: dict[str, Any], streams: list[int]) -> int:
    """Become the command. :returns: its exit code."""
    if request["session"]:
        os.setsid()
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    for descriptor, stream in enumerate(streams):
        os.dup2(stream, descriptor)
        os.close(stream)
    # The server's own is another one. Python puts None where a stream is closed.
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    for shown in filter(None, os.environ.get("PYTHONWARNINGS", "").split(",")):
        warnings._setoption(shown)  # type: ignore[attr-defined]
    if (threads := os.environ.get("OMP_NUM_THREADS", "1")) != "1":  # the server's
        sys.modules["torch"].set_num_threads(int(threads))
    tempfile.tempdir = None  # which follows TMPDIR
    sys.executable = request["python"]
    own = sysconfig.get_path("purelib", vars={"base": str(Path(sys.executable).parents[1])})
    sys.path[:0] = [*filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep)), own]
    try:
        execute(request["words"], request["modules"])
        code = 0
    except SystemExit as stop:
        if isinstance(stop.code, str):
            print(stop.code, file=sys.stderr)
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except KeyboardInterrupt:
        code = 128 + signal.SIGINT
    except BaseException:
        traceback.print_exc()
        code = 1
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    return code


def execute(words: list[str], modules: str) -> object:
    """What the shell and Python would do with ``words``. :param modules: where ``python -m`` looks first."""
    if words[0] != "python":
        program = shutil.which(words[0])
        assert program is not None, words[0]
        words = ["python", program, *words[1:]]
    if words[1] in ("-", "-c"):
        text = sys.stdin.read() if words[1] == "-" else words[2]
        sys.argv = [words[1], *words[2 if words[1] == "-" else 3 :]]
        sys.path.insert(0, "")
        main = sys.modules["__main__"] = type(sys)("__main__")
        return exec(compile(text, "<string>", "exec"), main.__dict__)
    if words[1] == "-m":
        sys.argv = words[2:]
        sys.path.insert(0, modules)
        return runpy.run_module(words[2], run_name="__main__", alter_sys=True)
    sys.argv = words[1:]
    sys.path.insert(0, str(Path(words[1]).resolve().parent))
    return runpy.run_path(words[1], run_name="__main__")


if __name__ == "__main__":
    address, owner = sys.argv[1], os.pidfd_open(int(sys.argv[2]))
    heard, ready = os.pipe()
    warm_up()
    settle()
    if os.fork() == 0:
        serve(address, owner, ready)
    elif os.fork() == 0:
        import_plugin()
        settle()
        serve(f"{address}.plugin", owner, ready)
    else:
        os.close(ready)
        assert os.read(heard, 1) + os.read(heard, 1) == b"!!"
