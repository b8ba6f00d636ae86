"""How long the copy task lets an output get, and what it reports of decoding."""

import logging
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
from fairseq_plugin.models.architectures import gru_attention_copy
from fairseq_plugin.models.gru_attention import GRUAttentionModel
from fairseq_plugin.tasks.copy_task import CopyTask
from tests.support.building import EOS, PAD
from tests.support.making import batch_of, make_task


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


def test_an_example_shows_what_cannot_be_seen(
    copy_data: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    task = make_task(copy_data, eval_print_examples=1)
    task.target_dictionary.symbols[7] = "a\u200b"
    with caplog.at_level(logging.INFO):
        counted(task, [[5, EOS], [7, EOS]], monkeypatch)
    assert caplog.messages[-1].endswith("\nPRED a\\u200b")


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
