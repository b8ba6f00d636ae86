"""extract_attention.py --format and --merge, through the command line."""

from pathlib import Path

import numpy as np

from fairseq_plugin.analysis.formats import read_records
from fairseq_plugin.analysis.formats.text import hard_pairs
from fairseq_plugin.analysis.measures import read_gold
from tests.support.commands import Commands, extract_words


def test_endings_choose_the_formats(commands: Commands, copy_data: Path, trained: Path, tmp_path: Path) -> None:
    names = ("npz", "safetensors", "bertviz", "nematus", "fairseq", "marian", "pharaoh")
    paths = [tmp_path / f"attention.{name}" for name in names]
    commands.succeed(*extract_words(copy_data, trained, *paths))
    records = read_records(paths[0])
    assert len(records) == 30
    for path in paths[1:-1]:
        for mine, theirs in zip(records, read_records(path), strict=True):
            assert (mine.id, mine.target) == (theirs.id, theirs.target)
            np.testing.assert_array_equal(mine.weights, theirs.weights)
    assert [gold.sure for gold in read_gold(paths[-1])] == [frozenset(hard_pairs(record)) for record in records]


def test_a_format_for_any_ending(commands: Commands, copy_data: Path, trained: Path, tmp_path: Path) -> None:
    path = tmp_path / "attention.txt"
    commands.succeed(*extract_words(copy_data, trained, path, "--format", "jsonl", "--greedy"))
    assert len(read_records(path, "jsonl")) == 30


def test_an_ending_of_another_format_is_warned_of(
    commands: Commands, copy_data: Path, trained: Path, tmp_path: Path
) -> None:
    path = tmp_path / "attention.pharaoh"
    outcome = commands.succeed(*extract_words(copy_data, trained, path, "--format", "npz", "--greedy"))
    assert [line for line in outcome.err.splitlines() if line.startswith("extract_attention.py: ")] == [
        f"extract_attention.py: warning: '{path}' will hold npz, not pharaoh: the other scripts could not read it"
    ]
    assert len(read_records(path, "npz")) == 30
