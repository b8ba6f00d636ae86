"""The recurrence, whichever way it is computed."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from fairseq_plugin.modules.attention import AdditiveAttention
from fairseq_plugin.modules.recurrence import RECURRENCE, Memory
from tests import building

ways = pytest.mark.parametrize("way", RECURRENCE)


def problem(
    batch: int = 3, source: int = 5, target: int = 4, *, lengths: list[int] | None = None, seed: int = 0
) -> dict[str, Any]:
    """Cell, attention and inputs (E 4, H 6, C 5, A 7) in float64."""
    random = building.generator(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        cell = nn.GRUCell(4 + 5, 6).double()
        attention = AdditiveAttention(query_dim=6, value_dim=5, attention_dim=7).double()

    def numbers(*shape: int) -> Tensor:
        return torch.randn(*shape, dtype=torch.float64, generator=random, requires_grad=True)

    mask = None
    if lengths is not None:
        mask = torch.arange(source).unsqueeze(0) >= torch.tensor(lengths).unsqueeze(1)
    return {
        "cell": cell,
        "attention": attention,
        "inputs": numbers(batch, target, 4),
        "state": numbers(batch, 6),
        "values": numbers(batch, source, 5),
        "mask": mask,
    }


def run(way: str, given: dict[str, Any], rows: Tensor | None = None) -> Any:
    memory = Memory(given["attention"].project_keys(given["values"]), given["values"], given["mask"], rows)
    return RECURRENCE[way](given["cell"], given["attention"], given["inputs"], given["state"], memory)


@ways
def test_one_step_by_hand(way: str) -> None:
    """One unit everywhere and weights of 1: h = (0, 0) gives c = 0, then r = z = sigmoid(y + s), n = tanh(y + r s)."""
    cell = nn.GRUCell(2, 1)
    attention = AdditiveAttention(query_dim=1, value_dim=1, attention_dim=1)
    for parameter in (*cell.parameters(), *attention.parameters()):
        parameter.data.fill_(1.0)
    cell.bias_ih.data.zero_()
    cell.bias_hh.data.zero_()
    values = torch.zeros(1, 2, 1)
    memory = Memory(attention.project_keys(values), values, None)
    out = RECURRENCE[way](cell, attention, torch.tensor([[[0.5]]]), torch.tensor([[1.0]]), memory)
    gate = 1.0 / (1.0 + torch.exp(torch.tensor(-1.5)))
    new = torch.tanh(0.5 + gate)
    torch.testing.assert_close(out.states, ((1 - gate) * new + gate).view(1, 1, 1))
    torch.testing.assert_close(out.weights, torch.full((1, 1, 2), 0.5))
    torch.testing.assert_close(out.contexts, torch.zeros(1, 1, 1))


@ways
def test_gradcheck(way: str) -> None:
    given = problem(batch=2, source=3, target=3, lengths=[3, 2])
    parameters = [*given["cell"].parameters(), *given["attention"].parameters()]

    def outputs(*tensors: Tensor) -> tuple[Tensor, ...]:
        return tuple(run(way, given))

    assert torch.autograd.gradcheck(outputs, (given["inputs"], given["state"], given["values"], *parameters))


@ways
def test_rows_that_share_a_sentence_equal_copies_of_it(way: str) -> None:
    rows = torch.tensor([1, 0, 1, 1, 0])
    given = problem(batch=2, lengths=[5, 3])
    given |= {"inputs": problem(batch=5)["inputs"], "state": problem(batch=5, seed=1)["state"]}
    shared = run(way, given, rows)
    copied = run(way, {**given, "values": given["values"][rows], "mask": given["mask"][rows]})
    for one, other in zip(shared, copied, strict=True):
        torch.testing.assert_close(one, other)
