"""Memory that does not grow with the dataset, and bytes that do not depend on threads or on what is remembered."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import data_gen
from data_gen.copy import binarize
from data_gen.copy.binarize import BlockSource
from data_gen.copy.dataset import make_copy_dataset
from data_gen.copy.spec import CopySpec
from tests.unit.data_gen.conftest import everything_under

PEAK = """
import resource, sys
import data_gen.copy.binarize, data_gen.copy.sample, data_gen.indexed
from data_gen.__main__ import main
data_gen.copy.sample.BLOCK_SEQUENCES = data_gen.indexed._AT_A_TIME = 4096
data_gen.copy.binarize.KEPT_BYTES = 100_000
assert main(["copy", *sys.argv[1:]]) == 0
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def peak_kilobytes(*words: object) -> int:
    """The most memory that a run of the command line takes, with small blocks."""
    environment = os.environ | {"PYTHONPATH": str(Path(data_gen.__file__).parents[1]), "MALLOC_ARENA_MAX": "2"}
    command = [sys.executable, "-c", PEAK, *map(str, words)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return int(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("options", [(), ("--transform", "reverse", "--text", "--shards", 3)], ids=["plain", "shards"])
def test_memory_stays_flat(tmp_path: Path, options: tuple[object, ...]) -> None:
    small = peak_kilobytes(tmp_path / "small", "--train", 50_000, *options)
    large = peak_kilobytes(tmp_path / "large", "--train", 400_000, *options)
    # The larger dataset has 350,000 sequences more, of 6 tokens in 2 bytes, on two sides, with 12 bytes of index each.
    assert sum(path.stat().st_size for path in (tmp_path / "large").rglob("*.*")) > 14_000_000
    assert large - small < 3_000


@pytest.mark.parametrize("transform", ["copy", "repeat:2"])
def test_neither_threads_nor_memory_change_a_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, transform: str
) -> None:
    monkeypatch.setattr("data_gen.copy.sample.BLOCK_SEQUENCES", 10)
    spec = CopySpec(num_symbols=300, train=305, valid=25, test=5, no_overlap=True, transform=transform)
    for name, cores, kept in (("a", 1, 0), ("b", 1, 10**9), ("c", 3, 0), ("d", 3, 1_000), ("e", 3, 10**9)):
        monkeypatch.setattr(binarize, "available_cores", lambda cores=cores: cores)
        monkeypatch.setattr(binarize, "KEPT_BYTES", kept)
        make_copy_dataset(spec, tmp_path / name, text=True)
    whole = everything_under(tmp_path / "a")
    assert all(everything_under(tmp_path / name) == whole for name in "bcde")


def test_no_more_is_remembered_than_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binarize, "KEPT_BYTES", 1_000)
    monkeypatch.setattr("data_gen.copy.sample.BLOCK_SEQUENCES", 40)
    spec = CopySpec(num_symbols=300, min_len=4, max_len=4, train=200)  # a sequence takes 4 * 2 + 1 bytes
    remembering = BlockSource(spec)
    source, _ = remembering.make(spec.splits[0], 0)
    for index in range(5):  # 360 bytes each
        remembering.keep(index, source)
    assert sorted(remembering._kept) == [0, 1]
    assert remembering.make(spec.splits[0], 0)[0].symbols.tolist() == source.symbols.tolist()


@pytest.mark.parametrize(("max_len", "threads"), [(7, 5), (40, 1), (100_000, 1)])
def test_long_sequences_are_worked_on_by_fewer_threads(
    monkeypatch: pytest.MonkeyPatch, max_len: int, threads: int
) -> None:
    monkeypatch.setattr(binarize, "available_cores", lambda: 64)
    spec = CopySpec(max_len=max_len)
    assert BlockSource(spec).threads(spec.splits[0], 1000) == threads
    assert BlockSource(spec).threads(spec.splits[0], 1) == 1
