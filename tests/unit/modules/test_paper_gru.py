"""The paper's gated unit: by hand, beside torch's where both say the same, in layers, padded, in the recurrence."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from fairseq_plugin.modules.attention import AdditiveAttention, FixedSummary, NormedAttention
from fairseq_plugin.modules.gru_layers import read
from fairseq_plugin.modules.gru_units import PaperGRU, PaperGRUCell, paper_direction
from fairseq_plugin.modules.recurrence import RECURRENCE, choose_recurrence
from tests.support import building
from tests.unit.modules.test_recurrence import SIZES, outputs_and_gradients, problem


def drawn(module: nn.Module, seed: int = 0) -> Any:
    """The module in float64 with large numbers."""
    for number, parameter in enumerate(module.parameters()):
        parameter.data = torch.randn(
            parameter.shape, generator=building.generator(seed + number), dtype=torch.float64
        ).mul_(0.7)
    return module


def numbers(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(*shape, generator=building.generator(seed), dtype=torch.float64)


def test_one_step_by_hand() -> None:
    """One input 0.5, one unit in state 2, U_r = ln 3 / 2 and nothing else into r: r = sigmoid(ln 3) = 3/4."""
    cell = PaperGRUCell(1, 1)
    cell.weight_ih.data.copy_(torch.tensor([[0.0], [-2.0], [1.0]]))  # W_r, W_z, W
    cell.weight_hh.data.copy_(torch.tensor([[math.log(3) / 2], [0.0], [2.0]]))  # U_r, U_z, U
    cell.bias_ih.data.copy_(torch.tensor([0.0, 1.0, 0.25]))
    candidate = math.tanh(0.5 + 2.0 * (0.75 * 2.0) + 0.25)
    update = 1 / 2  # sigmoid(-2 * 0.5 + 1)
    state = cell(torch.tensor([[0.5]]), torch.tensor([[2.0]]))
    torch.testing.assert_close(state, torch.tensor([[(1 - update) * 2.0 + update * candidate]]))


def test_the_reset_comes_before_the_product() -> None:
    """Unit 1 is reset to 0 and the gates do not read the state: nothing of it reaches unit 2 through the product."""
    cell, torchs = drawn(PaperGRUCell(1, 2)), drawn(nn.GRUCell(1, 2))
    for each in (cell, torchs):
        each.weight_hh.data[:4].zero_()
        each.bias_ih.data[0] = -1e9  # r_1 = 0
    inputs, small, large = numbers(1, 1), torch.tensor([[0.0, 1.0]]).double(), torch.tensor([[5.0, 1.0]]).double()
    with torch.no_grad():
        assert cell(inputs, small)[0, 1] == cell(inputs, large)[0, 1]
        assert torchs(inputs, small)[0, 1] != torchs(inputs, large)[0, 1]


def test_without_resets_it_is_torchs_unit_with_the_update_turned_round() -> None:
    """r = 1 throughout: reset before or after the product is the same, and torch's z is 1 - z here."""
    ours, theirs = drawn(PaperGRUCell(3, 4)), drawn(nn.GRUCell(3, 4))
    for mine, other in ((ours.weight_ih, theirs.weight_ih), (ours.weight_hh, theirs.weight_hh)):
        other.data.copy_(mine)
        other.data[4:8].neg_()
    ours.bias_ih.data[:4] = 1e9
    theirs.bias_ih.data.copy_(ours.bias_ih)
    theirs.bias_ih.data[4:8].neg_()
    theirs.bias_hh.data.zero_()
    inputs, state = numbers(5, 3), numbers(5, 4, seed=2)
    torch.testing.assert_close(ours(inputs, state), theirs(inputs, state))
    torch.testing.assert_close(ours(inputs), ours(inputs, torch.zeros_like(state)))


def test_names_and_shapes_are_those_of_torchs_gru_but_one_bias() -> None:
    ours, theirs = PaperGRU(3, 4, num_layers=2, bidirectional=True), nn.GRU(3, 4, num_layers=2, bidirectional=True)
    expected = {name: value.shape for name, value in theirs.named_parameters() if "bias_hh" not in name}
    assert {name: value.shape for name, value in ours.named_parameters()} == expected
    assert list(dict(PaperGRUCell(3, 4).named_parameters())) == ["weight_ih", "weight_hh", "bias_ih"]
    assert 0.45 < torch.cat([parameter.flatten() for parameter in ours.parameters()]).abs().max() <= 0.5


def by_cell(gru: PaperGRU, name: str, rows: Tensor, state: Tensor | None = None) -> Tensor:
    """States (S, H) of one direction over one row (S, E), a cell's step at a time."""
    cell = PaperGRUCell(rows.size(1), gru.weight_hh_l0.size(1)).double()
    for kind in ("weight_ih", "weight_hh", "bias_ih"):
        getattr(cell, kind).data.copy_(getattr(gru, f"{kind}_{name}"))
    states = []
    for vector in rows:
        state = cell(vector.unsqueeze(0), None if state is None else state.view(1, -1))
        states.append(state[0])
    return torch.stack(states)


LENGTHS = {"mixed": [3, 7, 1, 5], "an empty row": [2, 0, 4], "no padding": [4, 4, 4]}


@pytest.mark.parametrize("both", [False, True], ids=["forwards", "both directions"])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS.keys())
@pytest.mark.parametrize("extra", [0, 2], ids=["tight", "loose"])
def test_padded_rows_are_read_as_each_is_alone(both: bool, layers: int, lengths: list[int], extra: int) -> None:
    gru = drawn(PaperGRU(3, 4, num_layers=layers, bidirectional=both))
    inputs = numbers(len(lengths), max(lengths) + extra, 3)
    padded = extra > 0 or min(lengths) < max(lengths)
    with torch.no_grad():
        annotations, last = read(gru, inputs, torch.tensor(lengths), has_padding=padded)
        for row, length in enumerate(lengths):
            assert (annotations[row, length:] == 0.0).all()
            if not length:
                assert (last[:, row] == 0.0).all()
                continue
            expected = inputs[row, :length]
            for layer in range(layers):
                forward = by_cell(gru, f"l{layer}", expected)
                ends = [forward[-1]]
                if both:
                    backward = by_cell(gru, f"l{layer}_reverse", expected.flip(0)).flip(0)
                    ends.append(backward[0])
                    forward = torch.cat([forward, backward], dim=1)
                expected = forward
                torch.testing.assert_close(last[layer, row], torch.cat(ends))
            torch.testing.assert_close(annotations[row, :length], expected)


def test_layers_of_a_decoder_go_on_from_their_states() -> None:
    gru = drawn(PaperGRU(3, 4, num_layers=2))
    inputs, start = numbers(2, 5, 3), numbers(2, 2, 4, seed=2)
    states, last = gru(inputs, start)
    for row in range(2):
        lower = by_cell(gru, "l0", inputs[row], start[0, row])
        upper = by_cell(gru, "l1", lower, start[1, row])
        torch.testing.assert_close(states[row], upper)
        torch.testing.assert_close(last[:, row], torch.stack([lower[-1], upper[-1]]))
    first, between = gru(inputs[:, :2], start)
    rest, end = gru(inputs[:, 2:], between)
    torch.testing.assert_close(torch.cat([first, rest], dim=1), states)
    torch.testing.assert_close(end, last)


def test_dropout_falls_between_layers_while_training() -> None:
    inputs, start = numbers(2, 5, 3), numbers(2, 2, 4)
    dropping, keeping = (drawn(PaperGRU(3, 4, num_layers=2, dropout=rate)) for rate in (0.5, 0.0))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        assert not torch.equal(dropping(inputs, start)[0], dropping(inputs, start)[0])
    torch.testing.assert_close(dropping.eval()(inputs, start), keeping(inputs, start))


def test_gradients_are_those_of_finite_differences_and_can_be_taken_twice() -> None:
    gru = drawn(PaperGRU(2, 3))
    inputs = numbers(2, 3, 2).requires_grad_()
    assert torch.autograd.gradcheck(paper_direction, (inputs, *gru.parameters()))
    assert torch.autograd.gradgradcheck(paper_direction, (inputs, *gru.parameters()))


@pytest.mark.parametrize("kind", [AdditiveAttention, NormedAttention, FixedSummary])
@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES.keys())
def test_the_hoisted_recurrence_equals_the_loop(sizes: dict[str, Any], kind: type) -> None:
    attention = drawn(kind(query_dim=6, value_dim=5, attention_dim=7))
    given = problem(**sizes) | {"cell": drawn(PaperGRUCell(4 + 5, 6)), "attention": attention}
    expected, got = (outputs_and_gradients(way, given) for way in ("naive", "hoisted"))
    assert got.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(got[name], value, rtol=1e-10, atol=1e-12, msg=lambda text, n=name: f"{n}: {text}")


@pytest.mark.parametrize("kind", [AdditiveAttention, NormedAttention, FixedSummary])
def test_auto_hoists_what_it_can_with_this_unit(kind: type) -> None:
    attention = kind(query_dim=2, value_dim=2, attention_dim=2)
    assert choose_recurrence("auto", attention, PaperGRUCell) is RECURRENCE["hoisted"]
    assert choose_recurrence("naive", attention, PaperGRUCell) is RECURRENCE["naive"]


@pytest.mark.parametrize("recurrence", ["auto", "naive"])
def test_autocast_trains_and_follows_float32(recurrence: str) -> None:
    options = {"gru_cell": "paper", "encoder_bidirectional": True, "decoder_init": "backward", "decoder_layers": 2}
    model = building.model(recurrence=recurrence, **options)
    net_input = building.batch([3, 7, 1])
    expected, _ = model(**net_input)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        got, _ = model(**net_input)
    torch.testing.assert_close(got.float(), expected, rtol=0.05, atol=0.1)
    got.float().square().sum().backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in model.parameters())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_follows_float32(dtype: torch.dtype) -> None:
    model = building.model(gru_cell="paper", encoder_bidirectional=True, decoder_init="backward", readout="maxout")
    net_input = building.batch([3, 7, 1], left_source=True)
    with torch.no_grad():
        expected, _ = model(**net_input)
        got, _ = model.to(dtype)(**net_input)
    assert got.dtype == dtype
    torch.testing.assert_close(got.float(), expected, rtol=0.05, atol=0.1)
