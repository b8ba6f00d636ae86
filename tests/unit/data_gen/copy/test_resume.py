"""Runs that are killed: what they leave is never taken for data, and the next run ends with the same bytes."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import data_gen
from data_gen.copy.dataset import make_copy_dataset, make_copy_shards
from data_gen.copy.spec import CopySpec
from tests.unit.data_gen.conftest import everything_under

SPEC = CopySpec(train=480, valid=20, test=20)
SHARDS = 4

# Kills itself with signal KILL at the call number CALL of the function PLACE. The blocks are small.
KILLED = """
import os, signal, sys
import data_gen.copy.binarize, data_gen.copy.dataset, data_gen.copy.sample, data_gen.files
import data_gen.indexed, pathlib
from data_gen.__main__ import main
owner, _, name = os.environ["PLACE"].rpartition(".")
owner = {"Path": pathlib.Path, "IndexedWriter": data_gen.indexed.IndexedWriter}.get(owner) or sys.modules[owner]
original, calls = getattr(owner, name), 0
def kill(*arguments, **options):
    global calls
    calls += 1
    if calls == int(os.environ["CALL"]):
        os.kill(os.getpid(), int(os.environ["KILL"]))
    return original(*arguments, **options)
setattr(owner, name, kill)
data_gen.copy.sample.BLOCK_SEQUENCES = 40
sys.exit(main(sys.argv[1:]))
"""
OPTIONS = ("--train", SPEC.train, "--valid", SPEC.valid, "--test", SPEC.test)


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("data_gen.copy.sample.BLOCK_SEQUENCES", 40)


def killed_at(place: str, call: int, number: signal.Signals, *words: object) -> "subprocess.CompletedProcess[str]":
    """Run the command line, which kills itself."""
    environment = os.environ | {"PYTHONPATH": str(Path(data_gen.__file__).parents[1])}
    environment |= {"PLACE": place, "CALL": str(call), "KILL": str(int(number))}
    command = [sys.executable, "-c", KILLED, "copy", *map(str, (*words, *OPTIONS))]
    return subprocess.run(command, capture_output=True, text=True, env=environment)


def half_made(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.name.startswith(".")]


KILLS = [
    ("data_gen.files.require_free", 1),  # nothing has been made yet
    ("data_gen.copy.dataset.write_part", 2),
    ("data_gen.copy.binarize.encode", 2),
    ("data_gen.copy.binarize.encode", 8),
    ("IndexedWriter.finish", 5),
    ("data_gen.copy.binarize.write_copy_manifest", 1),
    ("data_gen.copy.binarize.write_copy_manifest", 3),
    ("Path.rename", 1),
    ("Path.rename", 4),
    ("data_gen.files.remove_leftovers", 2),
]


@pytest.mark.parametrize(("place", "call"), KILLS)
def test_killed_and_started_again_it_ends_with_the_same_bytes(tmp_path: Path, place: str, call: int) -> None:
    make_copy_shards(SPEC, tmp_path / "whole", SHARDS)
    whole = everything_under(tmp_path / "whole")
    done = killed_at(place, call, signal.SIGKILL, tmp_path / "x", "--shards", SHARDS)
    assert done.returncode == -signal.SIGKILL, done.stderr
    found = everything_under(tmp_path / "x")
    kept = {name for name, content in found.items() if content is None and not name.startswith(".")}
    assert {name: found[name] for name in found if name.split("/")[0] in kept} == {
        name: whole[name] for name in whole if name.split("/")[0] in kept
    }
    assert make_copy_shards(SPEC, tmp_path / "x", SHARDS).kept == len(kept)
    assert everything_under(tmp_path / "x") == whole


@pytest.mark.parametrize("seed", range(4))
def test_killed_at_any_time(tmp_path: Path, seed: int) -> None:
    make_copy_shards(SPEC, tmp_path / "whole", SHARDS)
    environment = os.environ | {"PYTHONPATH": str(Path(data_gen.__file__).parents[1])}
    environment |= {"PLACE": "Path.rename", "CALL": "0", "KILL": "9"}
    words = ("copy", tmp_path / "x", "--shards", SHARDS, *OPTIONS)
    process = subprocess.Popen([sys.executable, "-c", KILLED, *map(str, words)], env=environment, stdout=-3)
    delay = random.Random(seed).uniform(0, 0.02)
    while process.poll() is None and not (tmp_path / "x").exists():  # skip the time until it begins to write
        time.sleep(0.0005)
    time.sleep(delay)
    process.kill()
    process.wait()
    make_copy_shards(SPEC, tmp_path / "x", SHARDS)
    assert everything_under(tmp_path / "x") == everything_under(tmp_path / "whole")


def test_a_killed_run_of_another_shard_is_not_its_business(tmp_path: Path) -> None:
    killed_at("IndexedWriter.finish", 1, signal.SIGKILL, tmp_path / "x", "--shards", SHARDS, "--shard-id", 1)
    (left,) = half_made(tmp_path / "x")
    make_copy_shards(SPEC, tmp_path / "x", SHARDS, only=2)
    assert half_made(tmp_path / "x") == [left]
    make_copy_shards(SPEC, tmp_path / "x", SHARDS, only=1)
    assert half_made(tmp_path / "x") == []


@pytest.mark.parametrize("place", ["data_gen.copy.binarize.encode", "IndexedWriter.finish", "Path.rename"])
@pytest.mark.parametrize("options", [(), ("--shards", SHARDS, "--shard-id", 1)], ids=["whole", "shard"])
def test_sigterm_leaves_nothing_behind(tmp_path: Path, place: str, options: tuple[object, ...]) -> None:
    done = killed_at(place, 1, signal.SIGTERM, tmp_path / "parent" / "x", *options)
    assert (done.returncode, done.stdout, done.stderr) == (128 + signal.SIGTERM, "", "")
    assert everything_under(tmp_path) == {}


def test_sigterm_keeps_whole_shards(tmp_path: Path) -> None:
    done = killed_at(
        "data_gen.copy.binarize.write_copy_manifest", 3, signal.SIGTERM, tmp_path / "x", "--shards", SHARDS
    )
    assert done.returncode == 128 + signal.SIGTERM
    assert sorted(path.name for path in (tmp_path / "x").iterdir()) == ["shard0", "shard1"]


def test_a_killed_undivided_run_is_made_anew(tmp_path: Path) -> None:
    killed_at("Path.rename", 1, signal.SIGKILL, tmp_path / "x")
    assert not (tmp_path / "x").exists()
    assert len(half_made(tmp_path)) == 1
    make_copy_dataset(SPEC, tmp_path / "x")
    make_copy_dataset(SPEC, tmp_path / "y")
    assert everything_under(tmp_path / "x") == everything_under(tmp_path / "y")
    assert half_made(tmp_path) == []


def test_a_dataset_is_safe_when_its_replacement_is_killed(tmp_path: Path) -> None:
    """At the worst moment, neither is in place: the old one stays until a new one is."""
    make_copy_dataset(SPEC, tmp_path / "x")
    old = (tmp_path / "x" / "train.src-tgt.src.bin").read_bytes()
    killed_at("Path.rename", 2, signal.SIGKILL, tmp_path / "x", "--overwrite", "--seed", 2)
    assert len(half_made(tmp_path)) == 2
    killed_at("data_gen.copy.binarize.write_copy_manifest", 1, signal.SIGKILL, tmp_path / "x")
    assert old in [(folder / "train.src-tgt.src.bin").read_bytes() for folder in half_made(tmp_path)]
    make_copy_dataset(SPEC, tmp_path / "x")
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_a_real_full_disk_keeps_whole_shards(tmp_path: Path) -> None:
    """A file-size limit makes the operating system itself refuse a write, once one shard is there."""
    make_copy_shards(SPEC, tmp_path / "x", SHARDS, only=0)
    before = everything_under(tmp_path / "x")
    command = (
        "import resource, signal, sys; import data_gen.copy.sample; from data_gen.__main__ import main; "
        "data_gen.copy.sample.BLOCK_SEQUENCES = 40; "
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)); "
        "sys.exit(main(sys.argv[1:]))"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(data_gen.__file__).parents[1])}
    words = [sys.executable, "-c", command, "copy", "x", "--shards", str(SHARDS), *map(str, OPTIONS)]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "data_gen: error: cannot write the dataset 'x/shard1': File too large\n"
    assert everything_under(tmp_path / "x") == before
