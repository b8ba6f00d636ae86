"""Data that the copy task makes while training: which sequences, in which batches, in how much memory."""

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fairseq.data import Dictionary

from data_gen.copy import sample
from data_gen.copy.dataset import epoch_bytes, make_copy_dataset, make_copy_shards, make_online_folder
from data_gen.copy.sample import sample_block
from data_gen.copy.spec import CopySpec
from fairseq_plugin.tasks.copy_task import CopyTask
from fairseq_plugin.tasks.datasets import CopyDataset, OnlineData, length_ratio
from tests.support.building import EOS
from tests.support.making import make_task

SPEC = CopySpec(num_symbols=6, min_len=2, max_len=5, train=100, valid=20, test=20, seed=3, test_lengths=(9,))
FIRST_SYMBOL = 4
pytestmark = pytest.mark.filterwarnings(
    "ignore:'pin_memory' argument is set as true:UserWarning"
)  # fairseq's data loader, on a CPU


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seven blocks in an epoch of train."""
    monkeypatch.setattr(sample, "BLOCK_SEQUENCES", 16)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_online_folder(SPEC, tmp_path / "data")
    return tmp_path / "data"


def online(data: object, **options: Any) -> CopyTask:
    return make_task(data, online=True, **options)


def sequences(spec: CopySpec, split: str = "train", epoch: int = 0, held_out: Any = None) -> list[list[int]]:
    """The sources that sample_block makes, as symbol numbers."""
    found = []
    for index in range(-(-spec.split(split).sequences // 16)):
        block = sample_block(spec, spec.split(split), index, epoch=epoch, held_out=held_out)
        found += [row.tolist() for row in np.split(block.symbols, np.cumsum(block.lengths)[:-1])]
    return found


def pairs(dataset: CopyDataset) -> list[tuple[list[int], list[int]]]:
    return [(dataset[n]["source"].tolist(), dataset[n]["target"].tolist()) for n in range(len(dataset))]


def ids(symbols: list[int]) -> list[int]:
    """A sequence as an online folder's dictionary has it: symbols in their own order."""
    return [FIRST_SYMBOL + symbol for symbol in symbols] + [EOS]


# Sequences.


@pytest.mark.parametrize("epoch", [1, 2, 7])
def test_an_epoch_is_what_its_blocks_are(folder: Path, epoch: int) -> None:
    task = online(folder)
    task.load_dataset("train", epoch=epoch)
    expected = sequences(SPEC, epoch=epoch)
    assert len(expected) == 100
    assert pairs(task.dataset("train")) == [(ids(row), ids(row)) for row in expected]
    assert task.dataset("train").src_sizes.tolist() == [len(row) + 1 for row in expected]


def test_targets_are_transformed(tmp_path: Path) -> None:
    spec = CopySpec(num_symbols=6, min_len=2, max_len=5, train=40, valid=20, test=20, transform="repeat:2")
    make_online_folder(spec, tmp_path / "data")
    task = online(tmp_path / "data")
    task.load_dataset("train", epoch=2)
    dataset = task.dataset("train")
    expected = sequences(spec, epoch=2)
    assert pairs(dataset) == [(ids(row), ids(row + row)) for row in expected]
    assert dataset.tgt_sizes.tolist() == [2 * len(row) + 1 for row in expected]
    assert length_ratio([dataset]) == 11 / 6


def test_epochs_differ_and_come_again(folder: Path) -> None:
    first, again = online(folder), online(folder)
    made = {}
    for epoch in (1, 2, 3):
        first.load_dataset("train", epoch=epoch)
        made[epoch] = pairs(first.dataset("train"))
    again.load_dataset("train", epoch=3)
    assert pairs(again.dataset("train")) == made[3]
    equal = [sum(mine == theirs for mine, theirs in zip(made[1], made[n], strict=True)) for n in (2, 3)]
    assert max(equal) < 20


def test_source_without_end_symbol(folder: Path) -> None:
    task = online(folder, no_source_eos=True)
    task.load_dataset("train", epoch=1)
    expected = sequences(SPEC, epoch=1)
    assert pairs(task.dataset("train")) == [(ids(row)[:-1], ids(row)) for row in expected]
    assert task.dataset("train").src_sizes.tolist() == [len(row) for row in expected]


@pytest.mark.parametrize("split", ["valid", "test", "test1"])
@pytest.mark.parametrize("transform", ["copy", "sort"])
def test_other_splits_are_those_of_the_files(tmp_path: Path, split: str, transform: str) -> None:
    spec = CopySpec(num_symbols=6, train=100, valid=20, test=20, transform=transform, test_lengths=(9,))
    make_copy_dataset(spec, tmp_path / "data")
    from_files = make_task(tmp_path / "data")
    from_files.load_dataset(split)
    for path in (tmp_path / "data").glob(f"{split}.*"):
        path.unlink()
    made = online(tmp_path / "data")
    made.load_dataset(split)
    mine, theirs = made.dataset(split), from_files.dataset(split)
    assert pairs(mine) == pairs(theirs)
    for name in ("src_sizes", "tgt_sizes", "sizes"):
        assert np.array_equal(getattr(mine, name), getattr(theirs, name))
        assert getattr(mine, name).dtype == getattr(theirs, name).dtype
    assert (type(mine), mine.shuffle) == (CopyDataset, False)


def test_files_are_used_where_they_are(tmp_path: Path) -> None:
    make_copy_dataset(SPEC, tmp_path / "data")
    task, plain = online(tmp_path / "data"), make_task(tmp_path / "data")
    for split in ("train", "valid"):
        task.load_dataset(split)
        plain.load_dataset(split)
    assert type(task.dataset("valid").src) is type(plain.dataset("valid").src)
    assert pairs(task.dataset("train")) != pairs(plain.dataset("train"))


def test_a_shard_stands_for_the_whole(tmp_path: Path) -> None:
    make_copy_shards(SPEC, tmp_path, 3)
    for number in range(3):
        task = online(tmp_path / f"shard{number}")
        task.load_dataset("train")
        assert len(task.dataset("train")) == 100
        task.load_dataset("valid")
        assert len(task.dataset("valid")) == 20


def test_no_epoch_holds_what_is_held_out(tmp_path: Path) -> None:
    spec = CopySpec(num_symbols=3, min_len=3, max_len=3, train=200, valid=6, test=6, no_overlap=True)
    make_online_folder(spec, tmp_path / "data")
    task = online(tmp_path / "data")
    for split in ("valid", "test"):
        task.load_dataset(split)
    held_out = {tuple(source) for split in ("valid", "test") for source, _ in pairs(task.dataset(split))}
    free = 27 - len(held_out)
    for epoch in (1, 2):
        task.load_dataset("train", epoch=epoch)
        seen = {tuple(source) for source, _ in pairs(task.dataset("train"))}
        assert seen & held_out == set()
        assert len(seen) == free


# Batches.


def batches(task: CopyTask, epoch: int = 2, **options: Any) -> Any:
    task.load_dataset("train", epoch=epoch)
    options = {"max_sentences": 8, "seed": 1, "epoch": epoch, **options}
    return task.get_batch_iterator(task.dataset("train"), **options)


def read(iterator: Iterator[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"id": batch["id"].tolist(), "target": batch["target"].tolist()} for batch in iterator if batch]


def test_ranks_share_an_epoch(folder: Path) -> None:
    whole = read(batches(online(folder)).next_epoch_itr())
    shards = [
        list(batches(online(folder), num_shards=2, shard_id=rank).next_epoch_itr(shuffle=True)) for rank in (0, 1)
    ]
    assert len(whole) == 13
    assert sorted(n for batch in whole for n in batch["id"]) == list(range(100))
    together = [batch for both in zip(*shards, strict=True) for batch in both]
    assert read(iter(together)) == whole


def test_the_middle_of_an_epoch_goes_on(folder: Path) -> None:
    whole = batches(online(folder), epoch=3)
    reading = whole.next_epoch_itr()
    before = [next(reading) for _ in range(5)]
    state = whole.state_dict()
    assert (len(before), state["epoch"], state["iterations_in_epoch"]) == (5, 3, 5)
    resumed = batches(online(folder), epoch=state["epoch"])
    resumed.load_state_dict(state)
    rest = read(reading)
    assert len(rest) == 8
    assert read(resumed.next_epoch_itr()) == rest


def test_each_epoch_is_batched_by_its_own_lengths(folder: Path) -> None:
    task = online(folder)
    assert task.has_sharded_data("train")
    for epoch in (1, 2):
        iterator = batches(task, epoch, max_sentences=None, max_tokens=30)
        assert iterator.epoch == epoch
        for batch in iterator.next_epoch_itr():
            assert batch["target"].numel() <= 30
    assert not task.can_reuse_epoch_itr(task.dataset("train"))


def test_another_epoch_is_made_where_it_is_asked_for(folder: Path) -> None:
    """fairseq validates on epoch 1, also if that is on train in the middle of another epoch."""
    task = online(folder)
    first = read(batches(task, 1).next_epoch_itr(shuffle=False))
    task.load_dataset("train", epoch=3)
    before = pairs(task.dataset("train"))
    asked = task.get_batch_iterator(task.dataset("train"), epoch=1, max_sentences=8, seed=1)
    assert read(asked.next_epoch_itr(shuffle=False, set_dataset_epoch=False)) == first
    assert pairs(task.dataset("train")) == before


# Memory.


def dictionary(num_symbols: int) -> Dictionary:
    symbols = Dictionary()
    for number in range(num_symbols):
        symbols.add_symbol(chr(ord("a") + number) if number < 26 else f"s{number - 26}")
    return symbols


@pytest.mark.parametrize(("num_symbols", "dtype"), [(6, np.uint8), (252, np.uint8), (253, np.uint16)])
def test_ids_are_kept_in_the_smallest_type(num_symbols: int, dtype: type) -> None:
    symbols = dictionary(num_symbols)
    spec = CopySpec(num_symbols=num_symbols, train=40, transform="reverse")
    sources, targets = OnlineData(spec, symbols, symbols, "data").make("train", 1)
    assert {ids.dtype for ids in sources._ids + targets._ids} == {np.dtype(dtype)}
    assert sources[0].dtype == torch.int64


@pytest.mark.parametrize("transform", ["copy", "reverse", "repeat:3"])
@pytest.mark.parametrize("lengths", ["uniform", "fixed"])
def test_an_epoch_takes_no_more_than_was_reckoned(tmp_path: Path, transform: str, lengths: str) -> None:
    spec = CopySpec(num_symbols=300, max_len=5, train=400, transform=transform, lengths=lengths)
    make_online_folder(spec, tmp_path / "data")
    task = online(tmp_path / "data")
    task.load_dataset("train")
    dataset = task.dataset("train")
    columns = {id(column): column for column in (dataset.src, dataset.tgt)}.values()
    arrays = [dataset.src_sizes, dataset.tgt_sizes, dataset.sizes, dataset.ordered_indices()]
    arrays += [array for column in columns for array in column._ids + column._ends]
    assert sum(array.nbytes for array in arrays) <= epoch_bytes(spec, spec.splits[0])


def test_copies_are_kept_once() -> None:
    symbols = dictionary(8)
    sources, targets = OnlineData(CopySpec(train=40), symbols, symbols, "data").make("train", 1)
    assert sources is targets


def test_a_dataset_goes_to_another_process(folder: Path) -> None:
    task = online(folder)
    task.load_dataset("train", epoch=4)
    mine = task.dataset("train")
    theirs = pickle.loads(pickle.dumps(mine))
    assert theirs.epoch == 4
    assert pairs(theirs) == pairs(mine)
