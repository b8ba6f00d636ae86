"""Ensembles: probabilities and attention are means, whichever model comes first, whether or not all of them attend."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fairseq.sequence_generator import EnsembleModel
from torch import Tensor

from fairseq_plugin.analysis.ensemble import Ensemble
from fairseq_plugin.analysis.formats import read_records
from fairseq_plugin.modules.attention import ATTENTION
from tests.support import building
from tests.support.commands import Commands, error_line, extract_words, generate_words, lines_of, train_words

MODELS: dict[str, dict[str, Any]] = {name: {"attention": name} for name in ATTENTION}
MODELS["general, fed"] = {"attention": "general", "input_feeding": True}
STEPS = 4


def by_hand(models: list[Any], net_input: dict[str, Tensor]) -> tuple[Tensor, Tensor | None]:
    """Mean probabilities (B, T, V), and mean weights (B, T, S) of those that have some."""
    made = [model(**net_input) for model in models]
    weights = [extra["attn"][0] for _, extra in made if extra["attn"] is not None]
    mean = torch.stack(weights).mean(dim=0) if weights else None
    return torch.stack([logits.softmax(dim=2) for logits, _ in made]).mean(dim=0), mean


def step_by_step(ensemble: EnsembleModel, net_input: dict[str, Tensor]) -> tuple[Tensor, Tensor | None]:
    """The same as fairseq's generator computes it; after each step the rows of the batch change places."""
    encoded, states = ensemble.forward_encoder(net_input), [{} for _ in ensemble.models]  # type: ignore[var-annotated]
    tokens = net_input["prev_output_tokens"]
    rows = torch.arange(len(tokens))  # the sentence that each row of the batch holds
    order, made = rows.roll(1), []
    for step in range(STEPS):
        probabilities, weights = ensemble.forward_decoder(tokens[rows, : step + 1], encoded, states, 1.0)
        made.append((probabilities.exp()[rows.argsort()], None if weights is None else weights[rows.argsort()]))
        ensemble.reorder_incremental_state(states, order)
        encoded, rows = ensemble.reorder_encoder_out(encoded, order), rows[order]
    weights_of = [weights for _, weights in made if weights is not None]
    return torch.stack([each for each, _ in made], dim=1), torch.stack(weights_of, dim=1) if weights_of else None


@pytest.mark.parametrize("kind", [EnsembleModel, Ensemble], ids=["fairseq's", "ours"])
@pytest.mark.parametrize("first", MODELS)
def test_every_order_of_an_ensemble_equals_the_average_by_hand(first: str, kind: type[EnsembleModel]) -> None:
    net_input = building.batch([6, 4, 5])
    net_input["prev_output_tokens"] = net_input["prev_output_tokens"][:, :STEPS]
    for order in [*((first, second) for second in MODELS), (first, "shift", "none", "additive")]:
        models = [building.model(seed, **MODELS[name]) for seed, name in enumerate(order)]
        with torch.no_grad():
            expected, got = by_hand(models, net_input), step_by_step(kind(models), net_input)
        np.testing.assert_allclose(got[0], expected[0], rtol=0, atol=1e-6, err_msg=str(order))
        if order != ("none", "none") and (kind is Ensemble or "none" not in order):  # fairseq's divides by all models
            np.testing.assert_allclose(got[1], expected[1], rtol=0, atol=1e-6, err_msg=str(order))


@pytest.fixture(scope="module")
def without(commands: Commands, copy_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of a model that does not attend."""
    folder = tmp_path_factory.mktemp("without")
    commands.succeed(*train_words(copy_data, folder, "--max-epoch", 1, "--attention", "none"))
    return folder / "checkpoint_last.pt"


@pytest.mark.parametrize("task", ["copy", "translation"])
@pytest.mark.parametrize("forced", [(), ("--forced",)], ids=["decoded", "forced"])
def test_attention_is_that_of_the_models_that_attend(
    commands: Commands, copy_data: Path, trained: Path, without: Path, tmp_path: Path, forced: tuple, task: str
) -> None:
    more = ("--task", task, "--source-lang", "src", "--target-lang", "tgt", *forced)
    for path in (f"{trained}:{without}", f"{without}:{trained}"):
        commands.succeed(*extract_words(copy_data, path, tmp_path / "mixed.npz", *more))
        for record in read_records(tmp_path / "mixed.npz"):
            np.testing.assert_allclose(record.weights.sum(axis=1), 1.0, atol=1e-6)
    if forced:
        commands.succeed(*extract_words(copy_data, trained, tmp_path / "alone.npz", *more))
        records = [read_records(tmp_path / name) for name in ("mixed.npz", "alone.npz")]
        for mixed, alone in zip(*records, strict=True):
            np.testing.assert_allclose(mixed.weights, alone.weights, rtol=0, atol=1e-6)
            assert mixed.score != alone.score


def test_generate_prints_it_as_well(commands: Commands, copy_data: Path, trained: Path, without: Path) -> None:
    words = generate_words(copy_data, f"{without}:{trained}", "--print-alignment", "soft")
    printed = lines_of(commands.succeed(*words), "A")
    assert len(printed) == 30
    for (line,) in printed.values():
        sums = [sum(float(number) for number in row.split(",")) for row in line.split()]
        assert sums == pytest.approx([1.0] * len(sums), abs=1e-5)  # six decimals each


@pytest.mark.parametrize("forced", [(), ("--forced",)], ids=["decoded", "forced"])
def test_where_no_model_attends(
    commands: Commands, copy_data: Path, without: Path, tmp_path: Path, forced: tuple
) -> None:
    outcome = commands(*extract_words(copy_data, f"{without}:{without}", tmp_path / "none.npz", *forced))
    assert outcome.code == 2
    assert error_line(outcome).startswith("extract_attention.py: error: the model returns no attention: ")
    assert list(tmp_path.iterdir()) == []
