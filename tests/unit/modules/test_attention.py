"""Attention against numbers worked out by hand."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fairseq_plugin.modules.attention import AdditiveAttention, FixedSummary, NormedAttention, masked_softmax
from tests.support import building


def hand_made() -> AdditiveAttention:
    """W_h = identity, W_s = [[1, 0], [0, 2]], v = (1, -1)."""
    attention = AdditiveAttention(query_dim=2, value_dim=2, attention_dim=2)
    attention.key_projection.weight.data = torch.eye(2)
    attention.query_projection.weight.data = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    attention.energy.weight.data = torch.tensor([[1.0, -1.0]])
    return attention


def test_scores_weights_and_context_by_hand() -> None:
    attention = hand_made()
    values = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]])  # h_1, h_2
    query = torch.tensor([[0.5, 0.25]])
    # W_s s = (0.5, 0.5), so e_1 = tanh 1.5 - tanh 0.5 and e_2 = tanh 0.5 - tanh 1.5.
    score = math.tanh(1.5) - math.tanh(0.5)
    keys = attention.project_keys(values)
    torch.testing.assert_close(attention.score(query, keys), torch.tensor([[score, -score]]))

    first = 1.0 / (1.0 + math.exp(-2.0 * score))  # softmax of (score, -score)
    context, weights = attention(query, keys, values)
    torch.testing.assert_close(weights, torch.tensor([[first, 1.0 - first]]))
    torch.testing.assert_close(context, torch.tensor([[first, 1.0 - first]]))


def test_v_is_applied_before_the_sum_over_units() -> None:
    """v = (1, -1) tells the units apart. After the sum it could not: (1 - 1) times the sum is 0, whatever the units."""
    attention = hand_made()
    attention.query_projection.weight.data.zero_()
    score = attention.score(torch.zeros(1, 2), attention.project_keys(torch.tensor([[[0.7, 0.2], [0.7, 0.7]]])))
    torch.testing.assert_close(score, torch.tensor([[math.tanh(0.7) - math.tanh(0.2), 0.0]]))


def test_no_biases() -> None:
    assert {name for name, _ in hand_made().named_parameters()} == {
        "key_projection.weight",
        "query_projection.weight",
        "energy.weight",
    }


def test_padding_gets_exactly_zero_and_the_rest_sums_to_one() -> None:
    scores = torch.tensor([[100.0, -100.0, 3.0], [1.0, 2.0, 1e30]])
    mask = torch.tensor([[False, False, True], [False, False, True]])
    weights = masked_softmax(scores, mask)
    assert weights[:, 2].tolist() == [0.0, 0.0]
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(2))


def test_a_fully_padded_row_has_no_weight_and_finite_gradients() -> None:
    scores = torch.randn(2, 3, generator=building.generator(0), requires_grad=True)
    mask = torch.tensor([[True, True, True], [False, False, True]])
    weights = masked_softmax(scores, mask)
    assert weights[0].tolist() == [0.0, 0.0, 0.0]
    weights.square().sum().backward()
    assert scores.grad is not None
    assert scores.grad[0].tolist() == [0.0, 0.0, 0.0]
    assert torch.isfinite(scores.grad).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_softmax_is_computed_in_float32(dtype: torch.dtype) -> None:
    scores = torch.tensor([[11.0, 11.0078125, -60000.0]], dtype=dtype)
    mask = torch.tensor([[False, False, True]])
    weights = masked_softmax(scores, mask)
    assert weights.dtype == torch.float32
    torch.testing.assert_close(weights, masked_softmax(scores.float(), mask), rtol=0, atol=0)


@given(
    scores=st.lists(st.floats(-30, 30), min_size=1, max_size=12),
    padded=st.lists(st.booleans(), min_size=12, max_size=12),
)
def test_weights_are_a_distribution_over_true_positions(scores: list[float], padded: list[bool]) -> None:
    mask = torch.tensor([padded[: len(scores)]])
    weights = masked_softmax(torch.tensor([scores], dtype=torch.float64), mask)[0]
    assert (weights[mask[0]] == 0.0).all()
    assert (weights >= 0).all()
    expected = 0.0 if mask.all() else 1.0
    assert weights.sum().item() == pytest.approx(expected)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_a_fixed_summary_is_the_annotation_of_the_last_true_token(dtype: torch.dtype) -> None:
    attention = FixedSummary(query_dim=2, value_dim=3, attention_dim=1)
    values = torch.randn(3, 4, 3, generator=building.generator(0)).to(dtype)
    mask = torch.tensor([[False, False, False, True], [True, True, False, False], [True, True, True, True]])
    context, weights = attention(torch.randn(3, 2), attention.project_keys(values), values, mask)
    assert weights.tolist() == [[0, 0, 1, 0], [0, 0, 0, 1], [0, 0, 0, 0]]
    assert torch.equal(context, torch.stack([values[0, 2], values[1, 3], torch.zeros(3, dtype=dtype)]))


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_a_fixed_summary_of_both_directions_holds_their_last_states(dtype: torch.dtype) -> None:
    attention = FixedSummary(query_dim=2, value_dim=4, attention_dim=1, encoder_bidirectional=True).to(dtype)
    values = torch.randn(3, 4, 4, generator=building.generator(0)).to(dtype)
    mask = torch.tensor([[False, False, False, True], [True, True, False, False], [True, True, True, True]])
    context, _ = attention(torch.randn(3, 2), attention.project_keys(values), values, mask)
    ends = [torch.cat([values[0, 2, :2], values[0, 0, 2:]]), torch.cat([values[1, 3, :2], values[1, 2, 2:]])]
    assert torch.equal(context, torch.stack([*ends, torch.zeros(4, dtype=dtype)]))


def test_normed_score_by_hand() -> None:
    attention = NormedAttention(query_dim=1, value_dim=1, attention_dim=2)
    assert (attention.length.item(), attention.bias.tolist()) == (pytest.approx(2**-0.5), [0.0, 0.0])
    attention.key_projection.weight.data = torch.tensor([[1.0], [0.5]])
    attention.query_projection.weight.data = torch.tensor([[2.0], [-1.0]])
    attention.energy.weight.data = torch.tensor([[3.0, 4.0]])
    attention.length.data.fill_(10.0)
    attention.bias.data = torch.tensor([0.1, 0.2])
    score = attention.score(torch.tensor([[0.3]]), attention.project_keys(torch.tensor([[[0.4]]])))
    assert score.item() == pytest.approx(6 * math.tanh(0.4 + 0.6 + 0.1) + 8 * math.tanh(0.2 - 0.3 + 0.2))
