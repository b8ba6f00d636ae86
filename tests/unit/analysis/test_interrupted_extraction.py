"""An extraction that is interrupted or ended leaves no file behind, and says no more than that."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.commands import ROOT

# Sends itself the signal KILL at the call number CALL of the function PLACE.
KILLED = """
import os, sys
import fairseq_plugin.analysis.formats.columns, fairseq_plugin.commands.extract_attention
owner = {
    "Columns": fairseq_plugin.analysis.formats.columns.Columns,
    "script": fairseq_plugin.commands.extract_attention,
}[os.environ["OWNER"]]
name = os.environ["NAME"]
original, calls = getattr(owner, name), 0
def kill(*arguments, **options):
    global calls
    calls += 1
    if calls == int(os.environ["CALL"]):
        os.kill(os.getpid(), int(os.environ["KILL"]))
    return original(*arguments, **options)
setattr(owner, name, kill)
sys.exit(fairseq_plugin.commands.extract_attention.main(sys.argv[1:]))
"""
PLACES = {
    "loading": ("script", "load", 1),
    "decoding": ("Columns", "add", 20),
    "writing": ("Columns", "_entries", 110),
}


def killed_at(
    place: str, number: signal.Signals, data: Path, path: Path, output: Path
) -> "subprocess.CompletedProcess[str]":
    """Run the command line, which sends itself a signal."""
    owner, name, call = PLACES[place]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore", "OMP_NUM_THREADS": "1"}
    environment |= {"OWNER": owner, "NAME": name, "CALL": str(call), "KILL": str(int(number))}
    words = [sys.executable, "-c", KILLED, data, "--path", path, "--output", output, "--greedy", "--num-workers", "0"]
    return subprocess.run(
        [str(word) for word in words],
        capture_output=True,
        text=True,
        env=environment,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background jobs ignore it
    )


@pytest.mark.slow
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    "number",
    [pytest.param(signal.SIGINT, id="SIGINT"), pytest.param(signal.SIGTERM, marks=pytest.mark.slow, id="SIGTERM")],
)
def test_what_stood_there_remains(
    place: str, number: signal.Signals, copy_data: Path, trained: Path, tmp_path: Path
) -> None:
    output = tmp_path / "attention.npz"
    output.write_bytes(b"old")
    done = killed_at(place, number, copy_data, trained, output)
    if number == signal.SIGINT:
        assert (done.returncode, done.stderr) == (130, "extract_attention.py: interrupted\n")
    else:
        assert (done.returncode, done.stderr) == (143, "")
    assert done.stdout == ""
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"attention.npz": b"old"}
