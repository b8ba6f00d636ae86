"""What the copy task refuses where it is to make data while training."""

import json
import shutil
from pathlib import Path

import pytest

from data_gen.copy.dataset import make_copy_dataset, make_online_folder
from data_gen.copy.spec import CopySpec
from data_gen.errors import UserError
from fairseq_plugin.tasks.copy_task import CopyTask
from tests.support.errors import message_of
from tests.support.making import make_task, refusal


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_online_folder(CopySpec(train=100, valid=20, test=20, test_lengths=(9,)), tmp_path / "data")
    return tmp_path / "data"


def online(data: object) -> CopyTask:
    return make_task(data, online=True)


def test_options_that_do_not_fit(folder: Path) -> None:
    assert refusal(f"{folder}:{folder}", online=True) == (
        f"--online takes one dataset folder, but got 2: {folder}, {folder}"
    )
    assert refusal(folder, online=True, train_subset="valid") == (
        "--online makes the split 'train', so --train-subset cannot be 'valid'"
    )
    assert refusal(folder, online=True, source_lang="tgt") == (
        "--online makes data with --source-lang src, which cannot be 'tgt'"
    )


def test_a_folder_without_a_manifest(copy_data: Path, tmp_path: Path) -> None:
    shutil.copytree(copy_data, tmp_path / "data")
    (tmp_path / "data" / "manifest.json").unlink()
    assert refusal(tmp_path / "data", online=True).startswith(f"'{tmp_path}/data' holds no manifest.json: ")


def test_a_folder_of_another_route(folder: Path) -> None:
    path = folder / "manifest.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"route": "copy"', '"route": "text"'), encoding="utf-8")
    assert refusal(folder, online=True).startswith(f"'{folder}' was made by `python -m data_gen text`: ")


def test_a_dictionary_that_lacks_symbols(tmp_path: Path) -> None:
    make_copy_dataset(CopySpec(num_symbols=50, min_len=2, max_len=2, train=3), tmp_path / "data")
    there = (tmp_path / "data" / "dict.src.txt").read_text(encoding="utf-8").split()[::2]
    names = [chr(ord("a") + n) for n in range(26)] + [f"s{n}" for n in range(24)]
    lacking = [name for name in names if name not in there]
    assert len(lacking) >= 44
    assert refusal(tmp_path / "data", online=True) == (
        f"'{tmp_path}/data/dict.src.txt' lacks {len(lacking)} of the 50 symbols that --online draws, such as "
        f"'{lacking[0]}': make a folder with 'python -m data_gen copy DESTDIR --online'"
    )


def test_no_such_split(folder: Path) -> None:
    assert message_of(online(folder).load_dataset, "dev") == (
        f"no split 'dev' in '{folder}': --online makes train, valid, test, test1"
    )


def test_too_much_for_memory(tmp_path: Path) -> None:
    """Files hold more than memory does."""
    make_copy_dataset(CopySpec(num_symbols=4, min_len=2, max_len=5, train=100), tmp_path / "data")
    path = tmp_path / "data" / "manifest.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"train": 100', '"train": 7669585'), encoding="utf-8")
    online(tmp_path / "data").load_dataset("valid")
    with pytest.raises(UserError, match="--train 7669585 is too much for --online, "):
        online(tmp_path / "data").load_dataset("train")


def test_a_folder_without_sequences_needs_the_option(folder: Path) -> None:
    task = make_task(folder)  # enough for sentences typed in
    assert message_of(task.load_dataset, "train") == (
        f"no split 'train' in '{folder}', which holds no sequences at all: add --online to make them"
    )


def test_a_checkpoint_of_other_online_data(folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It may be meant, so it is said and done."""
    state = make_task(folder, online=True).state_dict()
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    document = json.loads((other / "manifest.json").read_text())
    document["details"]["spec"]["seed"] += 1
    (other / "manifest.json").write_text(json.dumps(document))
    make_task(folder, online=True).load_state_dict(state)
    assert "trained on other data" not in caplog.text
    make_task(other, online=True).load_state_dict(state)
    assert "trained on other data: then CopySpec(" in caplog.text
