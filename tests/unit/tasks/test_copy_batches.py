"""Batches of the copy task, and what is too long for them."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from data_gen.errors import UserError
from fairseq_plugin.modules.encoder import UNLIMITED
from tests.support import building
from tests.support.building import EOS, PAD
from tests.support.errors import message_of
from tests.support.making import batch_of, lines, make_task


@pytest.mark.parametrize("left_source", [False, True], ids=["source right", "source left"])
@pytest.mark.parametrize("left_target", [False, True], ids=["target right", "target left"])
def test_padding_side(copy_data: Path, left_source: bool, left_target: bool) -> None:
    task = make_task(copy_data, left_pad_source=left_source, left_pad_target=left_target)
    task.load_dataset("test")
    letters = lines(copy_data)
    ids = [min(range(30), key=lambda n: len(letters[n])), max(range(30), key=lambda n: len(letters[n]))]
    assert [len(letters[n]) for n in ids] == [2, 4]
    sample = batch_of(task, ids)
    order = sample["id"].tolist()  # fairseq puts the longest first
    symbols = task.source_dictionary
    tokens = [[symbols.index(letter) for letter in letters[n]] for n in order]
    expected = building.pad([[*row, EOS] for row in tokens], left=left_source)
    assert sample["net_input"]["src_tokens"].equal(expected)
    assert sample["target"].equal(building.pad([[*row, EOS] for row in tokens], left=left_target))
    assert sample["net_input"]["prev_output_tokens"].equal(
        building.pad([[EOS, *row] for row in tokens], left=left_target)
    )


def test_source_without_end_symbol(copy_data: Path) -> None:
    task = make_task(copy_data, no_source_eos=True)
    task.load_dataset("test")
    letters = lines(copy_data)
    dataset = task.dataset("test")
    assert dataset.src_sizes.tolist() == [len(row) for row in letters]
    assert dataset.tgt_sizes.tolist() == [len(row) + 1 for row in letters]
    sample = batch_of(task, [0, 1, 2])
    symbols = task.source_dictionary
    tokens = [[symbols.index(letter) for letter in letters[n]] for n in sample["id"].tolist()]
    assert sample["net_input"]["src_tokens"].equal(building.pad(tokens))
    assert sample["net_input"]["src_lengths"].tolist() == [len(row) for row in tokens]
    assert sample["target"].equal(building.pad([[*row, EOS] for row in tokens]))


@pytest.mark.parametrize("no_source_eos", [False, True], ids=["with end", "without end"])
@pytest.mark.parametrize("left", [False, True], ids=["right", "left"])
def test_sentences_typed_in(copy_data: Path, no_source_eos: bool, left: bool) -> None:
    task = make_task(copy_data, no_source_eos=no_source_eos, left_pad_source=left)
    typed = [torch.tensor([4, 5, 6, EOS]), torch.tensor([7, EOS])]
    dataset = task.build_dataset_for_inference(typed, torch.tensor([4, 2]))
    sample = dataset.collater([dataset[0], dataset[1]])
    end = [] if no_source_eos else [EOS]
    assert sample["net_input"]["src_tokens"].equal(building.pad([[4, 5, 6, *end], [7, *end]], left=left))
    assert sample["net_input"]["src_lengths"].tolist() == [3 + len(end), 1 + len(end)]
    assert sample["id"].tolist() == [0, 1]


@pytest.mark.parametrize("left", [False, True], ids=["right", "left"])
def test_empty_sources(copy_data: Path, left: bool) -> None:
    """Alone they are a column of padding, with others what the longest one needs."""
    task = make_task(copy_data, no_source_eos=True, left_pad_source=left)
    dataset = task.build_dataset_for_inference([torch.tensor(row) for row in ([EOS], [EOS], [4, 5, EOS])], None)
    for places, rows in (([0], [[PAD]]), ([0, 1], [[PAD]] * 2), ([2, 0], [[4, 5], [PAD, PAD]])):
        sample = dataset.collater([dataset[place] for place in places])
        assert sample["net_input"]["src_tokens"].tolist() == rows
        assert sample["net_input"]["src_lengths"].tolist() == [0 if PAD in row else 2 for row in rows]


def test_only_training_data_is_shuffled(copy_data: Path) -> None:
    task = make_task(copy_data)
    for split in ("train", "valid"):
        task.load_dataset(split)
    assert (task.dataset("train").shuffle, task.dataset("valid").shuffle) == (True, False)


@pytest.mark.filterwarnings(
    "ignore:'pin_memory' argument is set as true:UserWarning"
)  # fairseq's data loader, on a CPU
def test_batches_do_not_depend_on_the_first_epoch_of_a_run(copy_data: Path) -> None:
    def iterator(epoch: int) -> tuple[Any, Any]:
        task = make_task(copy_data)
        task.load_dataset("train")
        options = {"max_sentences": 32, "seed": 1}
        found = task.get_batch_iterator(task.dataset("train"), epoch=epoch, **options)
        assert task.get_batch_iterator(task.dataset("train"), epoch=epoch + 1, **options) is found
        return found, [batch.tolist() for batch in found.frozen_batches]

    (first, batches), (third, batches_of_third) = iterator(1), iterator(3)
    assert (first.epoch, third.epoch) == (1, 3)
    assert batches == batches_of_third
    order = [[batch["id"].tolist() for batch in each.next_epoch_itr(shuffle=True)] for each in (first, third)]
    assert order[0] != order[1]


def test_without_limits_nothing_is_too_long(copy_data: Path) -> None:
    assert make_task(copy_data).max_positions() == (UNLIMITED, UNLIMITED)


def too_long(data: Path) -> str:
    return ", ".join(str(n) for n, row in enumerate(lines(data)) if len(row) == 4)


def test_what_is_too_long_is_refused_by_id(copy_data: Path) -> None:
    task = make_task(copy_data, max_source_positions=4)
    task.load_dataset("test")
    assert task.max_positions() == (4, UNLIMITED)
    ids = too_long(copy_data)
    assert message_of(task.filter_indices_by_size, np.arange(30), task.dataset("test"), task.max_positions()) == (
        f"{ids.count(',') + 1} samples are longer than (source, target) = (4, {UNLIMITED}): ids {ids}; "
        "raise the limits or pass --skip-invalid-size-inputs-valid-test"
    )


@pytest.mark.parametrize("skip", [False, True])
def test_of_many_that_are_too_long_ten_are_named_and_the_log_has_all(
    skip: bool, copy_data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    task = make_task(copy_data, max_source_positions=4)
    task.load_dataset("train")
    ids = [str(number) for number, row in enumerate(lines(copy_data, "train")) if len(row) == 4]
    what = (
        f"{len(ids)} samples are longer than (source, target) = (4, {UNLIMITED}): ids {', '.join(ids[:10])} and "
        f"{len(ids) - 10} more"
    )
    everything = np.arange(len(task.dataset("train")))
    with caplog.at_level(logging.DEBUG):
        caplog.clear()
        try:
            task.filter_indices_by_size(everything, task.dataset("train"), (4, UNLIMITED), skip)
            said = caplog.messages.pop()
        except UserError as error:
            said = f"skipped: {error}".removesuffix("; raise the limits or pass --skip-invalid-size-inputs-valid-test")
    assert said == f"skipped: {what}"
    assert caplog.messages[:1] == [f"{len(ids)} of {len(ids)}: {', '.join(ids)}"]


def test_what_is_too_long_is_skipped_by_id(copy_data: Path, caplog: pytest.LogCaptureFixture) -> None:
    task = make_task(copy_data, max_target_positions=4)
    task.load_dataset("test")
    ids = too_long(copy_data)
    with caplog.at_level(logging.WARNING):
        kept = task.filter_indices_by_size(
            np.arange(30), task.dataset("test"), task.max_positions(), ignore_invalid_inputs=True
        )
    assert kept.tolist() == [n for n, row in enumerate(lines(copy_data)) if len(row) < 4]
    assert [record.getMessage() for record in caplog.records] == [
        f"skipped: {ids.count(',') + 1} samples are longer than (source, target) = ({UNLIMITED}, 4): ids {ids}"
    ]


def test_nothing_is_said_where_nothing_is_too_long(copy_data: Path, caplog: pytest.LogCaptureFixture) -> None:
    task = make_task(copy_data, max_source_positions=5, max_target_positions=5)
    task.load_dataset("test")
    caplog.clear()
    kept = task.filter_indices_by_size(np.arange(30), task.dataset("test"), task.max_positions())
    assert kept.tolist() == list(range(30))
    assert caplog.records == []
