"""Shards: each the same however it is made, together the whole, and readable by fairseq as one dataset."""

import argparse
import errno
import json
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_gen.copy import binarize
from data_gen.copy.command import make_shards
from data_gen.copy.dataset import PASSES, make_copy_dataset, make_copy_shards
from data_gen.copy.draws import Block
from data_gen.copy.manifest import read_copy_manifest
from data_gen.copy.sample import Shard
from data_gen.copy.spec import CopySpec, Split
from data_gen.errors import UserError
from tests.support.commands import Commands, train_words
from tests.support.errors import message_of
from tests.unit.data_gen.conftest import everything_under

SPEC = CopySpec(num_symbols=6, min_len=1, max_len=4, train=95, valid=9, test=8, seed=3, test_lengths=(5,))
SPECS = {
    "copy": SPEC,
    "repeat": CopySpec(num_symbols=300, min_len=2, max_len=4, train=95, valid=9, test=8, transform="repeat:3"),
    "no-overlap": CopySpec(num_symbols=4, min_len=3, max_len=5, train=95, valid=9, test=8, no_overlap=True),
}


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten blocks of train, the last one of five sequences."""
    monkeypatch.setattr("data_gen.copy.sample.BLOCK_SEQUENCES", 10)


@given(st.integers(1, 40), st.integers(1, 4000))
def test_shards_are_whole_blocks_in_order_and_nearly_even(of: int, train: int) -> None:
    spec = CopySpec(train=train)
    blocks = -(-train // 10)
    ranges = [Shard(number=number, of=of).blocks(spec, spec.splits[0]) for number in range(of)]
    assert [block for each in ranges for block in each] == list(range(blocks))
    assert max(map(len, ranges)) - min(map(len, ranges)) <= 1


def test_there_is_no_such_shard() -> None:
    with pytest.raises(ValueError, match="there is no shard 2 of 2"):
        Shard(number=2, of=2)


@pytest.mark.parametrize("name", SPECS)
def test_one_alone_equals_the_same_of_all(tmp_path: Path, name: str) -> None:
    make_copy_shards(SPECS[name], tmp_path / "all", 4, text=True)
    for number in (2, 0, 3, 1):
        make_copy_shards(SPECS[name], tmp_path / "each", 4, only=number, text=True)
    assert everything_under(tmp_path / "each") == everything_under(tmp_path / "all")
    assert len(everything_under(tmp_path / "all")) > 4 * 8


@pytest.mark.parametrize("name", SPECS)
def test_together_they_are_the_whole(tmp_path: Path, name: str) -> None:
    whole = make_copy_dataset(SPECS[name], tmp_path / "whole", text=True)
    manifests = make_copy_shards(SPECS[name], tmp_path / "shards", 4, text=True).manifests
    shards = [tmp_path / "shards" / f"shard{number}" for number in range(4)]
    for suffix in ("train.src-tgt.src.bin", "train.src-tgt.tgt.bin", "train.src", "train.tgt"):
        assert b"".join((shard / suffix).read_bytes() for shard in shards) == (tmp_path / "whole" / suffix).read_bytes()
    for language in ("src", "tgt"):
        dictionaries = {(folder / f"dict.{language}.txt").read_bytes() for folder in (tmp_path / "whole", *shards)}
        assert len(dictionaries) == 1
    held_out = [file for file in whole.files if file.startswith(("valid", "test"))]
    assert all(manifests[0].files[file] == whole.files[file] for file in held_out)
    assert list(manifests[0].splits) == list(whole.splits)
    assert all(list(manifest.splits) == ["train"] for manifest in manifests[1:])
    assert manifests[0].splits["valid"] == whole.splits["valid"]
    assert [manifest.splits["train"].sequences for manifest in manifests] == [20, 30, 20, 25]
    tokens = sum(manifest.splits["train"].tokens for manifest in manifests)
    assert tokens == whole.splits["train"].tokens


def test_manifests_say_which_shard_they_belong_to(tmp_path: Path) -> None:
    made = make_copy_shards(SPEC, tmp_path, 3)
    for number in range(3):
        manifest = read_copy_manifest(tmp_path / f"shard{number}")
        assert manifest == made.manifests[number]
        assert (manifest.shard, manifest.spec) == (Shard(number=number, of=3), SPEC)


@pytest.mark.parametrize(
    ("shard", "problem"),
    [
        ({"number": 3, "of": 3}, "there is no shard 3 of 3"),
        ({"number": 0.5, "of": 3}, "shard.number must be a whole number, but is 0.5"),
        ({"number": 0, "of": 3}, "splits must have exactly the keys test, test1, train, valid"),
    ],
)
def test_a_manifest_of_no_shard(tmp_path: Path, shard: dict[str, float], problem: str) -> None:
    make_copy_shards(SPEC, tmp_path, 3)
    path = tmp_path / "shard1" / "manifest.json"
    document = json.loads(path.read_text())
    document["details"]["shard"] = shard
    path.write_text(json.dumps(document))
    assert message_of(read_copy_manifest, tmp_path / "shard1").startswith(
        f"'{path}' is not a valid manifest ({problem}): "
    )


def test_one_shard_is_the_undivided_dataset(tmp_path: Path) -> None:
    make_copy_shards(SPEC, tmp_path / "shards", 1)
    make_copy_dataset(SPEC, tmp_path / "whole")
    assert everything_under(tmp_path / "shards" / "shard0") == everything_under(tmp_path / "whole")


@pytest.mark.parametrize("only", [None, 0, 2])
def test_progress_adds_up(tmp_path: Path, only: int | None) -> None:
    steps: list[int] = []
    make_copy_shards(SPEC, tmp_path, 4, only=1)
    make_copy_shards(SPEC, tmp_path, 4, only=only, progress=steps.append)
    assert sum(steps) == PASSES * SPEC.all_sequences


def test_what_is_there_is_kept_and_never_made_again(tmp_path: Path) -> None:
    make_copy_shards(SPEC, tmp_path, 4, only=2)
    before = (tmp_path / "shard2" / "manifest.json").stat()
    assert make_copy_shards(SPEC, tmp_path, 4, overwrite=True).kept == 1
    after = (tmp_path / "shard2" / "manifest.json").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize(
    ("number", "only", "message"),
    [
        (
            0,
            None,
            "--shards must be from 1 to 10, but is 0: a shard holds whole blocks of 10 sequences, and train has 10",
        ),
        (
            11,
            0,
            "--shards must be from 1 to 10, but is 11: a shard holds whole blocks of 10 sequences, and train has 10",
        ),
        (4, 4, "--shard-id must be from 0 to 3, but is 4"),
        (4, -1, "--shard-id must be from 0 to 3, but is -1"),
    ],
)
def test_there_are_no_such_shards(tmp_path: Path, number: int, only: int | None, message: str) -> None:
    assert message_of(make_copy_shards, SPEC, tmp_path / "x", number, only=only) == message
    assert everything_under(tmp_path) == {}


def test_a_number_without_how_many(tmp_path: Path) -> None:
    arguments = argparse.Namespace(destdir=str(tmp_path), shards=None, shard_id=3, overwrite=False, text=False)
    assert message_of(make_shards, SPEC, arguments, lambda sequences: None) == (
        "--shard-id 3 needs --shards, which says how many shards there are"
    )


@pytest.mark.parametrize(
    ("spec", "number", "text", "problem"),
    [
        (CopySpec(train=95, seed=2), 4, False, "was made with another --num-symbols (6, not 8)"),
        (SPEC, 5, False, "is shard 1 of 4, not 1 of 5"),
        (SPEC, 4, True, "was made without --text"),
    ],
)
def test_shards_made_otherwise_are_left_alone(
    tmp_path: Path, spec: CopySpec, number: int, text: bool, problem: str
) -> None:
    make_copy_shards(SPEC, tmp_path / "x", 4, only=1)
    before = everything_under(tmp_path)
    with pytest.raises(UserError) as caught:
        make_copy_shards(spec, tmp_path / "x", number, text=text)
    way_out = "choose another folder, or make every shard again with --overwrite"
    assert str(caught.value) == f"'{tmp_path / 'x' / 'shard1'}' {problem}: {way_out}"
    assert everything_under(tmp_path) == before
    make_copy_shards(spec, tmp_path / "x", number, text=text, overwrite=True)
    make_copy_shards(spec, tmp_path / "y", number, text=text)
    assert everything_under(tmp_path / "x") == everything_under(tmp_path / "y")


def test_a_shard_that_has_lost_a_file(tmp_path: Path) -> None:
    make_copy_shards(SPEC, tmp_path, 2)
    (tmp_path / "shard1" / "train.src-tgt.src.idx").unlink()
    with pytest.raises(UserError, match=r"shard1' lacks 'train.src-tgt.src.idx': choose another folder"):
        make_copy_shards(SPEC, tmp_path, 2)
    make_copy_shards(SPEC, tmp_path, 2, overwrite=True)
    assert (tmp_path / "shard1" / "train.src-tgt.src.idx").exists()


@pytest.mark.parametrize("name", ["train.src-tgt.src.bin", "train.src-tgt.tgt.idx"])
def test_a_shard_with_a_damaged_file(tmp_path: Path, name: str) -> None:
    make_copy_shards(SPEC, tmp_path, 2)
    whole = everything_under(tmp_path)
    path = tmp_path / "shard1" / name
    size = path.stat().st_size
    os.truncate(path, size - 2)
    assert message_of(make_copy_shards, SPEC, tmp_path, 2) == (
        f"'{tmp_path / 'shard1'}' is damaged ('{name}' has {size - 2} bytes, not {size}): "
        "choose another folder, or make every shard again with --overwrite"
    )
    make_copy_shards(SPEC, tmp_path, 2, overwrite=True)
    assert everything_under(tmp_path) == whole


def test_a_shard_of_another_dataset_beside_it(tmp_path: Path) -> None:
    make_copy_shards(SPEC, tmp_path, 2, only=0)
    before = everything_under(tmp_path)
    with pytest.raises(UserError, match=r"shard0' was made with another --seed \(.*make every shard again"):
        make_copy_shards(replace(SPEC, seed=77), tmp_path, 2, only=1)
    assert everything_under(tmp_path) == before


def test_a_shard_with_a_manifest_that_is_none(tmp_path: Path) -> None:
    make_copy_shards(SPEC, tmp_path, 2)
    (tmp_path / "shard1" / "manifest.json").write_text("{")
    for overwrite in (False, True):
        assert message_of(make_copy_shards, SPEC, tmp_path, 2, overwrite=overwrite) == (
            f"'{tmp_path / 'shard1'}' holds no valid manifest.json of a copy dataset: "
            "choose another folder, or delete this one yourself"
        )


def test_a_place_that_cannot_be_looked_into(tmp_path: Path) -> None:
    place = tmp_path / ("x" * 300)
    assert message_of(make_copy_shards, SPEC, place, 2) == f"cannot look into '{place}': File name too long"


def test_only_needed_blocks_are_remembered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The last shard's blocks are drawn once, however little room there is."""
    drawn: list[int] = []
    original = binarize.sample_block

    def counting(spec: CopySpec, split: Split, index: int, **options: Any) -> Block:
        if split.number == 0:
            drawn.append(index)
        return original(spec, split, index, **options)

    monkeypatch.setattr(binarize, "sample_block", counting)
    made = make_copy_shards(SPEC, tmp_path, 2, only=1)
    blocks = made.manifests[0].shard.blocks(SPEC, SPEC.splits[0])
    assert sorted(drawn) == list(range(blocks.stop))


def test_a_shard_folder_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "shard1").mkdir()
    (tmp_path / "shard1" / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match=r"shard1' is not empty, and no dataset: choose another folder"):
        make_copy_shards(SPEC, tmp_path, 2)
    assert everything_under(tmp_path) == {"shard1": None, "shard1/notes.txt": b"mine"}


def test_shards_left_from_a_larger_number(tmp_path: Path) -> None:
    make_copy_shards(SPEC, tmp_path, 5)
    with pytest.raises(UserError) as caught:
        make_copy_shards(SPEC, tmp_path, 4, overwrite=True)
    way_out = "choose another folder, or move that away first"
    assert str(caught.value) == f"'{tmp_path}' also holds 'shard4', which is not one of 4 shards: {way_out}"


def test_shards_inside_an_undivided_dataset(tmp_path: Path) -> None:
    make_copy_dataset(SPEC, tmp_path / "data")
    assert message_of(make_copy_shards, SPEC, tmp_path / "data", 4, overwrite=True) == (
        f"'{tmp_path / 'data'}' holds a dataset that is not in shards: choose another folder"
    )


def test_a_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, *arguments: object, **options: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system", str(self))

    monkeypatch.setattr(Path, "mkdir", refuse)
    assert message_of(make_copy_shards, SPEC, tmp_path / "x", 4, exit_code=1) == (
        f"cannot write the dataset '{tmp_path / 'x' / 'shard0'}': Read-only file system"
    )
    assert everything_under(tmp_path) == {}


def test_an_error_leaves_the_shards_before_it(tmp_path: Path) -> None:
    done = 0

    def fail_in_the_third(sequences: int) -> None:
        nonlocal done
        done += sequences
        if done > SPEC.all_sequences + 9 + 3 * 8 + 45:
            raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        make_copy_shards(SPEC, tmp_path / "x", 4, progress=fail_in_the_third)
    assert sorted(path.name for path in (tmp_path / "x").iterdir()) == ["shard0", "shard1"]


def test_fairseq_trains_on_all_of_them(tmp_path: Path, commands: Commands) -> None:
    """One shard an epoch, in turn; validation data from the first."""
    spec = CopySpec(num_symbols=4, min_len=2, max_len=4, train=95, valid=10, test=10)
    make_copy_shards(spec, tmp_path, 3)
    shards = [tmp_path / f"shard{number}" for number in range(3)]
    words = train_words(":".join(map(str, shards)), tmp_path / "model", "--max-epoch", 4)
    log = "".join(commands.succeed(*words)[1:])
    loaded = re.findall(r"loaded ([0-9]+) examples from: \S+/(shard[0-9])/(train|valid)\.src-tgt\.src\n", log)
    assert [each for each in loaded if each[2] == "valid"] == [("10", "shard0", "valid")]
    train = [each[:2] for each in loaded if each[2] == "train"]
    assert train[:4] == [("30", "shard0"), ("30", "shard1"), ("35", "shard2"), ("30", "shard0")]


def test_the_task_reads_every_sequence(tmp_path: Path) -> None:
    from fairseq_plugin.tasks.copy_task import CopyTask, CopyTaskConfig

    make_copy_dataset(SPEC, tmp_path / "whole", text=True)
    make_copy_shards(SPEC, tmp_path / "shards", 3)
    paths = ":".join(str(tmp_path / "shards" / f"shard{number}") for number in range(3))
    task = CopyTask.setup_task(CopyTaskConfig(data=paths, dataset_impl="mmap", train_subset="train"))
    read = []
    for epoch in (1, 2, 3):
        task.load_dataset("train", epoch=epoch)
        dataset = task.datasets["train"]
        sources = [dataset[index]["source"] for index in range(len(dataset))]
        read += [task.source_dictionary.string(np.asarray(source)) for source in sources]
    assert read == (tmp_path / "whole" / "train.src").read_text().splitlines()
    task.load_dataset("test1")
    assert [len(task.datasets["test1"][index]["source"]) for index in range(8)] == [6] * 8
