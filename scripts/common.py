"""What the scripts share: processes, progress, folders, pages with tables, and the machine that they run on.

Nothing here imports more than the standard library until it is called: ``compat.py`` runs where nothing is installed.
"""

import json
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date
from itertools import count
from pathlib import Path
from typing import IO, Any, NamedTuple

from data_gen.errors import FAILURE, UserError, failure_from_os_error, listed
from data_gen.files import whole_file
from data_gen.progress import progress_on_stderr

ROOT = Path(__file__).resolve().parents[1]
LAUNCHER = (sys.executable, "-m")  # what stands before a module and its arguments
PLUGIN = ("--user-dir", "fairseq_plugin", "--task", "copy")
TRAINING = (
    *("--arch", "gru_attention_copy", "--criterion", "cross_entropy", "--optimizer", "adam", "--lr", "0.001"),
    *("--batch-size", "32", "--max-epoch", "15", "--num-workers", "0"),
    *("--best-checkpoint-metric", "exact_match", "--maximize-best-checkpoint-metric", "--no-epoch-checkpoints"),
)
"""The reference set-up, that of quickstart.sh."""
POLL = 0.2  # seconds between two looks at processes that run side by side
STUDY = "study.json"


def without_gpu(words: Sequence[str]) -> dict[str, str]:
    """The variable that hides all GPUs from a command with ``--cpu``.

    fairseq computes the norm of the gradients on a GPU that it finds, and then fails.
    """
    return {"CUDA_VISIBLE_DEVICES": ""} if "--cpu" in words else {}


def environment(words: Sequence[str], threads: int | None) -> dict[str, str]:
    """The environment of a command.

    :param words: the module and its arguments.
    :param threads: of torch; None leaves it so.
    """
    limit = {} if threads is None else {"OMP_NUM_THREADS": str(threads)}
    return {**os.environ, "PYTHONWARNINGS": "ignore", **limit, **without_gpu(words)}


@contextmanager
def started(
    words: Sequence[str], output: IO[Any] | int = subprocess.PIPE, *, threads: int | None = None
) -> Iterator["subprocess.Popen[str]"]:
    """Start ``python -m`` in the repository. On leaving, the process is ended if it still runs.

    :param words: the module and its arguments.
    :param output: takes standard output and standard error.
    :param threads: of torch; None leaves it so.
    """
    process = subprocess.Popen(
        [*LAUNCHER, *words],
        cwd=ROOT,
        env=environment(words, threads),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",  # a kill may cut a character in two
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def run(
    words: Sequence[str], log: Path | None = None, *, allow_failure: bool = False, threads: int | None = None
) -> str:
    """Run ``python -m`` in the repository.

    :param log: a file for what the command says.
    :param threads: of torch; None leaves it so.
    :returns: what the command says.
    :raises UserError: the command fails.
    """
    if log is None:
        with started(words, threads=threads) as process:
            said, _ = process.communicate()
    else:
        with log.open("w") as stream, started(words, stream, threads=threads) as process:
            process.wait()
        said = log.read_text(encoding="utf-8", errors="replace")
    if process.returncode and not allow_failure:
        raise failure(words[0], process.returncode, log or said)
    return said


def failure(name: str, code: int, said: Path | str) -> UserError:
    """The line for a command that failed. :param said: the log, or the text, of what the command said."""
    last = said if isinstance(said, Path) else (said.strip().splitlines() or ["nothing"])[-1]
    end = f": see {str(last)!r}" if isinstance(last, Path) else f"; it said: {last}"
    return UserError(f"{name} ended with exit code {code}{end}", exit_code=FAILURE)


def numbers(pattern: str, text: str, log: Path) -> list[float]:
    """The numbers in the last place of ``text`` that looks like ``pattern``. :raises UserError: there is none."""
    places = list(re.finditer(pattern, text))
    if not places:
        raise UserError(f"no {pattern!r} in {str(log)!r}: see there what went wrong", exit_code=FAILURE)
    return [float(number) for number in places[-1].groups()]


class Command(NamedTuple):
    """A command that runs beside others. :param log: is continued with what the command says."""

    name: str
    words: Sequence[str]
    log: Path


def run_side_by_side(
    waiting: list[Command],
    at_once: int,
    ended: Callable[[str, float, float], None],
    watch: Callable[[Sequence[Command]], None] = lambda running: None,
    *,
    threads: int = 1,
) -> None:
    """Run commands in their order, some at a time. The next one begins where one ends.

    :param waiting: the commands; ``ended`` may append more.
    :param ended: called with the name of a command that succeeded, its wall time and its CPU time in seconds.
    :param watch: called now and then with the commands that run.
    :param threads: of each command.
    :raises UserError: a command fails. Those that still run are ended.
    """
    running: list[tuple[Command, subprocess.Popen[str], float]] = []
    failed: list[UserError] = []
    with ExitStack() as stack:
        while waiting or running:
            while waiting and len(running) < at_once:
                command = waiting.pop(0)
                with command.log.open("a") as stream:
                    process = stack.enter_context(started(command.words, stream, threads=threads))
                running.append((command, process, time.perf_counter()))
            watch([command for command, *_ in running])
            time.sleep(POLL)
            for command, process, start in list(running):
                number, status, usage = os.wait4(process.pid, os.WNOHANG)
                if not number:
                    continue
                process.returncode = os.waitstatus_to_exitcode(status)  # Popen can no longer wait for it
                running.remove((command, process, start))
                if process.returncode:
                    failed.append(failure(command.words[0], process.returncode, command.log))
                else:
                    ended(command.name, time.perf_counter() - start, usage.ru_utime + usage.ru_stime)
            if failed:
                raise failed[0]


@contextmanager
def steps_on_stderr(total: int) -> Iterator[Callable[[str], None]]:
    """Lend something to call with the name of each step as it begins: a bar on a terminal, numbered lines otherwise."""
    numbers = count(1)
    with progress_on_stderr(total, "step") as report:

        def begin(step: str) -> None:
            number = next(numbers)
            if sys.stderr.isatty():
                report(int(number > 1))
                report.doing(step)
            else:
                print(f"[{number}/{total}] {step}", file=sys.stderr, flush=True)

        yield begin


def make_folder(folder: Path) -> Path:
    """Make the folder unless it is there. :returns: its absolute path. :raises UserError: the system refuses."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise failure_from_os_error("make folder", error) from None
    return folder.resolve()


def new_folder(folder: Path) -> Path:
    """Make the folder unless it is there and empty. :raises UserError: it holds something, or cannot be made."""
    made = make_folder(folder)
    if any(made.iterdir()):
        raise UserError(f"{str(folder)!r} is not empty: name a new folder")
    return made


def study_folder(folder: Path, wanted: Mapping[str, Any]) -> Path:
    """Make the folder of a study, or go on in it if it was made for the same study.

    :param wanted: all that makes the study what it is, for ``study.json`` in the folder.
    :returns: its absolute path.
    :raises UserError: it was made for another study, holds something else, or cannot be made.
    """
    text = json.dumps(wanted, indent=2) + "\n"
    made = make_folder(folder)
    mark = made / STUDY
    if not mark.exists() and any(made.iterdir()):
        raise UserError(f"{str(folder)!r} holds something else: name another folder with --folder")
    if mark.exists() and (there := read_text(mark)) != text:
        other = _other(there, text)
        raise UserError(f"{str(folder)!r} is of a study with other {other}: remove it or name another with --folder")
    write(mark, text)
    return made


def _other(there: str, wanted: str) -> str:
    try:
        old, new = dict(json.loads(there)), json.loads(wanted)
    except (ValueError, TypeError):  # somebody has changed the file
        return "settings"
    return listed([name for name in {**new, **old} if old.get(name) != new.get(name)]) or "settings"


def write(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    with whole_file(path) as stream:
        stream.write(text.encode())


def read_text(path: Path) -> str:
    """Read a file of text. :raises UserError: there is no such file of UTF-8 text."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise failure_from_os_error("read", error) from None
    except UnicodeDecodeError:
        raise UserError(f"cannot read {str(path)!r}: it is not UTF-8 text") from None


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]], sides: str) -> str:
    """A Markdown table. :param sides: ``l`` or ``r`` for each column: the side that its cells stand on."""
    rule = [{"l": "---", "r": "---:"}[side] for side in sides]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *rows))


def replace_section(text: str, name: str, content: str) -> str:
    """Put ``content`` between ``<!-- NAME:begin -->`` and ``<!-- NAME:end -->``, which stay.

    :raises UserError: unless each marker is there once, the beginning before the end.
    """
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    if text.count(begin) != 1 or text.count(end) != 1 or text.index(end) < text.index(begin):
        raise UserError(f"no place for the {name}: write {begin} and {end} once each, in this order")
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n{content.strip()}\n{end}{after}"


def _replaced(path: Path, name: str, content: str) -> str:
    text = read_text(path)
    try:
        return replace_section(text, name, content)
    except UserError as error:
        raise UserError(f"{str(path)!r} has {error}") from None


def update_file(path: Path, name: str, content: str) -> None:
    """Replace a section of a file. :raises UserError: the file cannot be read or written, or lacks the markers."""
    write(path, _replaced(path, name, content))


def check_section(path: Path | None, name: str) -> None:
    """For a command to call before its long work. :raises UserError: the file cannot be read, or lacks the markers."""
    if path is not None:
        _replaced(path, name, "")


def describe_machine(device: str = "cpu") -> dict[str, Any]:
    """Processor, versions and date."""
    import fairseq
    import torch

    from fairseq_plugin.modules.products import onednn_reachable

    return {
        "processor": torch.cuda.get_device_name() if device == "cuda" else _processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "fairseq": fairseq.__version__,
        "onednn": onednn_reachable(),
        "date": date.today().isoformat(),
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*: (.+)", cpuinfo.read_text(encoding="utf-8")) if cpuinfo.exists() else None
    return found[1].strip() if found else platform.processor() or platform.machine()


def machine_in_words() -> str:
    """What times depend on, in short."""
    import torch

    cores = f"{torch.get_num_threads()} of {os.cpu_count()} CPU cores"
    return f"Python {platform.python_version()}, torch {torch.__version__}, {cores}"
