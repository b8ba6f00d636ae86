"""The recurrence, whichever way it is computed."""

from argparse import Namespace
from typing import Any, cast

import pytest
import torch
from hypothesis import given as given_by_hypothesis
from hypothesis import settings
from hypothesis import strategies as st
from torch import Tensor, nn

from data_gen.errors import UserError
from fairseq_plugin import native
from fairseq_plugin.modules import products
from fairseq_plugin.modules.attention import ATTENTION, AdditiveAttention, Attention, LuongAttention
from fairseq_plugin.modules.recurrence import (
    RECURRENCE,
    Memory,
    Past,
    additive_layer,
    arrangement,
    choose_recurrence,
    fused,
)
from tests.support import building

KINDS: dict[str, dict[str, Any]] = {kind: {"kind": kind} for kind in ATTENTION}
KINDS["location"] |= {"location_kernel": 3, "location_channels": 2}
KINDS |= {f"{kind} fed": {"kind": kind, "input_feeding": True} for kind in ("dot", "general", "concat")}


def make(name: str) -> Attention:
    """An attention of ``KINDS`` with H 6, C 5 (dot: 6) and A 7."""
    options = dict(KINDS[name])
    kind = options.pop("kind")
    return ATTENTION[kind](query_dim=6, value_dim=6 if kind == "dot" else 5, attention_dim=7, **options).double()


# Every attention in every way that knows it.
PAIRS = [(kind, way) for kind in KINDS for way in RECURRENCE if RECURRENCE[way].supports(make(kind))]
FAST = [(kind, way) for kind, way in PAIRS if way != "naive"]
pairs = pytest.mark.parametrize(("kind", "way"), PAIRS, ids=map(", ".join, PAIRS))
ways = pytest.mark.parametrize("way", ["naive", "fused", "native"])
by_hand = pytest.mark.parametrize("way", ["fused", "native"])


def problem(
    batch: int = 3,
    source: int = 5,
    target: int = 4,
    *,
    kind: str = "additive",
    way: str = "naive",
    lengths: list[int] | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Attention, a cell that ``way`` knows, and inputs (E 4), in float64."""
    random = building.generator(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        attention = make(kind)
        cell = RECURRENCE[way].cells[0](4 + attention.fed_dim, 6).double()

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
        "values": numbers(batch, source, attention.value_dim),
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


def parts(out: Any) -> list[Tensor]:
    """The outputs that there are."""
    return [part for part in out if part is not None]


@ways
def test_gradcheck(way: str) -> None:
    given = problem(batch=2, source=3, target=3, lengths=[3, 2])
    parameters = [*given["cell"].parameters(), *given["attention"].parameters()]

    def outputs(*tensors: Tensor) -> tuple[Tensor, ...]:
        return tuple(parts(run(way, given)))

    assert torch.autograd.gradcheck(outputs, (given["inputs"], given["state"], given["values"], *parameters))


@pairs
def test_rows_that_share_a_sentence_equal_copies_of_it(kind: str, way: str) -> None:
    rows = torch.tensor([1, 0, 1, 1, 0])
    given = problem(batch=2, lengths=[5, 3], kind=kind, way=way)
    given |= {"inputs": problem(batch=5)["inputs"], "state": problem(batch=5, seed=1)["state"]}
    shared = run(way, given, rows)
    copied = run(way, {**given, "values": given["values"][rows], "mask": given["mask"][rows]})
    for one, other in zip(shared, copied, strict=True):
        torch.testing.assert_close(one, other)


@pairs
@pytest.mark.parametrize("rows", [None, [0, 0, 1, 1], [1, 0, 1, 1]], ids=["one a sentence", "beams", "any"])
@pytest.mark.parametrize("decoding", ["whole", "in pieces", "with gradients"])
def test_steps_one_by_one_equal_all_at_once(
    kind: str, way: str, rows: list[int] | None, decoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(products, "PIECE", 40 if decoding == "in pieces" else products.PIECE)
    given = problem(batch=2, lengths=[5, 3], kind=kind, way=way)
    order = None if rows is None else torch.tensor(rows)
    if order is not None:
        given |= {"inputs": problem(batch=4)["inputs"], "state": problem(batch=4, seed=1)["state"]}
    cell, attention = given["cell"], given["attention"]
    with torch.set_grad_enabled(decoding == "with gradients"):
        memory = Memory(attention.project_keys(given["values"]), given["values"], given["mask"], order)
        memory = RECURRENCE[way].prepare(cell, attention, memory, True)
        state, past, steps = given["state"], Past(), []
        for step in given["inputs"].split(1, dim=1):
            out = RECURRENCE[way].step(cell, attention, step, state, memory, past)
            state, past = out.states[:, -1], out.past(attention)
            steps.append(parts(out))
    got = [torch.cat(part, dim=1) for part in zip(*steps, strict=True)]
    expected = parts(run("naive", given, order))
    for one, other in zip(got, expected, strict=True):
        torch.testing.assert_close(one, other)
    if decoding == "with gradients":
        read = [given["inputs"], given["values"], *cell.parameters()]
        torch.testing.assert_close(*(torch.autograd.grad(sum(map(torch.sum, out)), read) for out in (got, expected)))


@pytest.mark.parametrize(("kind", "way"), [pair for pair in PAIRS if pair[0] != "none"], ids=str)
def test_which_state_is_the_query(kind: str, way: str) -> None:
    """The previous state has not read the word of its step, the new one has; what neither can know is 0 exactly."""
    given = problem(kind=kind, way=way)
    (to_inputs,) = torch.autograd.grad(run(way, given).weights[:, 1].square().sum(), given["inputs"])
    reads_new = isinstance(given["attention"], LuongAttention)
    read = (to_inputs != 0.0).any(dim=2)
    assert read.tolist() == [[True, reads_new, False, False]] * 3


@pytest.mark.parametrize("fed", [False, True], ids=["", "input feeding"])
def test_two_steps_with_the_new_state_by_the_equations(fed: bool) -> None:
    given = problem(batch=1, target=2, kind="general fed" if fed else "general")
    cell, attention, h = given["cell"], given["attention"], given["values"][0]
    w_a, w_c = attention.key_projection.weight, attention.combination.weight
    w_i, w_h, b_i, b_h = cell.weight_ih, cell.weight_hh, cell.bias_ih, cell.bias_hh
    out = run("naive", given)
    s, attentional = given["state"][0], torch.zeros(6, dtype=torch.float64)
    for t in range(2):
        read = torch.cat([given["inputs"][0, t], attentional]) if fed else given["inputs"][0, t]
        x_r, x_z, x_n = (w_i @ read + b_i).chunk(3)
        g_r, g_z, g_n = (w_h @ s + b_h).chunk(3)
        r, z = torch.sigmoid(x_r + g_r), torch.sigmoid(x_z + g_z)
        s = (1 - z) * torch.tanh(x_n + r * g_n) + z * s
        a = torch.softmax(h @ w_a.t() @ s, dim=0)
        attentional = torch.tanh(w_c @ torch.cat([a @ h, s]))
        for part, expected in zip(out, (s, a @ h, a, attentional), strict=True):
            torch.testing.assert_close(part[0, t], expected)
    assert out.outputs() is out.attentional


@by_hand
def test_gradients_by_hand_refuse_a_second_derivative(way: str) -> None:
    given = problem()
    states = run(way, given).states
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
    "step by step": {"LARGE": 0},
    "in blocks of steps": {"BLOCK": 300},
    "kept in blocks of one step": {"BLOCK": 1},
    "step by step in blocks": {"LARGE": 0, "KEEP_LAYER": 0, "BLOCK": 300},
}


def outputs_and_gradients(way: str, given: dict[str, Any]) -> dict[str, Tensor]:
    """States, contexts and weights, and the gradients of a random sum of all three."""
    out = run(way, given)
    random = building.generator(9)
    factors = [torch.randn(part.shape, dtype=torch.float64, generator=random).to(part.dtype) for part in parts(out)]
    loss = sum((part * factor).sum() for part, factor in zip(parts(out), factors, strict=True))
    names = {name: given[name] for name in ("inputs", "state", "values")}
    names |= dict(given["cell"].named_parameters()) | dict(given["attention"].named_parameters())
    gradients = torch.autograd.grad(loss, list(names.values()))
    outputs = {name: part for name, part in out._asdict().items() if part is not None}
    return outputs | {f"gradient of {name}": g for name, g in zip(names, gradients, strict=True)}


@pytest.fixture(params=WAYS.values(), ids=WAYS.keys())
def memory_use(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    modules = {"KEEP_LAYER": fused, "BLOCK": arrangement}
    for name, value in request.param.items():
        monkeypatch.setattr(modules.get(name, products), name, value)


@by_hand
@pytest.mark.usefixtures("memory_use")
@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES.keys())
def test_by_hand_equals_naive_in_values_and_every_gradient(sizes: dict[str, Any], way: str) -> None:
    given = problem(**sizes)
    expected = outputs_and_gradients("naive", given)
    got = outputs_and_gradients(way, given)
    assert got.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(got[name], value, rtol=1e-10, atol=1e-12, msg=lambda text, n=name: f"{n}: {text}")


@settings(deadline=None)
@given_by_hypothesis(steps=st.integers(1, 40), batch=st.integers(1, 4), block=st.integers(1, 2000))
def test_blocks_hold_every_step_once_and_no_more_than_they_may(steps: int, batch: int, block: int) -> None:
    made = torch.empty(steps, batch, 7), torch.empty(steps + 1, batch, 2), torch.empty(steps, batch, 3)
    trace = Namespace(sides=made[0], states=made[1], contexts=made[2])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrangement, "BLOCK", block)
        parts = arrangement.blocks(cast(Any, trace))
    lengths = [part.stop - part.start for part in parts]
    assert [t for part in reversed(parts) for t in range(part.start, part.stop)] == list(range(steps))
    assert lengths[0] == max(lengths)
    assert lengths[0] == 1 or lengths[0] * batch * 12 <= block


@by_hand
@settings(deadline=None)
@given_by_hypothesis(
    batch=st.integers(1, 5),
    target=st.integers(1, 6),
    lengths=st.lists(st.integers(0, 6), min_size=5, max_size=5),
    seed=st.integers(0, 1000),
)
def test_by_hand_equals_naive_for_any_shape(way: str, batch: int, target: int, lengths: list[int], seed: int) -> None:
    lengths = lengths[:batch]
    given = problem(batch, max(1, *lengths), target, lengths=lengths, seed=seed)
    expected = outputs_and_gradients("naive", given)
    for name, value in outputs_and_gradients(way, given).items():
        torch.testing.assert_close(value, expected[name], rtol=1e-9, atol=1e-11)


@by_hand
@pytest.mark.usefixtures("memory_use")
def test_float32_stays_close_to_the_float64_loop(way: str) -> None:
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
    for name, value in outputs_and_gradients(way, single).items():
        error = (value.double() - expected[name]).abs().max() / expected[name].abs().max()
        assert error <= 2e-6, name


@by_hand
def test_gradients_stop_at_what_is_frozen(way: str) -> None:
    given = problem()
    for parameter in (*given["cell"].parameters(), *given["attention"].parameters()):
        parameter.requires_grad_(False)
    (gradient,) = torch.autograd.grad(run(way, given).states.sum(), given["values"])
    assert gradient.abs().sum() > 0


@by_hand
def test_a_changed_output_is_noticed_before_wrong_gradients(way: str) -> None:
    given = problem()
    states = run(way, given).states
    loss = states.square().sum()
    with torch.no_grad():
        states.mul_(2.0)
    with pytest.raises(RuntimeError, match="modified inplace"):
        loss.backward()


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES.keys())
@pytest.mark.parametrize(("kind", "way"), FAST, ids=map(", ".join, FAST))
def test_every_fast_way_equals_naive_in_values_and_every_gradient(kind: str, way: str, sizes: dict[str, Any]) -> None:
    given = problem(**sizes, kind=kind, way=way)
    if kind == "normed":
        nn.init.normal_(given["attention"].bias, generator=building.generator(5))
    expected, got = (outputs_and_gradients(one, given) for one in ("naive", way))
    assert got.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(got[name], value, rtol=1e-10, atol=1e-12, msg=lambda text, n=name: f"{n}: {text}")


def test_auto_takes_the_fastest_way_that_knows_the_attention() -> None:
    chosen = {
        kind: next(n for n in RECURRENCE if RECURRENCE[n] is choose_recurrence("auto", make(kind))) for kind in KINDS
    }
    by_hand = "native" if native.missing() is None else "fused"
    assert chosen == {
        "additive": by_hand,
        "normed": by_hand,
        "location": "naive",
        "ntm": "naive",
        "shift": "naive",
        "dot": "batched",
        "general": "batched",
        "concat": "batched",
        "none": "fixed",
        "dot fed": "naive",
        "general fed": "naive",
        "concat fed": "naive",
    }


def test_a_way_that_does_not_know_the_attention_is_refused() -> None:
    class Other(AdditiveAttention):
        def score(self, query: Tensor, keys: Tensor) -> Tensor:
            return super().score(query, keys) * 2.0

    other = Other(query_dim=2, value_dim=2, attention_dim=2)
    assert choose_recurrence("auto", other) is RECURRENCE["naive"]
    with pytest.raises(UserError, match=r"^--recurrence fused does not know Other: use --recurrence auto$"):
        choose_recurrence("fused", other)
    with pytest.raises(UserError, match=r"^--recurrence fused does not know --attention dot: use --recurrence auto$"):
        choose_recurrence("fused", make("dot"))


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
