"""A small dataset, tasks made from options, and what is in their data."""

from pathlib import Path
from typing import Any

import pytest

from data_gen.copy.spec import CopySpec
from data_gen.errors import UserError
from fairseq_plugin.tasks.copy_config import CopyTaskConfig
from fairseq_plugin.tasks.copy_task import CopyTask

SMALL = CopySpec(num_symbols=4, min_len=2, max_len=4, train=300, valid=30, test=30)


def make_task(data: object, **options: Any) -> CopyTask:
    values = {"train_subset": "train", "dataset_impl": None, "required_seq_len_multiple": 1, **options}
    return CopyTask.setup_task(CopyTaskConfig(data=None if data is None else str(data), **values))


def refusal(data: object, **options: Any) -> str:
    with pytest.raises(UserError) as caught:
        make_task(data, **options)
    assert caught.value.exit_code == 2
    return str(caught.value)


def batch_of(task: CopyTask, ids: list[int], split: str = "test") -> dict[str, Any]:
    dataset = task.dataset(split)
    return dataset.collater([dataset[index] for index in ids])


def lines(data: Path, split: str = "test") -> list[list[str]]:
    return [line.split() for line in (data / f"{split}.src").read_text(encoding="utf-8").splitlines()]
