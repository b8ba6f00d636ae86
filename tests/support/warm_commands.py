"""Commands without their start-up: a process that has fairseq imported and runs each request in a fork of itself.

``python warm_commands.py ADDRESS PROCESS`` starts two of them and ends when both listen. That at ADDRESS has not
imported the plugin, so ``--user-dir`` does it. That at ADDRESS.plugin has imported it from this checkout: for commands
whose messages and results are tested. Both end with the process of number PROCESS. See warm_client.py for how a request
is made.
"""

import atexit
import ctypes
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
import weakref
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

IMPORTED = (
    *(f"fairseq_cli.{name}" for name in ("generate", "hydra_train", "interactive", "preprocess", "train", "validate")),
    *(f"matplotlib.backends.backend_{name}" for name in ("agg", "pdf", "svg")),
    *("matplotlib.animation", "matplotlib.figure", "sentencepiece", "torch.distributed.fsdp"),
    "torch._dynamo",  # every optimizer of torch imports it, for more than two seconds
)


MADV_COLLAPSE = 25  # of linux/mman.h; Python's mmap does not name it


class Command(NamedTuple):
    """A command that runs.

    :param ended: can be read when its process has ended.
    :param connection: to whoever asked for it; can be read when they have gone.
    """

    ended: int
    connection: socket.socket


def warm_up() -> None:
    """Import what the commands import. No tensor is touched: threads would not survive the fork."""
    logging.disable(logging.WARNING)
    shortcuts = importlib.import_module("shortcuts")
    sys.path.pop(0)  # this folder: a command has its own there
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in IMPORTED:
            importlib.import_module(name)
        shortcuts.take()
        compose("training", "--task", "translation", "--arch", "lstm", "--optimizer", "adam")
        compose("training", "--arch", "lstm", "--lr-scheduler", "polynomial_decay", "--total-num-update", "9")
        for purpose in ("generation", "interactive_generation"):
            compose(purpose, "--path", "checkpoint.pt")
    # Each command imports its own module anew, which sets logging up.
    for name in [name for name in sys.modules if name.startswith("fairseq_cli")]:
        del sys.modules[name]
    assert "fairseq_plugin" not in sys.modules


def compose(purpose: str, *words: str) -> None:
    """Let hydra make the configuration of a command, so that its groups are remembered."""
    from fairseq import options
    from fairseq.dataclass.utils import convert_namespace_to_omegaconf

    parser = getattr(options, f"get_{purpose}_parser")()
    if purpose == "generation":
        parser.add_argument("--arch", default="wav2vec2")  # as fairseq-generate does
    convert_namespace_to_omegaconf(options.parse_args_and_arch(parser, ["data", *words]))


def settle() -> None:
    """Take back what imports have set up, and let no command look through all that is there for garbage."""
    logging.disable(logging.NOTSET)
    logging.getLogger().handlers.clear()
    logging.getLogger().setLevel(logging.WARNING)
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000)  # configurations are full of cycles that nobody waits for
    for finalizer in weakref.finalize._registry:  # type: ignore[attr-defined]
        finalizer.atexit = False  # torch would take back each of its operators
    use_large_pages()


def use_large_pages() -> None:
    """Put what is in memory into pages of 2 MiB: a fork, which copies the table of pages, takes a third of the time.

    A kernel before Linux 6.1 refuses. Forks then take as long as before.
    """
    madvise = ctypes.CDLL(None).madvise
    madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    for line in Path("/proc/self/maps").read_text(encoding="utf-8").splitlines():
        extent, rights, _, _, file, *name = line.split()
        if rights == "rw-p" and file == "0" and name in ([], ["[heap]"]):
            begin, end = (int(number, 16) for number in extent.split("-"))
            madvise(begin, end - begin, MADV_COLLAPSE)


def import_plugin() -> None:
    """Import the plugin of this checkout."""
    logging.disable(logging.WARNING)
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    importlib.import_module("fairseq_plugin.commands.plot_attention")
    del sys.path[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fast = ("--criterion", "chunked_cross_entropy", "--optimizer", "fused_adamw")
        for arch in ("gru_attention_copy", "rnnsearch"):
            compose("training", "--task", "copy", "--arch", arch, *fast)
        compose("generation", "--task", "copy", "--path", "checkpoint.pt", "--scoring", "exact_match")


def serve(address: str, owner: int, ready: int) -> None:
    """Answer requests, several at a time: each command is a fork of this process.

    :param owner: descriptor of a process, with which this one ends.
    :param ready: descriptor that gets a byte when requests are answered.
    """
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(address)
        server.listen()
        os.write(ready, b"!")
        os.close(ready)
        commands: list[Command] = []
        while owner not in (seen := select.select([server, owner, *chain(*commands)], [], [])[0]):
            for command in [each for each in commands if set(each) & set(seen)]:
                commands.remove(command)
                finish(command)
            if server in seen:
                commands.append(begin(server, commands))
        for command in commands:
            finish(command)


def begin(server: socket.socket, others: list[Command]) -> Command:
    """Take a request, start its command and tell the number of its process."""
    connection, _ = server.accept()
    head, streams, _, _ = socket.recv_fds(connection, 8, 3)
    request = json.loads(connection.recv(int.from_bytes(head, "big"), socket.MSG_WAITALL))
    number = os.fork()
    if number == 0:
        for opened in (server, connection, *(each.connection for each in others)):
            opened.close()
        for command in others:
            os.close(command.ended)
        os._exit(run(request, streams))
    for stream in streams:
        os.close(stream)
    with suppress(BrokenPipeError):
        connection.sendall(f"{number}\n".encode())
    return Command(os.pidfd_open(number), connection)


def finish(command: Command) -> None:
    """Tell the exit code of a command that has ended, or kill it: nobody listens any more."""
    ended, connection = command
    signal.pidfd_send_signal(ended, signal.SIGKILL)  # no harm to what has ended
    result = os.waitid(os.P_PIDFD, ended, os.WEXITED)
    assert result is not None
    code = result.si_status if result.si_code == os.CLD_EXITED else -result.si_status
    with suppress(BrokenPipeError):
        connection.sendall(f"{code}\n".encode())
    connection.close()
    os.close(ended)


def run(request: dict[str, Any], streams: list[int]) -> int:
    """Become the command. :returns: its exit code."""
    if request["session"]:
        os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup around the tests ignores it
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
    sys.modules["shortcuts"].__dict__["kept"] = False
    if (threads := os.environ.get("OMP_NUM_THREADS", "1")) != "1":  # the server's
        sys.modules["torch"].set_num_threads(int(threads))
    tempfile.tempdir = None  # which follows TMPDIR
    if (plugin := sys.modules.get("fairseq_plugin")) is not None:  # stands for that of a copy of the checkout as well
        plugin.__path__.append(str(Path(request["modules"]) / "fairseq_plugin"))
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
