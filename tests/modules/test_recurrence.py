"""The recurrence, whichever way it is computed."""

from typing import Any

import pytest
import torch
from hypothesis import given as given_by_hypothesis
from hypothesis import settings
from hypothesis import strategies as st
from torch import Tensor, nn

from data_gen.errors import UserError
from fairseq_plugin.modules.attention import AdditiveAttention, FixedSummary, NormedAttention
from fairseq_plugin.modules.recurrence import RECURRENCE, Memory, additive_layer, choose_recurrence, fused
from tests import building

ways = pytest.mark.parametrize("way", ["naive", "fused"])


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
    return RECURRENCE[way].run(given["cell"], given["attention"], given["inputs"], given["state"], memory)


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
    out = RECURRENCE[way].run(cell, attention, torch.tensor([[[0.5]]]), torch.tensor([[1.0]]), memory)
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


def test_the_fused_recurrence_refuses_a_second_derivative() -> None:
    given = problem()
    states = run("fused", given).states
    with pytest.raises(RuntimeError, match=r"create_graph: use --recurrence naive$"):
        torch.autograd.grad(states.sum(), given["inputs"], create_graph=True)


SIZES = {
    "plain": {},
    "one step": {"target": 1},
    "one source token": {"source": 1},
    "longer target": {"source": 3, "target": 7},
    "one sentence": {"batch": 1},
    "all lengths equal": {"lengths": [5, 5, 5]},
    "all lengths different": {"lengths": [5, 1, 3]},
    "one row padded through": {"lengths": [5, 0, 2]},
}
WAYS = {
    "kept": {},
    "recomputed": {"KEEP_LAYER": 0},
    "in pieces": {"KEEP_LAYER": 0, "PIECE": 40},
    "kept in pieces": {"PIECE": 40},
}


def outputs_and_gradients(way: str, given: dict[str, Any]) -> dict[str, Tensor]:
    """States, contexts and weights, and the gradients of a random sum of all three."""
    out = run(way, given)
    random = building.generator(9)
    factors = [torch.randn(part.shape, dtype=torch.float64, generator=random).to(part.dtype) for part in out]
    loss = sum((part * factor).sum() for part, factor in zip(out, factors, strict=True))
    names = {name: given[name] for name in ("inputs", "state", "values")}
    names |= dict(given["cell"].named_parameters()) | dict(given["attention"].named_parameters())
    gradients = torch.autograd.grad(loss, list(names.values()))
    return out._asdict() | {f"gradient of {name}": g for name, g in zip(names, gradients, strict=True)}


@pytest.fixture(params=WAYS.values(), ids=WAYS.keys())
def memory_use(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in request.param.items():
        monkeypatch.setattr(fused if name == "KEEP_LAYER" else additive_layer, name, value)


@pytest.mark.usefixtures("memory_use")
@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES.keys())
def test_fused_equals_naive_in_values_and_every_gradient(sizes: dict[str, Any]) -> None:
    given = problem(**sizes)
    expected = outputs_and_gradients("naive", given)
    got = outputs_and_gradients("fused", given)
    assert got.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(got[name], value, rtol=1e-10, atol=1e-12, msg=lambda text, n=name: f"{n}: {text}")


@settings(deadline=None)
@given_by_hypothesis(
    batch=st.integers(1, 5),
    target=st.integers(1, 6),
    lengths=st.lists(st.integers(0, 6), min_size=5, max_size=5),
    seed=st.integers(0, 1000),
)
def test_fused_equals_naive_for_any_shape(batch: int, target: int, lengths: list[int], seed: int) -> None:
    lengths = lengths[:batch]
    given = problem(batch, max(1, *lengths), target, lengths=lengths, seed=seed)
    expected = outputs_and_gradients("naive", given)
    for name, value in outputs_and_gradients("fused", given).items():
        torch.testing.assert_close(value, expected[name], rtol=1e-9, atol=1e-11)


@pytest.mark.usefixtures("memory_use")
def test_float32_stays_close_to_the_float64_loop() -> None:
    """Worst error of each output and gradient, relative to its largest number: at most 2e-6."""
    given = problem(batch=16, source=20, target=20, lengths=list(range(5, 21)))
    expected = outputs_and_gradients("naive", given)
    single = {
        name: value.float().detach().requires_grad_(value.requires_grad)
        if isinstance(value, Tensor) and value.is_floating_point()
        else value
        for name, value in given.items()
    }
    single |= {"cell": given["cell"].float(), "attention": given["attention"].float()}
    for name, value in outputs_and_gradients("fused", single).items():
        error = (value.double() - expected[name]).abs().max() / expected[name].abs().max()
        assert error <= 2e-6, name


def test_gradients_stop_at_what_is_frozen() -> None:
    given = problem()
    for parameter in (*given["cell"].parameters(), *given["attention"].parameters()):
        parameter.requires_grad_(False)
    (gradient,) = torch.autograd.grad(run("fused", given).states.sum(), given["values"])
    assert gradient.abs().sum() > 0


def test_a_changed_output_is_noticed_before_wrong_gradients() -> None:
    given = problem()
    states = run("fused", given).states
    loss = states.square().sum()
    with torch.no_grad():
        states.mul_(2.0)
    with pytest.raises(RuntimeError, match="modified inplace"):
        loss.backward()


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES.keys())
def test_normed_attention_fused_equals_the_loop(sizes: dict[str, Any]) -> None:
    attention = NormedAttention(query_dim=6, value_dim=5, attention_dim=7).double()
    torch.nn.init.normal_(attention.bias, generator=building.generator(5))
    assert choose_recurrence("auto", attention) is RECURRENCE["fused"]
    given = problem(**sizes) | {"attention": attention}
    expected, got = (outputs_and_gradients(way, given) for way in ("naive", "fused"))
    for name, value in expected.items():
        torch.testing.assert_close(got[name], value, rtol=1e-10, atol=1e-12, msg=lambda text, n=name: f"{n}: {text}")


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES.keys())
def test_a_fixed_summary_in_one_call_equals_the_loop(sizes: dict[str, Any]) -> None:
    given = problem(**sizes) | {"attention": FixedSummary(query_dim=6, value_dim=5, attention_dim=7)}
    expected, got = (outputs_and_gradients(way, given) for way in ("naive", "fixed"))
    for name, value in expected.items():
        torch.testing.assert_close(got[name], value, rtol=1e-10, atol=1e-12, msg=lambda text, n=name: f"{n}: {text}")


def test_auto_takes_the_fused_one_for_additive_attention_and_the_loop_for_others() -> None:
    class Other(AdditiveAttention):
        def score(self, query: Tensor, keys: Tensor) -> Tensor:
            return super().score(query, keys) * 2.0

    sizes = {"query_dim": 2, "value_dim": 2, "attention_dim": 2}
    assert choose_recurrence("auto", AdditiveAttention(**sizes)) is RECURRENCE["fused"]
    assert choose_recurrence("auto", Other(**sizes)) is RECURRENCE["naive"]
    assert choose_recurrence("auto", FixedSummary(**sizes)) is RECURRENCE["fixed"]
    with pytest.raises(UserError, match=r"^--recurrence fused does not know Other: use --recurrence auto$"):
        choose_recurrence("fused", Other(**sizes))


def test_the_gradient_of_a_softmax_is_one_call_where_torch_has_it_and_right_without(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The operator is not public: this fails when torch drops it, and the recurrence goes on without it."""
    assert additive_layer.SOFTMAX_BACKWARD is not None
    scores = torch.randn(3, 1, 5, dtype=torch.float64, generator=building.generator(4), requires_grad=True)
    gradient = torch.randn(3, 1, 5, dtype=torch.float64, generator=building.generator(5))
    weights = scores.softmax(dim=-1)
    (expected,) = torch.autograd.grad(weights, scores, gradient)
    torch.testing.assert_close(additive_layer.softmax_backward(gradient, weights.detach()), expected)
    monkeypatch.setattr(additive_layer, "SOFTMAX_BACKWARD", None)
    torch.testing.assert_close(additive_layer.softmax_backward(gradient, weights.detach()), expected)
