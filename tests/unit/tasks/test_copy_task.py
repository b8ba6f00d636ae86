"""The copy task: what it refuses, which folders it takes, which models."""

import shutil
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest

from data_gen.copy.dataset import make_copy_dataset, make_copy_shards
from data_gen.copy.spec import CopySpec
from fairseq_plugin.tasks.datasets import CopyDataset
from tests.support.errors import message_of
from tests.support.making import make_task, refusal


@pytest.mark.parametrize("data", [None, ""], ids=["none", "empty"])
def test_no_folder_given(data: str | None) -> None:
    assert refusal(data) == "no dataset folder given: pass one, made with 'python -m data_gen copy DESTDIR'"


def test_a_figure_that_no_validation_has(copy_data: Path) -> None:
    task = make_task(copy_data, best_checkpoint_metric="exact_mach")
    figures = {"loss": 0.5, "ppl": 1.5, "exact_match": 1.0}
    assert message_of(task.post_validate, None, figures, None) == (
        "--best-checkpoint-metric 'exact_mach' is not measured in a validation: choose one of loss, ppl, exact_match"
    )


FOLDERS = {
    "nothing": (
        "{folder}/none",
        "no dataset folder at '{folder}/none': make one with 'python -m data_gen copy {folder}/none'",
    ),
    "second of two": (
        "{data}:{folder}/none",
        "no dataset folder at '{folder}/none': make one with 'python -m data_gen copy {folder}/none'",
    ),
    "notes.txt": (
        "{folder}",
        "'{folder}' is no dataset folder, it has no dict.*.txt: make one with 'python -m data_gen copy DESTDIR' or "
        "fairseq-preprocess",
    ),
    "checkpoint_best.pt": (
        "{folder}",
        "'{folder}' holds checkpoints, but no dict.*.txt: name the folder of the dataset, which from_pretrained takes "
        "as third argument",
    ),
    "dict.src.txt": (
        "{folder}",
        "no file in '{folder}' is named like train.src-tgt.src.bin, so the languages are unknown: name them with "
        "--source-lang and --target-lang",
    ),
}


@pytest.mark.parametrize("there", FOLDERS)
def test_folders_that_are_no_dataset(copy_data: Path, tmp_path: Path, there: str) -> None:
    (tmp_path / there).write_text("a 1\n", encoding="utf-8")
    data, said = (text.format(data=copy_data, folder=tmp_path) for text in FOLDERS[there])
    assert refusal(data) == said


def test_of_many_pairs_and_splits_ten_are_named(copy_data: Path, tmp_path: Path) -> None:
    shutil.copytree(copy_data, tmp_path, dirs_exist_ok=True)
    for number in range(12):
        (tmp_path / f"test{number:02}.src-tgt.src.idx").touch()
    task = make_task(tmp_path)
    assert message_of(task.load_dataset, "dev").endswith(
        "which holds test, test00, test01, test02, test03, test04, test05, test06, test07, test08 and 5 more: name "
        "another, or make the data with it"
    )
    for number in range(12):
        (tmp_path / f"train.src-l{number:02}.src.idx").touch()
    assert refusal(tmp_path) == (
        f"'{tmp_path}' holds 13 pairs of languages, src-tgt, src-l00, src-l01, src-l02, src-l03, src-l04, src-l05, "
        "src-l06, src-l07, src-l08 and 3 more: choose one with --source-lang and --target-lang"
    )


def test_language_without_a_dictionary(copy_data: Path) -> None:
    assert refusal(copy_data, source_lang="de", target_lang="tgt") == (
        f"no dictionary at '{copy_data}/dict.de.txt': is 'de' a language of this dataset?"
    )


DICTIONARIES = {
    "no count": (b"a\n", "Incorrect dictionary format, expected '<token> <cnt> [flags]': \"a \""),
    "no number": (b"a one\n", "Incorrect dictionary format, expected '<token> <cnt> [flags]': \"a\""),
    "symbol twice": (
        b"a 1\na 2\n",
        "Duplicate word found when loading Dictionary: 'a'. Duplicate words can overwrite earlier ones by adding the "
        "#fairseq:overwrite flag at the end of the corresponding row in the dictionary file. If using the Camembert "
        "model, please download an updated copy of the model file.",
    ),
    "not UTF-8": (b"\xff 1\n", "Incorrect encoding detected in {path}, please rebuild the dataset"),
}


@pytest.mark.parametrize("side", ["src", "tgt"])
@pytest.mark.parametrize(("content", "said"), DICTIONARIES.values(), ids=DICTIONARIES.keys())
def test_broken_dictionary(copy_data: Path, tmp_path: Path, side: str, content: bytes, said: str) -> None:
    folder = tmp_path / "data"
    shutil.copytree(copy_data, folder)
    path = folder / f"dict.{side}.txt"
    path.write_bytes(content)
    said = said.format(path=path)
    assert refusal(folder) == f"'{path}' is no fairseq dictionary (lines of 'symbol count'): {said}"


@pytest.mark.parametrize("name", ["max_source_positions", "max_target_positions"])
def test_limits_below_one(copy_data: Path, name: str) -> None:
    assert refusal(copy_data, **{name: 0}) == f"--{name.replace('_', '-')} must be at least 1, but is 0"


@pytest.mark.parametrize("name", ["eval_beam", "eval_print_examples", "attention_figures"])
def test_counts_below_zero(copy_data: Path, name: str) -> None:
    assert refusal(copy_data, **{name: -1}) == f"--{name.replace('_', '-')} must be at least 0, but is -1"


def test_missing_split(copy_data: Path) -> None:
    assert message_of(make_task(copy_data).load_dataset, "dev") == (
        f"no split 'dev' in '{copy_data}', which holds test, train, valid: name another, or make the data with it"
    )


def test_folder_that_goes_away(copy_data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    shutil.copytree(copy_data, folder)
    task = make_task(folder)
    shutil.rmtree(folder)
    assert message_of(task.load_dataset, "train") == f"the dataset folder '{folder}' is gone"


def test_training_folders_are_taken_in_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("data_gen.copy.sample.BLOCK_SEQUENCES", 20)
    make_copy_shards(CopySpec(train=50, valid=3, test=3), tmp_path, 2)
    task = make_task(f"{tmp_path}/shard0:{tmp_path}/shard1")
    sizes = []
    for epoch in (1, 2, 3):
        task.load_dataset("train", epoch=epoch)
        sizes.append(len(task.dataset("train")))
    task.load_dataset("valid", epoch=2)
    assert sizes == [20, 30, 20]
    assert len(task.dataset("valid")) == 3


def test_the_folder_around_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("data_gen.copy.sample.BLOCK_SEQUENCES", 20)
    make_copy_shards(CopySpec(train=50, valid=3, test=3), tmp_path, 2)
    assert refusal(tmp_path) == (
        f"'{tmp_path}' holds 2 shards: name them, joined with ':', as in {tmp_path}/shard0:{tmp_path}/shard1"
    )


def test_training_folders_with_other_dictionaries(copy_data: Path, tmp_path: Path) -> None:
    """Equal symbols in another order would be read as one another."""
    second = tmp_path / "second"
    make_copy_dataset(CopySpec(num_symbols=4, min_len=2, max_len=4, train=50, valid=3, test=3, seed=9), second)
    assert refusal(f"{copy_data}:{second}") == (
        f"'{second}/dict.src.txt' (8 symbols) is not the dictionary of '{copy_data}' (8 symbols): "
        "folders joined with ':' must be shards of one dataset"
    )


@pytest.mark.parametrize(
    ("options", "languages"),
    [
        ({"source_lang": "tgt"}, ("tgt", "src")),
        ({"target_lang": "src"}, ("tgt", "src")),
        ({"source_lang": "src"}, ("src", "tgt")),
        ({}, ("src", "tgt")),
    ],
)
def test_the_other_language_is_read_off_the_names(
    copy_data: Path, options: dict[str, str], languages: tuple[str, str]
) -> None:
    task = make_task(copy_data, **options)
    assert (task.cfg.source_lang, task.cfg.target_lang) == languages


def test_a_language_that_is_not_of_the_pair(copy_data: Path) -> None:
    assert refusal(copy_data, target_lang="de") == f"--target-lang de: '{copy_data}' holds src and tgt"


def test_old_style_models_keep_their_own_limits(copy_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They take ``max_target_positions`` of the task for a number, wherever it is there."""
    seen: list[dict[str, Any]] = []
    monkeypatch.setattr("fairseq.models.build_model", lambda cfg, task, from_checkpoint: seen.append(dict(vars(cfg))))
    monkeypatch.setattr("fairseq.quantization_utils.quantize_model_scalar", lambda model, cfg: model)
    given = Namespace(arch="lstm", max_source_positions=None, max_target_positions=70)
    make_task(copy_data).build_model(given)
    assert seen == [{"arch": "lstm", "max_target_positions": 70}]
    assert given.max_source_positions is None


def test_dataset_class(copy_data: Path) -> None:
    task = make_task(copy_data)
    task.load_dataset("valid")
    assert type(task.dataset("valid")) is CopyDataset
