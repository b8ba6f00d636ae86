"""Reading padded rows without packing gives what packing gives: annotations, final states, every gradient."""

import pytest
import torch
from torch import nn

from fairseq_plugin.modules.gru_reading import read, read_packed, read_padded
from tests import building

LENGTHS = {"mixed": [3, 7, 1, 5], "an empty row": [2, 0, 4], "one token": [1, 1], "no padding": [4, 4, 4]}
SIZES = {"one layer": (1, False), "both directions": (1, True), "two layers of both": (2, True), "three": (3, False)}


def gru(layers: int, both: bool, dropout: float = 0.0) -> nn.GRU:
    made = nn.GRU(3, 5, layers, bidirectional=both, dropout=dropout, batch_first=True).double()
    for parameter in made.parameters():
        nn.init.normal_(parameter, std=0.5, generator=building.generator(parameter.numel()))
    return made


def batch(lengths: list[int], extra: int) -> tuple[torch.Tensor, torch.Tensor]:
    inputs = torch.randn(len(lengths), max(lengths) + extra, 3, generator=building.generator(1), dtype=torch.float64)
    return inputs, torch.tensor(lengths)


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES.keys())
@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS.keys())
@pytest.mark.parametrize("extra", [0, 2], ids=["tight", "loose"])
def test_values_and_gradients_are_those_of_packing(size: tuple[int, bool], lengths: list[int], extra: int) -> None:
    model = gru(*size)
    inputs, true_lengths = batch(lengths, extra)
    found = []
    for reading in (read_padded, read_packed):
        given = inputs.clone().requires_grad_()
        annotations, states = reading(model, given, true_lengths)
        mix = [
            torch.randn(out.shape, generator=building.generator(2), dtype=out.dtype) for out in (annotations, states)
        ]
        loss = (annotations * mix[0]).sum() + (states * mix[1]).sum()
        found.append([annotations, states, *torch.autograd.grad(loss, [given, *model.parameters()])])
    for ours, packed in zip(*found, strict=True):
        torch.testing.assert_close(ours, packed, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES.keys())
def test_full_rows_are_read_alike_without_lengths(size: tuple[int, bool]) -> None:
    model = gru(*size)
    inputs, lengths = batch([4, 4], 0)
    for plain, padded in zip(
        read(model, inputs, lengths, has_padding=False), read_padded(model, inputs, lengths), strict=True
    ):
        torch.testing.assert_close(plain, padded)


def test_dropout_falls_between_layers_while_training() -> None:
    inputs, lengths = batch([4, 2], 0)
    one, two = gru(1, True, dropout=0.0), gru(2, True, dropout=0.5)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        assert not torch.equal(read_padded(two, inputs, lengths)[0], read_padded(two, inputs, lengths)[0])
        assert torch.equal(read_padded(one, inputs, lengths)[0], read_padded(one, inputs, lengths)[0])
    two.eval()
    torch.testing.assert_close(read_padded(two, inputs, lengths)[0], read_packed(two, inputs, lengths)[0])
