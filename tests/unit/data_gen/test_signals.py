"""Signals end a command and leave nothing behind, wherever they come."""

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from data_gen.files import whole_file
from data_gen.signals import exit_on_signals
from tests.support.commands import ROOT
from tests.unit.data_gen.conftest import everything_under

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
BEGIN = """
import pathlib, signal, sys, time, weakref
from data_gen.errors import run_command
from data_gen.files import whole_file

def send():
    signal.raise_signal(int(sys.argv[1]))

class Dying:
    def __del__(self):
        send()

class Dead:
    pass

signal.signal(signal.SIGINT, signal.default_int_handler)

def body():
    with whole_file(pathlib.Path("new")) as stream:
        stream.write(b"half")
"""
END = """
    return 0

sys.exit(run_command("demo", body))
"""
WAIT = "\n        time.sleep(60)"


def run(body: str, number: signal.Signals, folder: Path, ignored: bool = False) -> tuple[int, str, str]:
    """A command with these lines in the place where it writes a file: its exit code and what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", BEGIN + body + END, str(int(number))],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        # nohup around the tests ignores SIGHUP.
        preexec_fn=lambda: signal.signal(number, signal.SIG_IGN if ignored else signal.SIG_DFL),
    )
    return done.returncode, done.stdout, done.stderr


def ended_by(number: signal.Signals) -> tuple[int, str, str]:
    return 128 + number, "", "demo: interrupted\n" if number == signal.SIGINT else ""


DROPPED = {
    "__del__": "        Dying()",
    "callback of a weak reference": "        dead = Dead(); there = weakref.ref(dead, lambda _: send()); del dead",
    "except BaseException": "        try: send()\n        except BaseException: pass",
    "twice": "        Dying(); Dying()",
    "again and again": "        [Dying() for _ in range(1000)]",
}


@pytest.mark.slow
@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: number.name)
@pytest.mark.parametrize("dropped", DROPPED.values(), ids=DROPPED.keys())
def test_an_exception_that_is_dropped(dropped: str, number: signal.Signals, tmp_path: Path) -> None:
    assert run(dropped + WAIT, number, tmp_path) == ended_by(number)
    assert everything_under(tmp_path) == {}


def test_one_that_is_dropped_at_the_end(tmp_path: Path) -> None:
    assert run("    Dying()", signal.SIGTERM, tmp_path) == ended_by(signal.SIGTERM)


def test_one_that_comes_out_as_another(tmp_path: Path) -> None:
    body = "        try: send()\n        except BaseException as error: raise OSError(5, 'broken') from error"
    assert run(body, signal.SIGHUP, tmp_path) == ended_by(signal.SIGHUP)
    assert everything_under(tmp_path) == {}


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: number.name)
def test_more_signals_do_not_disturb_the_cleaning_up(number: signal.Signals, tmp_path: Path) -> None:
    more = "".join(f"signal.raise_signal({int(other)}); " for other in NUMBERS)
    body = (
        "        unlink = pathlib.Path.unlink\n"
        f"        def disturbed(*words, **options): {more}time.sleep(0.2); unlink(*words, **options)\n"
        "        pathlib.Path.unlink = disturbed\n"
        "        send()"
    )
    assert run(body, number, tmp_path) == ended_by(number)
    assert everything_under(tmp_path) == {}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_one_that_is_ignored_stays_ignored(number: signal.Signals, tmp_path: Path) -> None:
    """As ``nohup`` wants it."""
    assert run("        send()", number, tmp_path, ignored=True) == (0, "", "")
    assert everything_under(tmp_path) == {"new": b"half"}


def test_other_things_that_python_drops_are_told(tmp_path: Path) -> None:
    code, _, err = run("    Dying.__del__ = lambda self: 1 / 0; Dying()", signal.SIGTERM, tmp_path)
    assert code == 0
    assert "ZeroDivisionError" in err


def test_everything_is_as_before(tmp_path: Path) -> None:
    numbers = (*NUMBERS, signal.SIGALRM)
    before, hook = [signal.getsignal(number) for number in numbers], sys.unraisablehook
    with exit_on_signals(), whole_file(tmp_path / "new"):
        pass
    assert ([signal.getsignal(number) for number in numbers], sys.unraisablehook) == (before, hook)


def test_other_threads_write_as_well(tmp_path: Path) -> None:
    def write() -> None:
        with whole_file(tmp_path / "new") as stream:
            stream.write(b"whole")

    thread = threading.Thread(target=write)
    thread.start()
    thread.join()
    assert everything_under(tmp_path) == {"new": b"whole"}
