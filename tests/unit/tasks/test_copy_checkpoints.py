"""What a checkpoint of the copy task must agree on with the data."""

import hashlib
import logging
import shutil
from pathlib import Path
from typing import Any

import pytest

from data_gen.errors import UserError
from fairseq_plugin.tasks.copy_task import CopyTask
from tests.support.building import EOS
from tests.support.making import make_task


def state_of(task: CopyTask) -> dict[str, Any]:
    return task.state_dict()


def test_the_same_data_is_accepted(copy_data: Path) -> None:
    task = make_task(copy_data)
    task.load_state_dict(state_of(make_task(copy_data)))
    assert state_of(task) == state_of(make_task(copy_data))


def describe(letters: list[str]) -> str:
    symbols = "\n".join(["<s>", "<pad>", "</s>", "<unk>", *letters])
    return f"{4 + len(letters)} symbols (sha256 {hashlib.sha256(symbols.encode()).hexdigest()[:12]})"


@pytest.mark.parametrize("side", ["source", "target"])
def test_another_dictionary_of_the_same_size_is_refused(copy_data: Path, tmp_path: Path, side: str) -> None:
    folder = tmp_path / "data"
    shutil.copytree(copy_data, folder)
    path = folder / f"dict.{'src' if side == 'source' else 'tgt'}.txt"
    rows = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(reversed(rows)), encoding="utf-8")
    letters = [row.split()[0] for row in rows]
    with pytest.raises(UserError) as caught:
        make_task(folder).load_state_dict(state_of(make_task(copy_data)))
    found = describe(letters[::-1]).replace("symbols", "others or another order")
    assert str(caught.value) == (
        f"the checkpoint was trained with a {side} dictionary of {describe(letters)}, but the one in '{folder}' has "
        f"{found}: use the data folder it was trained with"
    )


@pytest.mark.parametrize("trained", [False, True], ids=["with end", "without end"])
def test_the_checkpoint_says_how_sources_end(copy_data: Path, caplog: pytest.LogCaptureFixture, trained: bool) -> None:
    task = make_task(copy_data, no_source_eos=not trained)
    caplog.clear()
    with caplog.at_level(logging.INFO):
        task.load_state_dict(state_of(make_task(copy_data, no_source_eos=trained)))
    assert f"as the checkpoint was trained: no_source_eos={trained}" in caplog.messages
    task.load_dataset("test")
    ends = [int(task.dataset("test")[n]["source"][-1]) == EOS for n in range(30)]
    assert ends == [not trained] * 30
    assert state_of(task)["copy"]["no_source_eos"] is trained


def test_a_checkpoint_of_another_task_is_accepted(copy_data: Path) -> None:
    task = make_task(copy_data)
    task.load_state_dict({})
    assert state_of(task) == state_of(make_task(copy_data))
