"""Every attention of ``ATTENTION``: its equations in plain Python, and what all of them have in common."""

import math
from collections.abc import Callable, Iterable
from typing import Any

import pytest
import torch
from torch import Tensor

from fairseq_plugin.modules.attention import (
    ATTENTION,
    Attention,
    ConcatAttention,
    DotAttention,
    GeneralAttention,
    LocationAttention,
    LuongAttention,
    NTMAttention,
)
from tests.support import building
from tests.support.errors import message_of

Vector = list[float]
kinds = pytest.mark.parametrize("kind", ATTENTION)
luong_kinds = pytest.mark.parametrize("kind", [k for k, made in ATTENTION.items() if issubclass(made, LuongAttention)])
OPTIONS = {"location": {"location_kernel": 3, "location_channels": 2, "sharpening": 1.5}}


def make(kind: str) -> Attention:
    """Queries of 4 numbers, annotations of 5 (dot: 4), A 3, random parameters; float64."""
    sizes = {"query_dim": 4, "value_dim": 4 if kind == "dot" else 5, "attention_dim": 3}
    attention = ATTENTION[kind](**sizes, **OPTIONS.get(kind, {})).double()
    random = building.generator(0)
    for parameter in attention.parameters():
        parameter.data.normal_(generator=random)
    return attention


def padded(attention: Attention, lengths: list[int], left: bool) -> dict[str, Tensor]:
    """Query, values, mask and previous weights of sentences padded to 6 places; anything may stand on padding."""
    random = building.generator(1)
    batch = len(lengths)
    places = torch.arange(6).flip(0) if left else torch.arange(6)
    mask = places >= torch.tensor(lengths).unsqueeze(1)
    previous = torch.rand(batch, 6, generator=random, dtype=torch.float64).masked_fill(mask, 0.0)
    return {
        "query": torch.randn(batch, attention.query_dim, generator=random, dtype=torch.float64),
        "values": torch.randn(batch, 6, attention.value_dim, generator=random, dtype=torch.float64),
        "padding_mask": mask,
        "previous_weights": previous / previous.sum(1, keepdim=True).clamp(min=1e-9),
    }


def attend(attention: Attention, query: Tensor, values: Tensor, **rest: Tensor | None) -> tuple[Tensor, Tensor]:
    return attention(query, attention.project_keys(values), values, **rest)


# The equations, number by number, over one sentence without padding: annotations h, query s, previous weights a.


def inner(a: Vector, b: Vector) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def times(matrix: Tensor, vector: Vector) -> Vector:
    return [inner(row, vector) for row in matrix.tolist()]


def energy(v: Tensor, *parts: Vector) -> float:
    """v . tanh(sum of parts)."""
    return inner(v.flatten().tolist(), [math.tanh(sum(units)) for units in zip(*parts, strict=True)])


def additive(made: Any, s: Vector, h: list[Vector], a: Vector) -> Vector:
    w_h, w_s = made.key_projection.weight, made.query_projection.weight
    return [energy(made.energy.weight, times(w_h, h_s), times(w_s, s)) for h_s in h]


def normed(made: Any, s: Vector, h: list[Vector], a: Vector) -> Vector:
    v = made.energy.weight
    v = v * made.length / math.sqrt(sum(x * x for x in v.flatten().tolist()))
    w_h, w_s = made.key_projection.weight, made.query_projection.weight
    return [energy(v, times(w_h, h_s), times(w_s, s), made.bias.tolist()) for h_s in h]


def location(made: Any, s: Vector, h: list[Vector], a: Vector) -> Vector:
    around = [0.0, *a, 0.0]  # filters of 3 tokens
    scores = []
    for place, h_s in enumerate(h):
        features = [inner(f, around[place : place + 3]) for f in made.filters.weight.squeeze(1).tolist()]
        parts = (times(made.key_projection.weight, h_s), times(made.query_projection.weight, s))
        more = (times(made.location_projection.weight, features), made.bias.tolist())
        scores.append(made.sharpening * energy(made.energy.weight, *parts, *more))
    return scores


def ntm(made: Any, s: Vector, h: list[Vector], a: Vector) -> Vector:
    """Scores whose softmax is the sharpened weights: gamma log w."""
    controls = map(sum, zip(times(made.controls.weight, s), made.controls.bias.tolist(), strict=True))
    return addressed(controls, softmax(additive(made, s, h, a)), a)


def shifted_at_one_pace(made: Any, s: Vector, h: list[Vector], a: Vector) -> Vector:
    return addressed(made.controls.tolist(), softmax(additive(made, s, h, a)), a)


def addressed(controls: Iterable[float], content: Vector, a: Vector) -> Vector:
    """gamma log w."""
    gate, exponent, *kernel = controls
    kernel = softmax(kernel)
    gate = 1 / (1 + math.exp(-gate))
    mixed = [gate * u + (1 - gate) * before for u, before in zip(content, a, strict=True)]
    shifted = [
        sum(share * mixed[(place - by) % len(a)] for share, by in zip(kernel, (-1, 0, 1), strict=True))
        for place in range(len(a))
    ]
    return [(1 + math.log(1 + math.exp(exponent))) * math.log(w) for w in shifted]


def concat(made: Any, s: Vector, h: list[Vector], a: Vector) -> Vector:
    w_a = torch.cat([made.query_projection.weight, made.key_projection.weight], dim=1)
    return [energy(made.energy.weight, times(w_a, [*s, *h_s])) for h_s in h]


def last_place(made: Any, s: Vector, h: list[Vector], a: Vector) -> Vector:
    return [0.0 if place == len(h) - 1 else -math.inf for place in range(len(h))]


def first_weights(kind: str, length: int) -> Vector:
    """a_0: 1 on the last true token for ntm and shift, on the first for location; the others do not read it."""
    place = length - 1 if kind in ("ntm", "shift") else 0
    return [1.0 if s == place else 0.0 for s in range(length)]


SCORES: dict[str, Callable[[Any, Vector, list[Vector], Vector], Vector]] = {
    "additive": additive,
    "normed": normed,
    "location": location,
    "ntm": ntm,
    "shift": shifted_at_one_pace,
    "dot": lambda made, s, h, a: [inner(s, h_s) for h_s in h],
    "general": lambda made, s, h, a: [inner(s, times(made.key_projection.weight, h_s)) for h_s in h],
    "concat": concat,
    "none": last_place,
}


def softmax(scores: Vector) -> Vector:
    exponentials = [math.exp(score) for score in scores]
    return [exponential / sum(exponentials) for exponential in exponentials]


@kinds
@pytest.mark.parametrize("left", [False, True], ids=["right", "left"])
@pytest.mark.parametrize("first", [False, True], ids=["later step", "first step"])
def test_weights_and_context_are_those_of_the_equations(kind: str, left: bool, first: bool) -> None:
    assert kind in SCORES, f"{kind} has no equation to be tested against: add it to SCORES in {__file__}"
    made = make(kind)
    given = padded(made, [6, 2, 1, 4], left)
    if first:
        given["previous_weights"] = None  # type: ignore[assignment]
    context, weights = attend(made, **given)
    for row, true in enumerate(~given["padding_mask"]):
        h = given["values"][row, true].tolist()
        a = first_weights(kind, len(h)) if first else given["previous_weights"][row, true].tolist()
        assert kind in SCORES, f"add the equation of {kind!r}, in plain Python, to SCORES above"
        expected = softmax(SCORES[kind](made, given["query"][row].tolist(), h, a))
        torch.testing.assert_close(weights[row, true], torch.tensor(expected, dtype=torch.float64))
        assert (weights[row, ~true] == 0.0).all()
        mean = [inner(expected, list(numbers)) for numbers in zip(*h, strict=True)]
        torch.testing.assert_close(context[row], torch.tensor(mean, dtype=torch.float64))


@kinds
def test_a_fully_padded_row_has_no_weight_and_finite_gradients(kind: str) -> None:
    made = make(kind)
    given = padded(made, [6, 0], left=False)
    given["query"].requires_grad_()
    given["values"].requires_grad_()
    context, weights = attend(made, **given)
    assert (weights[1] == 0.0).all()
    assert (context[1] == 0.0).all()
    (context.square().sum() + weights.square().sum()).backward()
    gradients = [given["values"].grad, given["query"].grad, *(parameter.grad for parameter in made.parameters())]
    assert all(torch.isfinite(gradient).all() for gradient in gradients if gradient is not None)


@kinds
def test_gradients_are_those_of_finite_differences(kind: str) -> None:
    made = make(kind)
    given = padded(made, [6, 4], left=True)
    inputs = (given["query"], given["values"], given["previous_weights"])

    def run(query: Tensor, values: Tensor, previous: Tensor) -> tuple[Tensor, Tensor]:
        return attend(made, query, values, padding_mask=given["padding_mask"], previous_weights=previous)

    assert torch.autograd.gradcheck(run, [part.requires_grad_() for part in inputs], nondet_tol=1e-12)


@kinds
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_weights_are_float32_in_half_precision(kind: str, dtype: torch.dtype) -> None:
    made = make(kind)
    given = padded(made, [6, 4], left=True)
    _, expected = attend(made, **given)
    half = {name: part if part.dtype == torch.bool else part.to(dtype) for name, part in given.items()}
    context, weights = attend(made.to(dtype), **half)
    assert (context.dtype, weights.dtype) == (dtype, torch.float32)
    torch.testing.assert_close(weights, expected.float(), rtol=0, atol=0.1)
    torch.testing.assert_close(weights.sum(1), torch.ones(2))


@kinds
def test_nothing_is_kept_between_calls(kind: str) -> None:
    made = make(kind)
    before = dict(vars(made))
    first = attend(made, **padded(made, [6, 2], left=False))
    assert vars(made) == before
    attend(made, **padded(made, [3, 5, 1], left=True))
    again = attend(made, **padded(made, [6, 2], left=False))
    assert all(torch.equal(one, other) for one, other in zip(first, again, strict=True))


@luong_kinds
@pytest.mark.parametrize("mask", [True, False], ids=["padded", "full"])
def test_many_queries_at_once_are_one_after_the_other(kind: str, mask: bool) -> None:
    made = make(kind)
    assert isinstance(made, LuongAttention)
    given = padded(made, [6, 0, 3], left=True)
    padding_mask = given["padding_mask"] if mask else None
    queries = torch.randn(3, 7, 4, generator=building.generator(2), dtype=torch.float64)
    keys = made.project_keys(given["values"])
    contexts, weights = made.attend_all(queries, keys, given["values"], padding_mask)
    for step, query in enumerate(queries.unbind(1)):
        context, weight = made(query, keys, given["values"], padding_mask)
        torch.testing.assert_close(contexts[:, step], context)
        torch.testing.assert_close(weights[:, step], weight)


# Numbers by hand: s = (1, 2), h_1 = (3, 0), h_2 = (0, 1).

QUERY = torch.tensor([[1.0, 2.0]])
VALUES = torch.tensor([[[3.0, 0.0], [0.0, 1.0]]])


def test_dot_by_hand() -> None:
    made = DotAttention(query_dim=2, value_dim=2, attention_dim=1)
    assert made.score(QUERY, made.project_keys(VALUES)).tolist() == [[3.0, 2.0]]
    _, weights = made(QUERY, VALUES, VALUES)
    torch.testing.assert_close(weights, torch.tensor([[math.e / (math.e + 1), 1 / (math.e + 1)]]))


def test_general_by_hand() -> None:
    """W_a h_1 = (0, 6) and W_a h_2 = (1, 0)."""
    made = GeneralAttention(query_dim=2, value_dim=2, attention_dim=1)
    made.key_projection.weight.data = torch.tensor([[0.0, 1.0], [2.0, 0.0]])
    assert made.score(QUERY, made.project_keys(VALUES)).tolist() == [[12.0, 1.0]]


def test_concat_by_hand() -> None:
    """W_a = [[0.1, 0, 0, 1], [0, 0.1, 1, 0]] gives (0.1, 3.2) and (1.1, 0.2)."""
    made = ConcatAttention(query_dim=2, value_dim=2, attention_dim=2)
    made.query_projection.weight.data = torch.tensor([[0.1, 0.0], [0.0, 0.1]])
    made.key_projection.weight.data = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    made.energy.weight.data = torch.tensor([[1.0, -1.0]])
    expected = [math.tanh(0.1) - math.tanh(3.2), math.tanh(1.1) - math.tanh(0.2)]
    torch.testing.assert_close(made.score(QUERY, made.project_keys(VALUES)), torch.tensor([expected]))


@pytest.mark.parametrize(
    ("previous", "features"),
    [(None, (0.2, 0.1)), (torch.tensor([[0.25, 0.75]]), (0.35, 0.175))],
    ids=["first step", "later step"],
)
def test_location_by_hand(previous: Tensor | None, features: tuple[float, float]) -> None:
    """One unit that reads nothing but 2 f + 0.1, a filter of (0.1, 0.2, 0.4), weights sharpened by 3."""
    made = LocationAttention(2, 2, 1, location_kernel=3, location_channels=1, sharpening=3.0)
    made.query_projection.weight.data.zero_()
    made.key_projection.weight.data.zero_()
    made.energy.weight.data.fill_(1.0)
    made.filters.weight.data = torch.tensor([[[0.1, 0.2, 0.4]]])
    made.location_projection.weight.data.fill_(2.0)
    made.bias.data.fill_(0.1)
    _, weights = made(QUERY, made.project_keys(VALUES), VALUES, None, previous)
    first, second = (math.tanh(2 * feature + 0.1) for feature in features)
    expected = 1.0 / (1.0 + math.exp(3.0 * (second - first)))
    torch.testing.assert_close(weights, torch.tensor([[expected, 1.0 - expected]]))


def ntm_by_hand(*controls: float) -> NTMAttention:
    """Content weights that are equal everywhere; gate, sharpening and shift kernel as given, before their functions."""
    made = NTMAttention(query_dim=2, value_dim=2, attention_dim=1)
    for parameter in made.parameters():
        parameter.data.zero_()
    made.controls.bias.data = torch.tensor(controls)
    return made


def ntm_weights(made: NTMAttention, previous: list | None, mask: list | None = None, places: int = 4) -> Tensor:
    values = torch.zeros(1, places, 2)
    padding_mask = None if mask is None else torch.tensor([mask])
    previous_weights = None if previous is None else torch.tensor([previous])
    return made(QUERY, made.project_keys(values), values, padding_mask, previous_weights)[1][0]


def test_ntm_by_hand() -> None:
    """Gate 1/3, kernel (1/6, 2/6, 3/6), exponent 2: content 1/4 and a = (0, 1, 0, 0) mix to (1, 9, 1, 1) / 12."""
    made = ntm_by_hand(math.log(0.5), math.log(math.e - 1), math.log(1), math.log(2), math.log(3))
    shifted = [9 + 2 + 3, 1 + 18 + 3, 1 + 2 + 27, 1 + 2 + 3]  # times 72: from the next, this and the previous place
    squares = [number**2 for number in shifted]
    expected = torch.tensor([square / sum(squares) for square in squares])
    torch.testing.assert_close(ntm_weights(made, [0.0, 1.0, 0.0, 0.0]), expected)


@pytest.mark.parametrize(
    ("mask", "true"),
    [(None, range(6)), ([False] * 4 + [True] * 2, range(4)), ([True] * 2 + [False] * 4, range(2, 6))],
    ids=["full", "right", "left"],
)
@pytest.mark.parametrize("step", [1, -1], ids=["forwards", "backwards"])
def test_ntm_shifts_walk_once_around_the_true_tokens(mask: list | None, true: range, step: int) -> None:
    """From the last true token, without content: forwards to the first, backwards to the last but one."""
    made = ntm_by_hand(-50.0, 0.0, -50.0 * step, -50.0, 50.0 * step)
    weights, seen = None, []
    for _ in true:
        weights = ntm_weights(made, weights, mask, places=6).tolist()
        assert max(weights) == 1.0
        seen.append(weights.index(1.0))
    assert seen == (list(true) if step == 1 else [*reversed(true[:-1]), true[-1]])


def test_ntm_drops_the_query_in_training_alone() -> None:
    """Nearly all of the query dropped: weights as from a query of 0; none of it when decoding."""
    made = NTMAttention(query_dim=2, value_dim=2, attention_dim=1, query_dropout=1 - 1e-9)
    plain = NTMAttention(query_dim=2, value_dim=2, attention_dim=1)
    plain.load_state_dict(made.state_dict())
    for values in (VALUES, VALUES.flip(1)):
        keys = made.project_keys(values)
        assert torch.equal(made.train()(QUERY, keys, values)[1], plain(torch.zeros(1, 2), keys, values)[1])
        assert torch.equal(made.eval()(QUERY, keys, values)[1], plain(QUERY, keys, values)[1])


@pytest.mark.parametrize("share", [-0.1, 1.0, math.nan], ids=str)
def test_query_dropout_out_of_bounds(share: float) -> None:
    assert message_of(NTMAttention, 2, 2, 1, query_dropout=share) == (
        f"--query-dropout must be at least 0 and below 1, but is {share}"
    )


def test_the_attentional_vector_by_hand() -> None:
    """W_c reads the context first, then the state."""
    made = DotAttention(query_dim=2, value_dim=2, attention_dim=1)
    made.combination.weight.data = torch.tensor([[1.0, 0.0, 0.0, 0.1], [0.0, 0.0, 0.5, 0.0]])
    got = made.attentional(torch.tensor([[0.3, 9.0]]), QUERY)
    torch.testing.assert_close(got, torch.tensor([[math.tanh(0.5), math.tanh(0.5)]]))


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        ([[False, False, True]], [[1.0, 0.0, 0.0]]),
        ([[True, True, False, False]], [[0.0, 0.0, 1.0, 0.0]]),
        ([[True, True]], [[0.0, 0.0]]),
    ],
    ids=["right", "left", "nothing but padding"],
)
def test_the_first_weights_are_on_the_first_true_token(mask: list, expected: list) -> None:
    made = LocationAttention(2, 2, 1)
    keys = torch.zeros(1, len(mask[0]), 1)
    assert made.initial_weights(keys, torch.tensor(mask)).tolist() == expected


def test_dot_needs_equal_sizes() -> None:
    assert message_of(DotAttention, query_dim=6, value_dim=12, attention_dim=1) == (
        "--attention dot needs annotations of the decoder's size, but they have 12 units and the decoder 6: use "
        "--attention general, or make the sizes equal (a bidirectional encoder has twice --encoder-hidden-size units)"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"location_kernel": 4}, "--location-kernel must be odd and at least 1, but is 4"),
        ({"location_kernel": -1}, "--location-kernel must be odd and at least 1, but is -1"),
        ({"location_channels": 0}, "--location-channels must be at least 1, but is 0"),
        ({"sharpening": 0.0}, "--sharpening must be a number above 0, but is 0.0"),
        ({"sharpening": math.nan}, "--sharpening must be a number above 0, but is nan"),
        ({"sharpening": math.inf}, "--sharpening must be a number above 0, but is inf"),
    ],
    ids=["even", "negative", "no channel", "zero", "nan", "infinite"],
)
def test_location_options_out_of_bounds(options: dict, message: str) -> None:
    assert message_of(LocationAttention, 2, 2, 1, **options) == message
