"""The criterion equals fairseq's own: loss, logging outputs and every gradient."""

from argparse import Namespace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from fairseq.criterions.cross_entropy import CrossEntropyCriterion
from fairseq.criterions.label_smoothed_cross_entropy import LabelSmoothedCrossEntropyCriterion
from fairseq.logging import metrics
from torch import Tensor

from data_gen.errors import UserError
from fairseq_plugin.criterions import chunked_cross_entropy as criterion_module
from fairseq_plugin.criterions.chunked_cross_entropy import ChunkedCrossEntropyCriterion, chunked_cross_entropy
from tests.support import building

TASK = Namespace(target_dictionary=building.dictionary())


def sample() -> dict[str, Any]:
    net_input = building.batch([3, 7, 1, 5], extra=2)
    return {"net_input": net_input, "target": net_input["src_tokens"], "ntokens": 20}


def outcome(criterion: Any, **options: Any) -> tuple[float, int, dict[str, Any], dict[str, Tensor]]:
    model = building.model(**options)
    loss, sample_size, logging_output = criterion(model, sample())
    (loss * 0.5).backward()
    gradients = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    return loss.item(), sample_size, logging_output, gradients


@pytest.fixture(params=[5_000_000, 40], ids=["one chunk", "many chunks"])
def chunk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(criterion_module, "CHUNK_LOGITS", request.param)


@pytest.mark.usefixtures("chunk")
@pytest.mark.parametrize("smoothing", [0.0, 0.1], ids=["plain", "smoothed"])
@pytest.mark.parametrize("sentence_avg", [False, True], ids=["per token", "per sentence"])
@pytest.mark.parametrize(
    "options",
    [{}, {"share_decoder_input_output_embed": True}, {"share_all_embeddings": True}],
    ids=["own matrix", "shared output", "all shared"],
)
def test_it_equals_fairseq(smoothing: float, sentence_avg: bool, options: dict) -> None:
    expected = outcome(LabelSmoothedCrossEntropyCriterion(TASK, sentence_avg, smoothing), **options)
    if not smoothing:
        assert outcome(CrossEntropyCriterion(TASK, sentence_avg), **options)[0] == pytest.approx(expected[0], rel=1e-6)
    got = outcome(ChunkedCrossEntropyCriterion(TASK, sentence_avg, smoothing), **options)
    assert got[0] == pytest.approx(expected[0], rel=1e-6)
    assert got[1] == expected[1]
    assert {k: float(v) for k, v in got[2].items()} == pytest.approx(
        {k: float(v) for k, v in expected[2].items()}, rel=1e-6
    )
    assert got[3].keys() == expected[3].keys()
    for name, gradient in expected[3].items():
        largest = max(1.0, gradient.abs().max().item())
        torch.testing.assert_close(got[3][name], gradient, rtol=0, atol=1e-6 * largest, msg=name)


@pytest.mark.parametrize("smoothing", [0.0, 0.1], ids=["plain", "smoothed"])
@pytest.mark.parametrize("sentence_avg", [False, True], ids=["per token", "per sentence"])
def test_it_reports_what_fairseq_reports(smoothing: float, sentence_avg: bool) -> None:
    """And where cross_entropy reports more or less than label_smoothed_cross_entropy, what both say is the same."""

    def reported(criterion: Any) -> dict[str, float]:
        _, _, logged, _ = outcome(criterion)
        with metrics.aggregate(new_root=True) as meters:
            criterion.reduce_metrics([logged, logged])
        return dict(meters.get_smoothed_values())

    got = reported(ChunkedCrossEntropyCriterion(TASK, sentence_avg, smoothing))
    assert got.keys() == {"loss", "nll_loss", "ppl"}
    assert got == pytest.approx(reported(LabelSmoothedCrossEntropyCriterion(TASK, sentence_avg, smoothing)))
    if not smoothing:
        plain = reported(CrossEntropyCriterion(TASK, sentence_avg))
        assert {name: got[name] for name in plain} == pytest.approx(plain)


@pytest.mark.usefixtures("chunk")
def test_gradcheck() -> None:
    random = building.generator(0)
    features = torch.randn(7, 3, dtype=torch.float64, generator=random, requires_grad=True)
    weight = torch.randn(5, 3, dtype=torch.float64, generator=random, requires_grad=True)
    bias = torch.randn(5, dtype=torch.float64, generator=random, requires_grad=True)
    target = torch.tensor([0, 1, 2, 3, 4, 0, 1])

    def loss(*tensors: Tensor) -> Tensor:
        return chunked_cross_entropy(*tensors, target, label_smoothing=0.2).loss

    assert torch.autograd.gradcheck(loss, (features, weight, bias))


@pytest.mark.usefixtures("chunk")
def test_float64_is_kept_throughout() -> None:
    random = building.generator(0)
    tensors = [torch.randn(shape, dtype=torch.float64, generator=random) for shape in ((30, 3), (5, 3), (5,))]
    target = torch.arange(30) % 5
    ours = [tensor.clone().requires_grad_() for tensor in tensors]
    theirs = [tensor.clone().requires_grad_() for tensor in tensors]
    chunked_cross_entropy(*ours, target).loss.backward()
    F.cross_entropy(F.linear(*theirs), target, reduction="sum").backward()
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=0, atol=1e-12)


def test_by_hand() -> None:
    """Two symbols with logits (0, log 3): probabilities 1/4 and 3/4."""
    features = torch.tensor([[1.0]])
    weight = torch.tensor([[0.0], [3.0]]).log1p().div(torch.tensor(4.0).log() / torch.tensor(3.0).log())
    loss, nll = chunked_cross_entropy(features, weight, None, torch.tensor([0]))
    assert loss.item() == pytest.approx(-torch.tensor(0.25).log().item())
    assert nll.item() == pytest.approx(loss.item())


def test_no_gradients_are_computed_for_validation() -> None:
    model = building.model()
    with torch.no_grad():
        loss, _, _ = ChunkedCrossEntropyCriterion(TASK, False, 0.0)(model, sample())
    logits, _ = model(**sample()["net_input"])
    expected = F.cross_entropy(logits.flatten(0, 1), sample()["target"].flatten(), ignore_index=1, reduction="sum")
    torch.testing.assert_close(loss, expected)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(dtype: torch.dtype) -> None:
    model = building.model()
    criterion = ChunkedCrossEntropyCriterion(TASK, False, 0.1)
    expected, _, _ = criterion(model, sample())
    model = model.to(dtype)
    loss, _, _ = criterion(model, sample())
    loss.backward()
    assert loss.dtype == torch.float32
    assert all(p.grad is None or p.grad.dtype == dtype for p in model.parameters())
    torch.testing.assert_close(loss, expected, rtol=0.02, atol=0.02)


def test_second_derivatives_are_refused() -> None:
    features = torch.randn(2, 3, generator=building.generator(0), requires_grad=True)
    loss = chunked_cross_entropy(features, torch.ones(4, 3), None, torch.tensor([0, 1])).loss
    with pytest.raises(RuntimeError, match=r"create_graph: use --criterion cross_entropy$"):
        torch.autograd.grad(loss, features, create_graph=True)


def test_bad_smoothing_is_named() -> None:
    with pytest.raises(UserError, match=r"^--label-smoothing must be at least 0 and below 1, but is 1\.5$"):
        ChunkedCrossEntropyCriterion(TASK, False, 1.5)


def test_other_models_are_refused_by_name() -> None:
    criterion = ChunkedCrossEntropyCriterion(TASK, False, 0.0)
    with pytest.raises(UserError, match="does not know the output layer of Linear: use --criterion cross_entropy"):
        criterion(torch.nn.Linear(1, 1), sample())
