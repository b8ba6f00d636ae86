"""Attention out of trained models: order, beam search, teacher forcing, ensembles, and what cannot be extracted."""

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from data_gen.errors import UserError
from fairseq_plugin.analysis.extraction import (
    Loaded,
    check_complete,
    extract,
    extract_forced,
    generation_config,
    load,
    records_of_batch,
    right_padded,
)
from fairseq_plugin.analysis.formats import read_records
from fairseq_plugin.analysis.records import AttentionRecord
from fairseq_plugin.commands.extract_attention import Diagonal
from fairseq_plugin.modules import precision, products
from fairseq_plugin.modules.recurrence import RECURRENCE
from fairseq_plugin.tasks.copy_task import CopyTask
from fairseq_plugin.tasks.datasets import CopyDataset
from tests.support import building
from tests.support.commands import Commands, error_line, extract_words
from tests.support.errors import message_of

Extracting = Callable[..., list[AttentionRecord]]


def loading(data: Path, path: object, *options: object) -> tuple[Loaded, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # hydra's, for the way in which fairseq calls it
        words = [str(word) for word in (data, "--path", path, "--batch-size", 128, "--num-workers", 0, *options)]
        cfg = generation_config(words)
    return load(cfg), cfg


def extracted(data: Path, path: object, *options: object) -> list[AttentionRecord]:
    return extract(*loading(data, path, *options))


@pytest.fixture(scope="module")
def records(copy_data: Path, trained: Path) -> list[AttentionRecord]:
    """Beam 5, one hypothesis a sentence."""
    return extracted(copy_data, trained)


def lines(data: Path, split: str = "test") -> list[tuple[str, ...]]:
    text = (data / f"{split}.src").read_text(encoding="utf-8")
    return [(*line.split(), "</s>") for line in text.splitlines()]


def assert_same_weights(first: list[AttentionRecord], second: list[AttentionRecord]) -> None:
    for mine, theirs in zip(first, second, strict=True):
        assert (mine.id, mine.rank, mine.source, mine.target) == (theirs.id, theirs.rank, theirs.source, theirs.target)
        np.testing.assert_allclose(mine.weights, theirs.weights, rtol=0, atol=1e-6)
        assert mine.score == pytest.approx(theirs.score, abs=1e-5)


def test_one_record_a_sentence_in_corpus_order(copy_data: Path, records: list[AttentionRecord]) -> None:
    assert [(record.id, record.rank) for record in records] == [(n, 0) for n in range(30)]
    assert [record.source for record in records] == lines(copy_data)
    assert [record.reference for record in records] == lines(copy_data)
    assert all(record.target[-1] == "</s>" for record in records)


def test_every_row_is_a_distribution(records: list[AttentionRecord]) -> None:
    for record in records:
        assert record.weights.shape == (len(record.target), len(record.source))
        np.testing.assert_allclose(record.weights.sum(axis=1), 1.0, atol=1e-6)


def teacher_forced(data: Path, path: Path, record: AttentionRecord) -> np.ndarray:
    """Weights by the plain loop over the equations, on one sentence without padding and one hypothesis."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # hydra's, as above
        loaded = load(
            generation_config([str(data), "--path", str(path), "--model-overrides", "{'recurrence': 'naive'}"])
        )
    assert loaded.models[0].decoder.recurrence is RECURRENCE["naive"]
    symbols = loaded.task.source_dictionary
    source = torch.tensor([[symbols.index(token) for token in record.source]])
    target = [symbols.index(token) for token in record.target]
    previous = torch.tensor([[building.EOS, *target[:-1]]])
    with torch.no_grad():
        _, extra = loaded.models[0](source, None, previous)
    return extra["attn"][0][0].numpy()


def test_products_may_be_less_exact_than_in_training(
    copy_data: Path, trained: Path, records: list[AttentionRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "multiplies_bfloat16", lambda: True)
    monkeypatch.setattr(products, "LARGE", 0)
    monkeypatch.setattr(products, "CAST", 0)
    rounded = extracted(copy_data, trained, "--model-overrides", "{'float32_matmul_precision': 'medium'}")
    differences = [
        np.abs(one.weights - other.weights).max()
        for one, other in zip(rounded, records, strict=True)
        if one.target == other.target
    ]
    assert len(differences) > 20
    assert 0.0 < max(differences) < 0.1


@pytest.mark.parametrize("place", [0, 13, 29])
def test_attention_of_beam_search_is_that_of_teacher_forcing(copy_data: Path, trained: Path, place: int) -> None:
    record = extracted(copy_data, trained, "--nbest", 3, "--beam", 4)[3 * place + 2]
    assert (record.id, record.rank) == (place, 2)
    np.testing.assert_allclose(record.weights, teacher_forced(copy_data, trained, record), rtol=0, atol=1e-6)


def test_the_n_best_hypotheses(copy_data: Path, trained: Path, records: list[AttentionRecord]) -> None:
    best = extracted(copy_data, trained, "--nbest", 5)
    assert [(record.id, record.rank) for record in best] == [(n, rank) for n in range(30) for rank in range(5)]
    assert_same_weights(best[::5], records)
    for place in range(0, len(best), 5):
        scores = [record.score for record in best[place : place + 5]]
        assert scores == sorted(scores, reverse=True)
        assert len({record.target for record in best[place : place + 5]}) == 5


def test_forced_on_the_reference(copy_data: Path, trained: Path, records: list[AttentionRecord]) -> None:
    forced = extracted(copy_data, trained, "--score-reference")
    assert [record.target for record in forced] == lines(copy_data)
    right = [n for n, record in enumerate(records) if record.target == record.reference]
    assert 0 < len(right) < 30, "the checkpoint should be right on some sentences and wrong on others"
    assert_same_weights([forced[n] for n in right], [records[n] for n in right])


@pytest.mark.parametrize("forced", [(), ("--score-reference",)], ids=["decoded", "forced"])
@pytest.mark.parametrize(
    "options",
    [
        ("--left-pad-source",),
        ("--left-pad-target",),
        ("--batch-size", 1),
        ("--batch-size", 7, "--left-pad-source", "--left-pad-target"),
        ("--max-tokens", 17),
    ],
    ids=["left source", "left target", "batch size 1", "batch size 7, all left", "few tokens"],
)
def test_batches_and_padding_change_nothing(
    copy_data: Path, trained: Path, options: tuple[Any, ...], forced: tuple[str, ...]
) -> None:
    assert_same_weights(extracted(copy_data, trained, *forced, *options), extracted(copy_data, trained, *forced))


def test_all_that_the_generator_reads_is_on_the_device(
    copy_data: Path, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The device ``meta`` stands for a GPU."""
    loaded, cfg = loading(copy_data, trained, "--prefix-size", 1)
    devices = set()

    def inference_step(generator: Any, models: Any, sample: dict[str, Any], prefix_tokens: torch.Tensor) -> None:
        tensors = [*sample["net_input"].values(), *sample.values(), prefix_tokens]
        devices.update(each.device.type for each in tensors if isinstance(each, torch.Tensor))
        raise KeyboardInterrupt

    monkeypatch.setattr(loaded.task, "inference_step", inference_step)
    with pytest.raises(KeyboardInterrupt):
        extract(loaded._replace(device=torch.device("meta")), cfg)
    assert devices == {"meta"}


def test_an_ensemble_has_the_mean_of_the_weights(copy_data: Path, trained: Path, also_trained: Path) -> None:
    first = extracted(copy_data, trained, "--score-reference")
    second = extracted(copy_data, also_trained, "--score-reference")
    both = extracted(copy_data, f"{trained}:{also_trained}", "--score-reference")
    assert max(np.abs(one.weights - two.weights).max() for one, two in zip(first, second, strict=True)) > 0.1
    for one, two, mean in zip(first, second, both, strict=True):
        np.testing.assert_allclose(mean.weights, (one.weights + two.weights) / 2, rtol=0, atol=1e-6)


def test_beam_search_of_an_ensemble_has_the_mean_as_well(copy_data: Path, trained: Path, also_trained: Path) -> None:
    record = extracted(copy_data, f"{trained}:{also_trained}")[4]
    expected = [teacher_forced(copy_data, path, record) for path in (trained, also_trained)]
    np.testing.assert_allclose(record.weights, (expected[0] + expected[1]) / 2, rtol=0, atol=1e-6)


def test_another_split(copy_data: Path, trained: Path) -> None:
    assert [record.source for record in extracted(copy_data, trained, "--gen-subset", "valid")] == lines(
        copy_data, "valid"
    )


@pytest.mark.parametrize("weights", [None, torch.empty(0)], ids=["none", "empty"])
def test_a_model_without_attention(weights: torch.Tensor | None) -> None:
    sample = {"id": torch.tensor([0]), "net_input": building.batch([2])}
    hypothesis = {"tokens": torch.tensor([4, building.EOS]), "score": torch.tensor(0.0), "attention": weights}
    assert message_of(list, records_of_batch(sample, [[hypothesis]], building.task())) == (
        "the model returns no attention: train one with an attention mechanism"
    )


@pytest.mark.parametrize("left", [False, True], ids=["right", "left"])
def test_padding_ends_on_the_right_beside_an_empty_source(left: bool) -> None:
    rows = [[4, 5, 6], [], [7, 8]]
    sample = {"net_input": {"src_tokens": building.pad(rows, left=left)}}
    assert right_padded(sample, building.task())["net_input"]["src_tokens"].equal(building.pad(rows))


@pytest.mark.parametrize(
    ("there", "sentences", "line"),
    [
        ([0, 2], 3, "1 of 3 sentences are missing: ids 1"),
        ([], 2, "2 of 2 sentences are missing: ids 0, 1"),
        ([0], 22, "21 of 22 sentences are missing: ids 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 11 more"),
    ],
    ids=["one", "all", "many"],
)
def test_missing_sentences(there: list[int], sentences: int, line: str) -> None:
    assert message_of(check_complete, there, sentences, exit_code=1) == line


def test_nothing_missing() -> None:
    check_complete([1, 0, 1], 2)


# The command.


def test_the_command_writes_both_formats(
    commands: Commands, copy_data: Path, trained: Path, records: list[AttentionRecord], tmp_path: Path
) -> None:
    npz, jsonl = tmp_path / "attention.npz", tmp_path / "attention.jsonl"
    outcome = commands.succeed(*extract_words(copy_data, trained, npz, jsonl))
    assert outcome.out == f"30 hypotheses written to {npz}, {jsonl}\n{line_about(records)}\n"
    assert_same_weights(read_records(npz), records)
    assert_same_weights(read_records(jsonl), records)
    rows = [json.loads(row) for row in jsonl.read_text(encoding="utf-8").splitlines()]
    assert [row["id"] for row in rows] == list(range(30))
    assert {path.name for path in tmp_path.iterdir()} == {"attention.npz", "attention.jsonl"}


def test_the_command_forced(commands: Commands, copy_data: Path, trained: Path, tmp_path: Path) -> None:
    output = tmp_path / "attention.npz"
    commands.succeed(*extract_words(copy_data, trained, output, "--forced"), cwd=tmp_path)
    assert_same_weights(read_records(output), extracted(copy_data, trained, "--score-reference"))


def record(
    number: int, letters: str, weights: np.ndarray, reference: str | None = "ab", rank: int = 0
) -> AttentionRecord:
    gold = None if reference is None else (*reference, "</s>")
    return AttentionRecord(number, ("a", "b"), tuple(letters), weights, score=0.0, reference=gold, rank=rank)


def test_the_line_about_the_diagonal() -> None:
    right, wrong = record(0, "ab", np.eye(2)), record(1, "a", np.eye(2)[1:])
    second_best = record(1, "b", np.eye(2)[:1], rank=1)
    assert line_about([right, wrong, second_best]) == "attention on the diagonal: 0.6667 of 3 tokens without </s>"


@pytest.mark.parametrize("reference", ["ba", None], ids=["another task", "no reference"])
def test_the_diagonal_means_nothing_where_the_source_is_not_to_be_copied(reference: str | None) -> None:
    assert line_about([record(0, "ab", np.eye(2)), record(1, "ab", np.eye(2), reference)]) is None


def line_about(records: list[AttentionRecord]) -> str | None:
    diagonal = Diagonal()
    assert [diagonal.counted(one) for one in records] == records
    return diagonal.line()


def test_skipped_sentences_are_named(commands: Commands, copy_data: Path, trained: Path, tmp_path: Path) -> None:
    limits = ("--max-source-positions", 4)
    too_long = [n for n, line in enumerate(lines(copy_data)) if len(line) > 4]
    assert len(too_long) == 9
    what = f"9 samples are longer than (source, target) = (4, 2147483647): ids {', '.join(map(str, too_long))}"
    refused = commands(*extract_words(copy_data, trained, tmp_path / "a.npz", *limits))
    assert refused.code == 2
    assert error_line(refused).startswith(f"extract_attention.py: error: {what}; raise the limits or pass ")
    assert list(tmp_path.iterdir()) == []
    limits += ("--skip-invalid-size-inputs-valid-test",)
    outcome = commands.succeed(*extract_words(copy_data, trained, tmp_path / "a.npz", *limits))
    assert outcome.err.splitlines().count(f"skipped: {what}") == 1
    assert outcome.out.startswith(f"21 hypotheses written to {tmp_path / 'a.npz'}\n")
    assert [made.id for made in read_records(tmp_path / "a.npz")] == sorted({*range(30)} - {*too_long})


def test_a_missing_sentence_that_was_not_to_be_skipped(
    copy_data: Path, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def losing(self: CopyTask, indices: np.ndarray, *_: Any, **__: Any) -> np.ndarray:
        return indices[indices != 3]

    monkeypatch.setattr(CopyTask, "filter_indices_by_size", losing)
    assert message_of(extracted, copy_data, trained, "--skip-invalid-size-inputs-valid-test", exit_code=1) == (
        "1 of 30 sentences are missing: ids 3"
    )


def test_data_without_references(copy_data: Path, trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    collater = CopyDataset.collater
    monkeypatch.setattr(CopyDataset, "collater", lambda *given: {**collater(*given), "target": None})
    with pytest.raises(UserError, match="split 'test' has no references: choose data with a target side"):
        extracted(copy_data, trained, "--score-reference")
    loaded, cfg = loading(copy_data, trained)
    with pytest.raises(UserError, match="split 'test' has no references: choose data with a target side"):
        extract_forced(loaded, cfg, 0)


@pytest.mark.parametrize("overrides", ["dropout=0.1", "[1]", "{'dropout': x}"])
def test_overrides_that_are_no_dictionary(copy_data: Path, trained: Path, overrides: str) -> None:
    assert message_of(extracted, copy_data, trained, "--model-overrides", overrides) == (
        f"--model-overrides must be a Python dictionary, as in \"{{'dropout': 0.1}}\", but is {overrides!r}"
    )
