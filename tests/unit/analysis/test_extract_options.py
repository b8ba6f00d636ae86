"""extract_attention.py --format and --merge, through the command line."""

from pathlib import Path

import numpy as np
import pytest

from fairseq_plugin.analysis.formats import read_records
from fairseq_plugin.analysis.formats.text import hard_pairs
from fairseq_plugin.analysis.measures import read_gold
from tests.support.commands import Commands, error_line, extract_words


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


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (
            ("--format", "hdf5"),
            "no format 'hdf5': choose one of npz, safetensors, jsonl, bertviz, nematus, fairseq, marian, pharaoh",
        ),
        (
            ("--merge", "wordpiece"),
            "no way to merge subwords called 'wordpiece': choose one of none, sentencepiece, sentencepiece-suffix, bpe",
        ),
        (
            ("--merge", "sentencepiece"),
            "--merge sentencepiece: a piece has '\u2581' in 0 of 30 source sentences, the data is not in such pieces:"
            " leave --merge out",
        ),
        (
            ("--merge", "bpe"),
            "--merge bpe: a piece ends in '@@' in 0 of 60 source and target sentences, the data is not in such pieces:"
            " leave --merge out",
        ),
        (
            ("--format", "marian", "--nbest", "2"),
            "--nbest 2: '{output}' has one line a sentence: write .jsonl, or --nbest 1",
        ),
        (
            ("--format", "pharaoh", "--max-source-positions", "4", "--skip-invalid-size-inputs-valid-test"),
            "9 sentences are skipped as too long, but '{output}' has one line a sentence: write .jsonl, or raise the"
            " limits",
        ),
        (("--forced", "--beam", "3"), "--beam 3 with --forced: a reference is not searched for; leave it out"),
        (
            ("--forced", "--lenpen", "3"),
            "--lenpen has no effect on references, which are read and not searched for: leave it out",
        ),
    ],
    ids=["format", "merge", "no pieces", "no bpe", "n-best", "skipped", "beam", "search"],
)
def test_wrong_use(
    commands: Commands, copy_data: Path, trained: Path, tmp_path: Path, options: tuple[str, ...], line: str
) -> None:
    output = tmp_path / "attention.npz"
    outcome = commands(*extract_words(copy_data, trained, output, *options))
    assert (outcome.code, outcome.out) == (2, "")
    assert error_line(outcome) == f"extract_attention.py: error: {line.format(output=output)}"
    assert list(tmp_path.iterdir()) == []
