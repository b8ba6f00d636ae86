"""The copy task: what it refuses, how it batches, how long it decodes, what it reports."""

import hashlib
import logging
import shutil
from argparse import Namespace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from fairseq.criterions.cross_entropy import CrossEntropyCriterion
from fairseq.logging import metrics

from data_gen.copy.dataset import make_copy_dataset
from data_gen.copy.spec import CopySpec
from data_gen.errors import UserError
from fairseq_plugin.models.gru_attention import GRUAttentionModel, gru_attention_copy
from fairseq_plugin.positions import UNLIMITED
from fairseq_plugin.tasks.copy_config import CopyTaskConfig
from fairseq_plugin.tasks.copy_dataset import CopyDataset
from fairseq_plugin.tasks.copy_task import CopyTask
from tests import building
from tests.building import EOS, PAD


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


# Set-up.


@pytest.mark.parametrize("data", [None, ""], ids=["none", "empty"])
def test_no_folder_given(data: str | None) -> None:
    assert refusal(data) == "no dataset folder given: pass one, made with 'python -m data_gen copy DESTDIR'"


def test_no_such_folder(tmp_path: Path) -> None:
    folder = tmp_path / "none"
    assert refusal(folder) == f"no dataset folder at '{folder}': make one with 'python -m data_gen copy {folder}'"


def test_one_of_several_folders_is_missing(copy_data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "none"
    expected = f"no dataset folder at '{folder}': make one with 'python -m data_gen copy {folder}'"
    assert refusal(f"{copy_data}:{folder}") == expected


def test_folder_without_a_dataset(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x", encoding="utf-8")
    assert refusal(tmp_path) == (
        f"'{tmp_path}' is no dataset folder, it has no dict.*.txt: make one with 'python -m data_gen copy DESTDIR' or "
        "fairseq-preprocess"
    )


def test_folder_whose_files_tell_no_languages(tmp_path: Path) -> None:
    (tmp_path / "dict.src.txt").write_text("a 1\n", encoding="utf-8")
    assert refusal(tmp_path) == (
        f"no file in '{tmp_path}' is named like train.src-tgt.src.bin, so the languages are unknown: name them with "
        "--source-lang and --target-lang"
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


@pytest.mark.parametrize("name", ["eval_beam", "eval_print_examples"])
def test_counts_below_zero(copy_data: Path, name: str) -> None:
    assert refusal(copy_data, **{name: -1}) == f"--{name.replace('_', '-')} must be at least 0, but is -1"


def test_missing_split(copy_data: Path) -> None:
    with pytest.raises(UserError) as caught:
        make_task(copy_data).load_dataset("dev")
    assert str(caught.value) == f"no split 'dev' in '{copy_data}': it holds test, train, valid"


def test_folder_that_goes_away(copy_data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    shutil.copytree(copy_data, folder)
    task = make_task(folder)
    shutil.rmtree(folder)
    with pytest.raises(UserError) as caught:
        task.load_dataset("train")
    assert str(caught.value) == f"the dataset folder '{folder}' is gone"


def test_training_folders_are_taken_in_turn(copy_data: Path, tmp_path: Path) -> None:
    second = tmp_path / "second"
    make_copy_dataset(CopySpec(num_symbols=4, min_len=2, max_len=4, train=50, valid=3, test=3, seed=9), second)
    task = make_task(f"{copy_data}:{second}")
    sizes = []
    for epoch in (1, 2, 3):
        task.load_dataset("train", epoch=epoch)
        sizes.append(len(task.dataset("train")))
    task.load_dataset("valid", epoch=2)
    assert sizes == [300, 50, 300]
    assert len(task.dataset("valid")) == 30


# Batches.


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


# Too long.


def test_without_limits_nothing_is_too_long(copy_data: Path) -> None:
    assert make_task(copy_data).max_positions() == (UNLIMITED, UNLIMITED)


def too_long(data: Path) -> str:
    return ", ".join(str(n) for n, row in enumerate(lines(data)) if len(row) == 4)


def test_what_is_too_long_is_refused_by_id(copy_data: Path) -> None:
    task = make_task(copy_data, max_source_positions=4)
    task.load_dataset("test")
    assert task.max_positions() == (4, UNLIMITED)
    ids = too_long(copy_data)
    with pytest.raises(UserError) as caught:
        task.filter_indices_by_size(np.arange(30), task.dataset("test"), task.max_positions())
    assert str(caught.value) == (
        f"{ids.count(',') + 1} samples are longer than (source, target) = (4, {UNLIMITED}): ids {ids}; "
        "raise the limits or pass --skip-invalid-size-inputs-valid-test"
    )


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


# How long an output may get.


@pytest.fixture(scope="module")
def long_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("long") / "data"
    make_copy_dataset(CopySpec(num_symbols=4, min_len=250, max_len=250, train=2, valid=1, test=1), folder)
    return folder


def endless(task: CopyTask) -> GRUAttentionModel:
    """A model that never ends an output of its own accord."""
    options = Namespace(encoder_hidden_size=6, decoder_hidden_size=6, attention_dim=4)
    gru_attention_copy(options)
    model = GRUAttentionModel.build_model(options, task)
    assert model.decoder.output_projection is not None
    model.decoder.output_projection.bias.data[EOS] = -1e4
    return model.eval()


@pytest.mark.parametrize(
    ("limits", "tokens"),
    [
        ({}, 251 + 10 + 1),
        ({"max_len_a": 0.0, "max_len_b": 200}, 251 + 10 + 1),
        ({"max_len_a": 0.0, "max_len_b": 50}, 51),
        ({"max_len_a": 0.5, "max_len_b": 1}, 125 + 1 + 1),
    ],
    ids=["none chosen", "fairseq's default", "b chosen", "a chosen"],
)
def test_longest_output(long_data: Path, limits: dict[str, float], tokens: int) -> None:
    task = make_task(long_data)
    task.load_dataset("test")
    model = endless(task)
    generator = task.build_generator([model], Namespace(beam=1, **limits))
    ((hypothesis,),) = task.inference_step(generator, [model], batch_of(task, [0]))
    assert hypothesis["tokens"].numel() == tokens
    assert int(hypothesis["tokens"][-1]) == EOS


def test_longest_output_follows_the_longest_target(copy_data: Path) -> None:
    task = make_task(copy_data)
    task.load_dataset("test")
    dataset = task.dataset("test")
    dataset.tgt_sizes = dataset.src_sizes * 3
    generator = task.build_generator([endless(task)], Namespace(beam=2))
    assert (generator.max_len_a, generator.max_len_b, generator.beam_size) == (3.0, 10, 2)


# What validation reports.


def counted(task: CopyTask, outputs: list[list[int]], monkeypatch: pytest.MonkeyPatch) -> tuple[dict, list[Any]]:
    """valid_step on a batch whose decoding gives ``outputs``, and the options of the generator."""
    asked: list[Any] = []
    monkeypatch.setattr(task, "build_generator", lambda models, args: asked.append(args))
    hypotheses = [[{"tokens": torch.tensor(tokens)}] for tokens in outputs]
    monkeypatch.setattr(task, "inference_step", lambda generator, models, sample: hypotheses)
    sample = {
        "id": torch.tensor([1, 0]),
        "target": torch.tensor([[4, 5, 6, EOS], [7, 4, EOS, PAD]]),
        "net_input": {"src_tokens": torch.tensor([[4, 5, 6, EOS], [PAD, 7, 4, EOS]])},
    }
    model = SimpleNamespace(eval=lambda: None)
    loss, sample_size, logged = task.valid_step(sample, model, lambda model, sample: (0.5, 7, {"loss": 0.5}))
    assert (loss, sample_size) == (0.5, 7)
    return logged, asked


def test_matches_of_a_batch_by_hand(copy_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = make_task(copy_data, eval_beam=3)
    logged, asked = counted(task, [[4, 5, 6, EOS], [7, 4, 4, EOS]], monkeypatch)
    assert logged == {"loss": 0.5, "_sequences": 2, "_exact": 1, "_tokens": 7, "_correct": 6}
    assert [vars(args) for args in asked] == [{"beam": 3}]


def test_validation_without_decoding(copy_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logged, asked = counted(make_task(copy_data, eval_beam=0), [], monkeypatch)
    assert (logged, asked) == ({"loss": 0.5}, [])


@pytest.mark.parametrize("count", [0, 1, 5])
def test_examples_are_shown(
    copy_data: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, count: int
) -> None:
    task = make_task(copy_data, eval_print_examples=count)
    symbols = [task.source_dictionary[token] for token in range(8)]
    caplog.clear()
    with caplog.at_level(logging.INFO):
        counted(task, [[5, 5, 6, EOS], [7, EOS]], monkeypatch)
    first = f"example 1\nSRC  {' '.join(symbols[4:7])}\nTRG  {' '.join(symbols[4:7])}\nPRED "
    first += " ".join(symbols[token] for token in (5, 5, 6))
    second = f"example 0\nSRC  {symbols[7]} {symbols[4]}\nTRG  {symbols[7]} {symbols[4]}\nPRED {symbols[7]}"
    expected = {0: [], 1: [second], 5: [first, second]}[count]
    assert [record.getMessage() for record in caplog.records] == expected


def reduced(task: CopyTask, logs: list[dict[str, Any]]) -> dict[str, Any]:
    base = {"loss": 2.0, "ntokens": 4, "nsentences": 1, "sample_size": 4}
    criterion = CrossEntropyCriterion(task, sentence_avg=False)
    with metrics.aggregate(new_root=True) as found:
        task.reduce_metrics([{**base, **log} for log in logs], criterion)
    return dict(found.items())


def test_metrics_over_batches_are_python_floats(copy_data: Path) -> None:
    logs = [
        {"_sequences": np.int64(2), "_exact": np.int64(1), "_tokens": np.int64(7), "_correct": np.int64(6)},
        {"_sequences": torch.tensor(1), "_exact": torch.tensor(1), "_tokens": 3, "_correct": 3},
    ]
    meters = reduced(make_task(copy_data), logs)
    assert {name: meters[name].avg for name in ("exact_match", "token_accuracy")} == {
        "exact_match": 2 / 3,
        "token_accuracy": 9 / 10,
    }
    for name in ("exact_match", "token_accuracy"):
        state = meters[name].state_dict()
        assert {type(value) for value in state.values()} <= {float, int}, state


def test_no_metrics_without_decoding(copy_data: Path) -> None:
    assert {"exact_match", "token_accuracy"}.isdisjoint(reduced(make_task(copy_data), [{}]))


# Checkpoints.


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
    assert str(caught.value) == (
        f"the checkpoint was trained with a {side} dictionary of {describe(letters)}, but the one in '{folder}' has "
        f"{describe(letters[::-1])}: use the data folder it was trained with"
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


# Other models.


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
