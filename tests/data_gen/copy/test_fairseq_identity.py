"""What we write is what fairseq-preprocess writes, and what fairseq reads."""

import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from data_gen.copy.manifest import read_copy_manifest
from data_gen.copy.spec import SPLITS


@pytest.fixture(scope="session", params=["reference", "sparse"])
def dataset(request: pytest.FixtureRequest) -> Path:
    folder: Path = request.getfixturevalue(request.param)
    return folder


def test_every_file_equals_that_of_fairseq_preprocess(dataset: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "fairseq_cli.preprocess", "--source-lang=src", "--target-lang=tgt"]
    command += [f"--{split}pref={dataset / split}" for split in SPLITS]
    command += [f"--destdir={tmp_path}", "--joined-dictionary"]
    subprocess.run(command, check=True, capture_output=True)
    theirs = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.name != "preprocess.log"}
    text = {f"{split}.{language}" for split in SPLITS for language in ("src", "tgt")}
    ours = {path.name: path.read_bytes() for path in dataset.iterdir() if path.name not in text | {"manifest.json"}}
    assert sorted(ours) == sorted(theirs)
    assert [name for name in ours if ours[name] != theirs[name]] == []


def test_the_sparse_dataset_covers_what_it_is_for(sparse: Path) -> None:
    manifest = read_copy_manifest(sparse)
    assert manifest.dictionary_size > 65_500
    assert manifest.splits["valid"].unknown_tokens > 0
    assert manifest.splits["test"].unknown_tokens > 0
    counts = [int(line.split()[1]) for line in (sparse / "dict.src.txt").read_text().splitlines()]
    assert counts.count(2) > 1_000


def test_fairseq_loads_the_text_back(dataset: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # torch's own, about what fairseq does while it is imported
        from fairseq.data import Dictionary, data_utils

    manifest = read_copy_manifest(dataset)
    for language in ("src", "tgt"):
        dictionary = Dictionary.load(str(dataset / f"dict.{language}.txt"))
        assert len(dictionary) == manifest.dictionary_size
        for split in SPLITS:
            items = data_utils.load_indexed_dataset(str(dataset / f"{split}.src-tgt.{language}"), dictionary)
            lines = (dataset / f"{split}.{language}").read_text().splitlines()
            assert len(items) == len(lines) == manifest.splits[split].sequences
            for item, line in zip(items, lines, strict=True):
                known = [token if token in dictionary else "<unk>" for token in line.split()]
                assert [dictionary[token] for token in item.tolist()] == [*known, "</s>"]


def test_counts_in_the_manifest_are_those_of_the_text(dataset: Path) -> None:
    manifest = read_copy_manifest(dataset)
    train = (dataset / "train.src").read_text().splitlines()
    known = set(" ".join(train).split())
    for split in SPLITS:
        lines = (dataset / f"{split}.src").read_text().splitlines()
        lengths = np.array([len(line.split()) for line in lines])
        summary = manifest.splits[split]
        assert summary.tokens == lengths.sum()
        assert (summary.min_length, summary.max_length) == (lengths.min(), lengths.max())
        assert summary.unknown_tokens == sum(token not in known for line in lines for token in line.split())
        expected = None if split == "train" else sum(line in set(train) for line in lines)
        assert summary.also_in_train == expected
