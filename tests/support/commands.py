"""Real commands, as a user types them, and how tests look at what they did."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import IO, NamedTuple

from tests.support.warm_client import request

ROOT = Path(__file__).resolve().parents[2]
PLUGIN = ROOT / "fairseq_plugin"
SOCKET = "commands"


def environment() -> dict[str, str]:
    """The variables of a command."""
    left_out = ("PYTHONWARNINGS", "PYTHONPATH")
    return {name: value for name, value in os.environ.items() if name not in left_out} | {"OMP_NUM_THREADS": "1"}


def start_servers(folder: Path, process: int) -> None:
    """Make a folder with the sockets of the servers of :class:`Commands`.

    :param process: the number of the process that the servers end with.
    """
    folder.mkdir()
    words = [sys.executable, Path(__file__).with_name("warm_commands.py"), folder / SOCKET, str(process)]
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
    subprocess.run(words, cwd=folder, env=environment(), check=True, **quiet)


class Outcome(NamedTuple):
    """What a command left on its streams."""

    code: int
    out: str
    err: str


class Running:
    """A command that runs, the first process of its session, with the interface of :class:`subprocess.Popen`."""

    def __init__(self, run: Callable[..., int], streams: Sequence[IO[bytes]]) -> None:
        self._streams, self._said = streams, ("", "")
        self._number: Future[int] = Future()
        self._pool = ThreadPoolExecutor(1)
        self._code = self._pool.submit(run, begun=self._number.set_result)
        self.pid = self._number.result()

    @property
    def returncode(self) -> int | None:
        return self._code.result() if self._code.done() else None

    def poll(self) -> int | None:
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        self._code.result(timeout)
        self._pool.shutdown()
        if not self._streams[0].closed:
            self._said = (said(self._streams[1]), said(self._streams[2]))
            for stream in self._streams:
                stream.close()
        return self._said


def said(stream: IO[bytes]) -> str:
    """All of a file."""
    stream.seek(0)
    return stream.read().decode()


class Commands:
    """Runs commands, each in a process of its own that is a fork of a server (see warm_commands.py).

    :param folder: of :func:`start_servers`.
    """

    def __init__(self, folder: Path) -> None:
        self.address = str(folder / SOCKET)  # of the server that has not imported the plugin
        self.with_plugin = f"{self.address}.plugin"
        self.environment = environment()

    def __call__(self, *argv: object, typed: str = "", cwd: Path = ROOT, unloaded: bool = False) -> Outcome:
        """Run a command to its end.

        :param argv: the words of the command; ``python`` as the first one is followed by a script, or by ``-m`` and a
            module of this repository.
        :param typed: what its standard input holds.
        :param unloaded: nothing has imported the plugin before it.
        """
        with ExitStack() as stack:
            streams = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(3)]
            streams[0].write(typed.encode())
            streams[0].seek(0)
            code = request(
                self.address if unloaded else self.with_plugin,
                [str(word) for word in argv],
                [stream.fileno() for stream in streams],
                folder=str(cwd),
                environment=self.environment,
                python=sys.executable,
                modules=str(ROOT),
            )
            return Outcome(code, said(streams[1]), said(streams[2]))

    def begin(self, python: Path, *argv: object, cwd: Path, variables: Mapping[str, str]) -> Running:
        """Start a command. :param python: its ``sys.executable``."""
        streams = [tempfile.TemporaryFile() for _ in range(3)]  # noqa: SIM115 - they end with the command
        words = {"words": [str(word) for word in argv], "streams": [stream.fileno() for stream in streams]}
        place = {"folder": str(cwd), "environment": variables, "python": str(python), "modules": str(ROOT)}
        return Running(partial(request, self.with_plugin, **words, **place, session=True), streams)

    def succeed(self, *argv: object, typed: str = "", cwd: Path = ROOT, unloaded: bool = False) -> Outcome:
        """Run a command that must end with exit code 0."""
        outcome = self(*argv, typed=typed, cwd=cwd, unloaded=unloaded)
        assert outcome.code == 0, outcome.out[-2000:] + outcome.err[-5000:]
        return outcome


def train_words(data: object, save_dir: object, *more: object) -> list[object]:
    """Words of a small fairseq-train, the quickstart's with a higher rate and fewer epochs."""
    return [
        *("fairseq-train", data, "--user-dir", PLUGIN, "--task", "copy", "--arch", "gru_attention_copy"),
        *("--criterion", "cross_entropy", "--optimizer", "adam", "--lr", "0.01", "--batch-size", "32"),
        *("--seed", "1", "--num-workers", "0", "--no-epoch-checkpoints", "--save-dir", save_dir),
        *("--best-checkpoint-metric", "exact_match", "--maximize-best-checkpoint-metric"),
        *more,
    ]


def generate_words(data: object, path: object, *more: object) -> list[object]:
    """Words of a fairseq-generate that reports exact match."""
    return [
        *("fairseq-generate", data, "--user-dir", PLUGIN, "--task", "copy", "--path", path),
        *("--scoring", "exact_match", *more),
    ]


def extract_words(data: object, path: object, output: object, *more: object) -> list[object]:
    """Words of an extraction."""
    return ["python", ROOT / "scripts" / "extract_attention.py", data, "--path", path, "--output", output, *more]


def error_line(outcome: Outcome) -> str:
    """The one line that a user error leaves at the end of standard error, where no traceback may be."""
    assert "Traceback" not in outcome.err, outcome.err
    return outcome.err.rstrip("\n").rsplit("\n", 1)[-1]


def lines_of(outcome: Outcome, letter: str) -> dict[int, list[str]]:
    """Lines of fairseq-generate of one kind (``H``, ``T``, ``A``, ...): sentence id -> last field of each line."""
    found: dict[int, list[str]] = {}
    for line in outcome.out.splitlines():
        if line.startswith(f"{letter}-"):
            name, *fields = line.split("\t")
            found.setdefault(int(name[2:]), []).extend(fields[-1:])
    return found
