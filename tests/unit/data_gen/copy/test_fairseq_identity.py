"""What we write is what fairseq-preprocess writes, and what fairseq reads."""

import warnings
from pathlib import Path

import numpy as np
import pytest

from data_gen.copy.dataset import make_copy_dataset
from data_gen.copy.manifest import read_copy_manifest
from data_gen.copy.spec import CopySpec
from tests.support.commands import Commands


@pytest.fixture(scope="session")
def family(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Targets that are longer than their sources and hold unknown tokens of their own, and test sets by length."""
    folder = tmp_path_factory.mktemp("data") / "family"
    spec = CopySpec(
        num_symbols=60, symbols="zipf:2", train=60, lengths="zipf", transform="repeat:2", test_lengths=(2, 40)
    )
    make_copy_dataset(spec, folder, text=True)
    return folder


@pytest.fixture(scope="session")
def shifted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sources and targets of different symbols."""
    folder = tmp_path_factory.mktemp("data") / "shifted"
    spec = CopySpec(num_symbols=60, symbols="zipf:2", train=60, transform="shift:5", no_overlap=True, test_lengths=(9,))
    make_copy_dataset(spec, folder, text=True)
    return folder


@pytest.fixture(
    scope="session", params=["reference", "sparse", "family", pytest.param("shifted", marks=pytest.mark.slow)]
)
def dataset(request: pytest.FixtureRequest) -> Path:
    folder: Path = request.getfixturevalue(request.param)
    return folder


@pytest.mark.slow
def test_every_file_equals_that_of_fairseq_preprocess(commands: Commands, dataset: Path, tmp_path: Path) -> None:
    command = ["fairseq-preprocess", "--source-lang=src", "--target-lang=tgt"]
    splits = list(read_copy_manifest(dataset).splits)
    command += [f"--{split}pref={dataset / split}" for split in splits[:2]]
    command += [f"--testpref={','.join(str(dataset / split) for split in splits[2:])}"]
    command += [f"--destdir={tmp_path}", "--joined-dictionary"]
    commands.succeed(*command)
    theirs = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.name != "preprocess.log"}
    text = {f"{split}.{language}" for split in splits for language in ("src", "tgt")}
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
        for split in manifest.splits:
            items = data_utils.load_indexed_dataset(str(dataset / f"{split}.src-tgt.{language}"), dictionary)
            lines = (dataset / f"{split}.{language}").read_text().splitlines()
            assert len(items) == len(lines) == manifest.splits[split].sequences
            for item, line in zip(items, lines, strict=True):
                known = [token if token in dictionary else "<unk>" for token in line.split()]
                assert [dictionary[token] for token in item.tolist()] == [*known, "</s>"]


def test_counts_in_the_manifest_are_those_of_the_text(dataset: Path) -> None:
    manifest = read_copy_manifest(dataset)
    train = (dataset / "train.src").read_text().splitlines()
    known = {token for side in ("src", "tgt") for token in (dataset / f"train.{side}").read_text().split()}
    for split in manifest.splits:
        lines = (dataset / f"{split}.src").read_text().splitlines()
        lengths = np.array([len(line.split()) for line in lines])
        targets = (dataset / f"{split}.tgt").read_text().splitlines()
        summary = manifest.splits[split]
        assert summary.tokens == lengths.sum()
        assert (summary.min_length, summary.max_length) == (lengths.min(), lengths.max())
        assert summary.unknown_tokens == sum(token not in known for line in lines for token in line.split())
        assert summary.target_tokens == sum(len(line.split()) for line in targets)
        assert summary.unknown_target_tokens == sum(token not in known for line in targets for token in line.split())
        expected = None if split == "train" else sum(line in set(train) for line in lines)
        assert summary.also_in_train == expected
