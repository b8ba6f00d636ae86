"""Reading padded rows without packing gives what packing gives: annotations, final states, every gradient."""

from typing import Any

import pytest
import torch
from torch import nn

from fairseq_plugin.modules.fused_gru import fused_gru
from fairseq_plugin.modules.gru_layers import Direction, read, read_packed, read_padded, torch_gru
from tests.support import building

LENGTHS = {"mixed": [3, 7, 1, 5], "an empty row": [2, 0, 4], "one token": [1, 1], "no padding": [4, 4, 4]}
DIRECTIONS = {"fused": fused_gru, "torch": torch_gru}
SIZES = {"one layer": (1, False), "both directions": (1, True), "two layers of both": (2, True), "three": (3, False)}


def gru(layers: int, both: bool, dropout: float = 0.0) -> nn.GRU:
    made = nn.GRU(3, 5, layers, bidirectional=both, dropout=dropout, batch_first=True).double()
    for parameter in made.parameters():
        nn.init.normal_(parameter, std=0.5, generator=building.generator(parameter.numel()))
    return made


def batch(lengths: list[int], extra: int) -> tuple[torch.Tensor, torch.Tensor]:
    inputs = torch.randn(len(lengths), max(lengths) + extra, 3, generator=building.generator(1), dtype=torch.float64)
    return inputs, torch.tensor(lengths)


@pytest.mark.parametrize("direction", DIRECTIONS.values(), ids=DIRECTIONS.keys())
@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES.keys())
@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS.keys())
@pytest.mark.parametrize("extra", [0, 2], ids=["tight", "loose"])
def test_values_and_gradients_are_those_of_packing(
    direction: Direction, size: tuple[int, bool], lengths: list[int], extra: int
) -> None:
    model = gru(*size)
    inputs, true_lengths = batch(lengths, extra)
    readings: list[Any] = [lambda given: read_padded(model, given, true_lengths, direction)]
    if lengths == LENGTHS["no padding"] and not extra:
        readings.append(lambda given: read_padded(model, given, None, direction))
    readings.append(lambda given: read_packed(model, given, true_lengths))
    found = []
    for reading in readings:
        given = inputs.clone().requires_grad_()
        annotations, states = reading(given)
        loss = (annotations * mix(annotations)).sum() + (states * mix(states)).sum()
        found.append([annotations, states, *torch.autograd.grad(loss, [given, *model.parameters()])])
    *ours, packed = found
    for each in ours:
        torch.testing.assert_close(each, packed, rtol=1e-10, atol=1e-12)


def mix(like: torch.Tensor) -> torch.Tensor:
    return torch.randn(like.shape, generator=building.generator(2), dtype=like.dtype)


@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS.keys())
@pytest.mark.parametrize("fused", [False, True], ids=["torch", "fused"])
def test_any_precision_and_any_batch_is_read_alike(lengths: list[int], fused: bool) -> None:
    inputs, true_lengths = batch(lengths, 0)
    padded = min(lengths) < max(lengths)
    expected = read_packed(gru(2, True), inputs, true_lengths)
    for dtype, tolerance in ((torch.float64, 1e-12), (torch.float32, building.CLOSE["atol"]), (torch.bfloat16, 0.05)):
        model = gru(2, True).to(dtype)
        found = read(model, inputs.to(dtype), true_lengths, has_padding=padded, fused=fused)
        torch.testing.assert_close([each.double() for each in found], list(expected), rtol=tolerance, atol=tolerance)


def test_gradients_by_hand_are_those_of_finite_differences() -> None:
    model = gru(1, False)
    inputs, _ = batch([3, 2], 0)
    torch.autograd.gradcheck(fused_gru, (inputs.requires_grad_(), *model.parameters()))


@pytest.mark.skipif(not building.ON_CPU, reason="a GPU computes no gradients by hand here")
def test_a_second_derivative_is_refused_and_the_plain_way_has_one() -> None:
    inputs, lengths = batch([3, 2], 0)
    inputs.requires_grad_()
    fused, _ = read(gru(1, True), inputs, lengths, has_padding=True)
    with pytest.raises(RuntimeError, match=r"no second derivative here, .*: use --recurrence naive"):
        torch.autograd.grad(fused.sum(), inputs, create_graph=True)
    plain, _ = read(gru(1, True), inputs, lengths, has_padding=True, fused=False)
    (first,) = torch.autograd.grad(plain.sum(), inputs, create_graph=True)
    assert first.sum().requires_grad


def test_dropout_falls_between_layers_while_training() -> None:
    inputs, lengths = batch([4, 2], 0)
    one, two = gru(1, True, dropout=0.0), gru(2, True, dropout=0.5)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        first, second = (read_padded(two, inputs, lengths, fused_gru)[0] for _ in range(2))
        assert not torch.equal(first, second)
        assert torch.equal(*(read_padded(one, inputs, lengths, fused_gru)[0] for _ in range(2)))
    two.eval()
    torch.testing.assert_close(read_padded(two, inputs, lengths, fused_gru)[0], read_packed(two, inputs, lengths)[0])
