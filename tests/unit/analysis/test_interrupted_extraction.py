"""An extraction that is interrupted or ended leaves no file behind, and says no more than that."""

import signal
from pathlib import Path

import pytest

from tests.support.commands import Commands

# Sends itself a signal at a call of a function. The first words are OWNER FUNCTION CALL SIGNAL.
KILLED = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
import fairseq_plugin.analysis.formats.columns, fairseq_plugin.commands.extract_attention
owner = {
    "Columns": fairseq_plugin.analysis.formats.columns.Columns,
    "script": fairseq_plugin.commands.extract_attention,
}[sys.argv[1]]
name = sys.argv[2]
original, calls = getattr(owner, name), 0
def kill(*arguments, **options):
    global calls
    calls += 1
    if calls == int(sys.argv[3]):
        os.kill(os.getpid(), int(sys.argv[4]))
    return original(*arguments, **options)
setattr(owner, name, kill)
sys.exit(fairseq_plugin.commands.extract_attention.main(sys.argv[5:]))
"""
PLACES = {
    "loading": ("script", "load", 1),
    "decoding": ("Columns", "add", 20),
    "writing": ("Columns", "_entries", 110),
}


@pytest.mark.slow
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    "number",
    [pytest.param(signal.SIGINT, id="SIGINT"), pytest.param(signal.SIGTERM, marks=pytest.mark.slow, id="SIGTERM")],
)
def test_what_stood_there_remains(
    place: str, number: signal.Signals, commands: Commands, copy_data: Path, trained: Path, tmp_path: Path
) -> None:
    output = tmp_path / "attention.npz"
    output.write_bytes(b"old")
    words = [copy_data, "--path", trained, "--output", output, "--greedy", "--num-workers", 0]
    done = commands("python", "-c", KILLED, *PLACES[place], int(number), *words)
    said = "extract_attention.py: interrupted\n" if number == signal.SIGINT else ""
    assert done == (128 + number, "", said)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"attention.npz": b"old"}
