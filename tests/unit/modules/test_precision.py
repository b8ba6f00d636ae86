"""Less exact products: how far they are from exact ones, where they are computed, and that a call leaves no trace."""

import logging
from argparse import Namespace
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from data_gen.errors import UserError
from fairseq_plugin.criterions.chunked_cross_entropy import ChunkedCrossEntropyCriterion
from fairseq_plugin.models.gru_attention import GRUAttentionModel
from fairseq_plugin.modules import precision, products
from fairseq_plugin.modules.precision import HIGH, HIGHEST, MEDIUM, current_precision, matmul_precision
from tests.support import building

UNIT_ROUNDOFF = 2.0**-8  # of bfloat16
# Two operands and the result are rounded: (1 + u)^3 - 1, and what float32 sums add.
OF_A_PRODUCT = 3.1 * UNIT_ROUNDOFF
# Of a whole model, as a share of the length of the outputs or of a gradient. Roundings of one step meet those of the
# others, and the sums that cancel out are the least exact: measured are 1.5 u at most, and 9.2 u.
OF_OUTPUTS, OF_A_GRADIENT = 2.0 * UNIT_ROUNDOFF, 12.0 * UNIT_ROUNDOFF

on_cpu = pytest.mark.skipif(not building.ON_CPU, reason="bfloat16 products are those of a CPU")


@pytest.fixture
def able(monkeypatch: pytest.MonkeyPatch) -> None:
    """A processor with bfloat16 products, as far as the plugin knows. torch computes them on any processor."""
    monkeypatch.setattr(precision, "multiplies_bfloat16", lambda: True)


@pytest.fixture
def forced(able: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """And each product is large."""
    monkeypatch.setattr(products, "LARGE", 0)
    monkeypatch.setattr(products, "CAST", 0)


def numbers(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=building.generator(sum(shape)))


def assert_rounded(result: Tensor, x: Tensor, weight: Tensor, added: Tensor | float = 0.0) -> None:
    """``result`` is x @ weight.T + added within rounding, and was rounded."""
    exact = x.double() @ weight.double().t() + added
    limit = OF_A_PRODUCT * (x.double().abs() @ weight.double().abs().t())
    difference = (result.double() - exact).abs()
    assert result.dtype == torch.float32
    assert (difference <= limit).all()
    assert difference.max() > 0.01 * limit.max()


VIEWS: dict[str, Callable[[int, int], Tensor]] = {
    "plain": numbers,
    "columns of more": lambda rows, columns: numbers(rows, columns + 6)[:, 2:-4],
    "transposed": lambda rows, columns: numbers(columns, rows).t(),
}


@on_cpu
@pytest.mark.usefixtures("forced")
@pytest.mark.parametrize("x", VIEWS.values(), ids=VIEWS)
@pytest.mark.parametrize("weight", VIEWS.values(), ids=VIEWS)
@pytest.mark.parametrize("instructions", [True, False], ids=["by torch", "emulated"])
def test_products_are_within_the_rounding_of_bfloat16(
    x: Any, weight: Any, instructions: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(products, "has_bfloat16", lambda: instructions)
    x, weight = x(17, 33), weight(13, 33)
    bias, total = numbers(13) * 1e-4, numbers(17, 13) * 1e-4  # far below the rounding of a product
    with matmul_precision(MEDIUM, "cpu"):
        for multiply in (products.planned(weight, x), lambda x, *add: products.product(x, weight, *add)):
            assert_rounded(multiply(x), x, weight)
            assert_rounded(multiply(x, bias), x, weight, bias)
            for added in (bias, total):
                torch.testing.assert_close(multiply(x, added) - multiply(x), added.expand(17, 13), rtol=0, atol=1e-5)
        gradient = products.weight_gradient(x, x.flip(1)[:, :7])
        assert_rounded(gradient, x.t(), x.flip(1)[:, :7].t())
        twice = products.weight_gradient(x, x.flip(1)[:, :7], gradient.clone())
        torch.testing.assert_close(twice, 2 * gradient)


@on_cpu
@pytest.mark.usefixtures("forced")
def test_linear_and_its_gradients_are_within_the_rounding_of_bfloat16() -> None:
    x, weight, bias = numbers(4, 9, 33).requires_grad_(), numbers(13, 33).requires_grad_(), numbers(13).requires_grad_()
    random = numbers(4, 9, 13)
    with matmul_precision(MEDIUM, "cpu"):
        result = products.linear(x, weight, bias)
    result.backward(random)  # in the precision of the forward pass
    assert x.grad is not None
    assert weight.grad is not None
    with torch.no_grad():
        rows, to_rows = x.flatten(0, 1), random.flatten(0, 1)
        assert_rounded(result.flatten(0, 1), rows, weight, bias)
        assert_rounded(x.grad.flatten(0, 1), to_rows, weight.t())
        assert_rounded(weight.grad, to_rows.t(), rows.t())
    torch.testing.assert_close(bias.grad, to_rows.sum(dim=0))


@on_cpu
@pytest.mark.usefixtures("able")
@pytest.mark.parametrize(
    ("rows", "outputs", "inputs", "single", "planned"),
    [
        (100, 100, 100, False, False),  # few multiply-adds
        (256, 256, 256, True, True),
        (32, 1024, 1024, False, True),  # casting a weight for few rows costs more than it saves
        (64, 8192, 32, False, False),  # as casting the result does after few inputs
    ],
)
def test_small_products_stay_in_float32(rows: int, outputs: int, inputs: int, single: bool, planned: bool) -> None:
    x, weight = numbers(rows, inputs), numbers(outputs, inputs)
    exact = products.product(x, weight), products.planned(weight, x)(x)
    with matmul_precision(MEDIUM, "cpu"):
        rounded = products.product(x, weight), products.planned(weight, x)(x)
    assert [not one.equal(other) for one, other in zip(exact, rounded, strict=True)] == [single, planned]


@on_cpu
@pytest.mark.usefixtures("forced")
@pytest.mark.parametrize("dtype", [torch.float64, torch.float16], ids=str)
def test_only_float32_is_lowered(dtype: torch.dtype) -> None:
    x, weight = numbers(17, 33).to(dtype), numbers(13, 33).to(dtype)
    with matmul_precision(MEDIUM, "cpu"):
        assert products.product(x, weight).equal(torch.mm(x, weight.t()))


SAMPLE = building.batch([3, 7, 1, 5], extra=2)
MODELS: dict[str, dict[str, Any]] = {
    "additive": {},
    "bidirectional": {"encoder_bidirectional": True, "decoder_init": "tanh", "encoder_layers": 2},
    "normed": {"attention": "normed", "readout": "maxout"},
    "location": {"attention": "location", "readout": "tanh"},
    "general": {"attention": "general", "readout": "tanh"},
    "none": {"attention": "none"},
    "paper's unit": {"gru_cell": "paper"},
    "plain loop": {"recurrence": "naive"},
    "shared matrix": {"share_all_embeddings": True},
}
models = pytest.mark.parametrize("options", MODELS.values(), ids=MODELS)


def outcome(value: str, criterion: bool, **options: Any) -> dict[str, Tensor]:
    """Loss or logits of a model in a precision, and all gradients."""
    model = building.model(float32_matmul_precision=value, **options)
    if criterion:
        sample = {"net_input": SAMPLE, "target": SAMPLE["src_tokens"], "ntokens": 20}
        task = Namespace(target_dictionary=building.dictionary())
        loss, _, _ = ChunkedCrossEntropyCriterion(task, False, 0.1)(model, sample)
        result = {"loss": loss.detach()}
    else:
        logits, _ = model(**SAMPLE)
        loss = logits.square().sum()
        result = {"logits": logits.detach()}
    loss.backward()
    return result | {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


@on_cpu
@pytest.mark.usefixtures("forced")
@models
@pytest.mark.parametrize("criterion", [False, True], ids=["logits", "chunked_cross_entropy"])
def test_a_model_is_within_the_rounding_of_bfloat16(options: dict[str, Any], criterion: bool) -> None:
    exact, rounded = outcome(HIGHEST, criterion, **options), outcome(MEDIUM, criterion, **options)
    assert exact.keys() == rounded.keys()
    shares = {name: float((rounded[name] - exact[name]).norm() / exact[name].norm()) for name in exact}
    outputs = shares.keys() & {"loss", "logits"}
    assert all(share <= (OF_OUTPUTS if name in outputs else OF_A_GRADIENT) for name, share in shares.items()), shares
    assert min(shares.values()) > 0.0 or options.get("recurrence") == "naive", shares


@on_cpu
@pytest.mark.usefixtures("forced")
@models
def test_high_is_float32_on_a_cpu(options: dict[str, Any]) -> None:
    exact, high = outcome(HIGHEST, True, **options), outcome(HIGH, True, **options)
    assert all(high[name].equal(exact[name]) for name in exact)


def step_by_step(model: GRUAttentionModel) -> Tensor:
    """Logits of a decoding (B, T, V)."""
    previous, state = SAMPLE["prev_output_tokens"], {}
    with torch.no_grad():
        encoded = model.encoder(SAMPLE["src_tokens"])
        steps = [model.decoder(previous[:, : t + 1], encoded, state)[0] for t in range(previous.size(1))]
    return torch.cat(steps, dim=1)


@on_cpu
@pytest.mark.usefixtures("forced")
@models
def test_decoding_step_by_step_is_within_the_rounding_of_bfloat16(options: dict[str, Any]) -> None:
    exact = step_by_step(building.model(**options))
    rounded = step_by_step(building.model(float32_matmul_precision=MEDIUM, **options))
    assert 0.0 < float((rounded - exact).norm() / exact.norm()) <= OF_OUTPUTS


@on_cpu
@pytest.mark.usefixtures("forced")
def test_each_model_keeps_to_its_own_precision() -> None:
    """A forward pass of one between the two passes of the other changes neither."""
    alone = {value: outcome(value, False) for value in (HIGHEST, MEDIUM)}
    made = {value: building.model(float32_matmul_precision=value) for value in (HIGHEST, MEDIUM)}
    losses = [made[value](**SAMPLE)[0].square().sum() for value in (HIGHEST, MEDIUM)]
    sum(losses).backward()
    for value, model in made.items():
        assert all(p.grad.equal(alone[value][name]) for name, p in model.named_parameters() if p.grad is not None)


def test_it_is_no_part_of_the_parameters() -> None:
    assert building.model(float32_matmul_precision=MEDIUM).state_dict().keys() == building.model().state_dict().keys()


def tf32() -> tuple[Any, ...]:
    """All that torch says about it, in its old words and its new ones."""
    return torch.get_float32_matmul_precision(), getattr(torch.backends.cuda.matmul, "fp32_precision", None)


@pytest.mark.usefixtures("able")
@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("value", precision.FLOAT32_MATMUL_PRECISION)
def test_a_call_leaves_no_trace(device: str, value: str) -> None:
    before = tf32()
    with matmul_precision(value, device):
        assert current_precision() == value
        with matmul_precision(HIGHEST, device):
            assert current_precision() == HIGHEST
        assert current_precision() == value
    with pytest.raises(KeyError), matmul_precision(value, device):
        raise KeyError
    assert current_precision() == HIGHEST
    assert tf32() == before


def allowed() -> bool:
    """Whether products on a GPU are in TF32 now."""
    matmul = torch.backends.cuda.matmul
    return matmul.fp32_precision == "tf32" if hasattr(matmul, "fp32_precision") else matmul.allow_tf32


@pytest.mark.parametrize("value", precision.FLOAT32_MATMUL_PRECISION)
@pytest.mark.parametrize("program", precision.FLOAT32_MATMUL_PRECISION)
def test_a_gpu_computes_in_tf32_where_the_option_or_the_program_says_so(value: str, program: str) -> None:
    """The default does not override the program's own setting."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(program)
    try:
        with matmul_precision(value, "cuda"):
            assert allowed() == ({value, program} != {HIGHEST})
        assert allowed() == (program != HIGHEST)
        assert torch.get_float32_matmul_precision() == program
    finally:
        torch.set_float32_matmul_precision(before)


@pytest.mark.skipif(building.ON_CPU, reason="needs a GPU")
@pytest.mark.parametrize("value", [HIGH, MEDIUM])
def test_a_gpu_computes_what_torch_computes_with_its_own_setting(value: str) -> None:
    x, weight = numbers(512, 512), numbers(512, 512)
    with matmul_precision(value, "cuda"):
        ours = products.linear(x, weight)
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(value)
    try:
        assert ours.equal(torch.mm(x, weight.t()))
    finally:
        torch.set_float32_matmul_precision(before)


@on_cpu
@pytest.mark.usefixtures("forced")
def test_an_emulated_product_is_that_of_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its sums may be in another order, and so differ by one rounding to bfloat16 of a few numbers."""
    x, weight = numbers(170, 330), numbers(130, 330)
    found = []
    for instructions in (True, False):
        monkeypatch.setattr(products, "has_bfloat16", lambda able=instructions: able)
        with matmul_precision(MEDIUM, "cpu"):
            found.append(products.product(x, weight))
    torch.testing.assert_close(*found, rtol=2 * UNIT_ROUNDOFF, atol=1e-4)
    assert (found[0] != found[1]).float().mean() < 0.01


@on_cpu
def test_a_wrong_word_for_the_emulation_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "has_bfloat16", lambda: False)
    monkeypatch.setenv(precision.EMULATE, "yes")
    precision.multiplies_bfloat16.cache_clear()
    with pytest.raises(UserError) as caught, matmul_precision(MEDIUM, "cpu"):
        pass
    assert str(caught.value) == "the environment variable FAIRSEQ_ATTENTION_EMULATE_BF16 must be 1 or 0, but is 'yes'"


@on_cpu
@pytest.mark.parametrize(
    ("instructions", "emulated"),
    [(None, ""), (None, "0"), (None, "1"), ("avx512_bf16", ""), ("amx_tile", ""), ("amx_tile", "1")],
)
def test_a_processor_without_bfloat16_computes_in_float32_or_emulates_and_says_so_once(
    instructions: str | None, emulated: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(precision.EMULATE, emulated)
    monkeypatch.setattr(products, "LARGE", 0)
    monkeypatch.setattr(products, "CAST", 0)
    for name in ("avx512_bf16", "amx_tile"):
        monkeypatch.setattr(torch.cpu, f"_is_{name}_supported", lambda there=name == instructions: there, raising=False)
    precision.multiplies_bfloat16.cache_clear()
    try:
        with caplog.at_level(logging.INFO):
            exact, medium = outcome(HIGHEST, True), outcome(MEDIUM, True)
    finally:
        precision.multiplies_bfloat16.cache_clear()
    assert all(medium[name].equal(exact[name]) for name in exact) == (instructions is None and emulated != "1")
    rounded = "products are rounded as in bfloat16, without its speed (FAIRSEQ_ATTENTION_EMULATE_BF16=1)"
    instead = rounded if emulated == "1" else "products stay in float32"
    line = f"--float32-matmul-precision medium: this processor has neither AVX512-BF16 nor AMX, {instead}"
    assert [record.getMessage() for record in caplog.records] == [line] * (instructions is None)
