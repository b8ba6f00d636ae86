"""Datasets that several test files look at, and a way to run the command line."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from data_gen.__main__ import main
from data_gen.copy.dataset import make_copy_dataset
from data_gen.copy.spec import CopySpec


class Outcome(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Runs the command line in this process."""

    def call(*arguments: object) -> Outcome:
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return call


@pytest.fixture(scope="session")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reference set-up, with its text."""
    folder = tmp_path_factory.mktemp("data") / "reference"
    make_copy_dataset(CopySpec(), folder, text=True)
    return folder


@pytest.fixture(scope="session")
def sparse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Far more symbols than train can hold: unknown tokens, equal counts, long names, ids of four bytes."""
    folder = tmp_path_factory.mktemp("data") / "sparse"
    spec = CopySpec(num_symbols=100_000, min_len=30, max_len=50, train=4_000, valid=7, test=1, seed=5)
    make_copy_dataset(spec, folder, text=True)
    return folder


def everything_under(folder: Path) -> dict[str, bytes | None]:
    """All that lies in a folder, hidden or not: file contents by path, None for a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }
