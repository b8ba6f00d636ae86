"""Products by oneDNN or MKL where they are reachable, by torch elsewhere: the same numbers."""

import functools

import pytest
import torch
import torch.nn.functional as F
from packaging.version import Version

from fairseq_plugin.modules import products
from tests.support import building


@pytest.fixture(params=["onednn", "torch", "torch but for large weights", "mkl"])
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products, "_ONEDNN", request.param == "onednn" and products.onednn_reachable())
    monkeypatch.setattr(products, "_MKL", request.param == "mkl" and products.mkl_rearranges())
    monkeypatch.setattr(products, "LARGE", 0)
    monkeypatch.setattr(products, "LARGE_FOR_MKL", 0)
    if request.param == "torch but for large weights":
        monkeypatch.setattr(products, "LARGE_WEIGHT", 0)


def numbers(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=building.generator(sum(shape)))


def test_the_operators_behind_the_fast_products_are_still_there() -> None:
    """They are private to torch; without them products are right, but slower: then drop them or find others."""
    assert products.onednn_reachable() == torch.backends.mkldnn.is_available()
    assert products.mkl_rearranges() == torch.backends.mkl.is_available()


@pytest.mark.parametrize(
    ("capabilities", "at_home"),
    [({"cpu_name": "Intel Xeon"}, True), ({"cpu_name": "AMD EPYC"}, False), ({"architecture": "aarch64"}, False)],
)
def test_mkl_is_preferred_on_intel_alone(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, str], at_home: bool
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)  # torch 2.6 has none
    assert products.mkl_at_home() == at_home


@pytest.mark.skipif(Version(torch.__version__) < Version("2.13"), reason="older releases name no processor")
def test_torch_still_names_the_processor() -> None:
    """Without it, MKL is left for oneDNN on every processor."""
    assert torch.cpu.get_capabilities()["architecture"]


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("add", [None, (5,), (7, 5)], ids=["nothing", "bias", "matrix"])
@pytest.mark.parametrize("out", [False, True], ids=["new", "out"])
@pytest.mark.parametrize("few", [0, 256], ids=["many rows", "few rows"])
def test_product_for_any_strides(
    add: tuple[int, ...] | None, out: bool, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(products, "FEW_ROWS", few)
    inputs = {"plain": numbers(7, 3), "columns of more": numbers(7, 9)[:, 2:5], "transposed": numbers(3, 7).t()}
    weights = {"plain": numbers(5, 3), "columns of more": numbers(5, 9)[:, 2:5], "transposed": numbers(3, 5).t()}
    added = None if add is None else numbers(*add)
    for x in inputs.values():
        for weight in weights.values():
            expected = x.double() @ weight.double().t() + (0 if added is None else added.double())
            for multiply in (functools.partial(products.product, weight=weight), products.planned(weight, x)):
                room = torch.empty(7, 5) if out else None
                result = multiply(x, add=added, out=room)
                assert room is None or result is room
                torch.testing.assert_close(result.double(), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.usefixtures("library")
def test_a_planned_product_takes_any_number_of_rows() -> None:
    x, weight, bias = numbers(9, 3), numbers(5, 3), numbers(5)
    multiply = products.planned(weight, x[:7])
    for rows in (7, 9, 1):
        torch.testing.assert_close(multiply(x[:rows], bias), F.linear(x[:rows], weight, bias))


@pytest.mark.usefixtures("library")
def test_what_is_added_may_be_what_is_written() -> None:
    x, weight, total = numbers(7, 3), numbers(5, 3), numbers(7, 5)
    expected = x @ weight.t() + total
    products.product(x, weight, total, out=total)
    torch.testing.assert_close(total, expected)


@pytest.mark.usefixtures("library")
def test_a_half_precision_weight_is_raised() -> None:
    x, weight = numbers(7, 3), numbers(5, 3).bfloat16()
    result = products.product(x, weight)
    assert result.dtype == torch.float32
    torch.testing.assert_close(result, F.linear(x, weight.float()), rtol=0.05, atol=0.05)


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("bias", [False, True])
def test_linear_has_the_gradients_of_torch(bias: bool) -> None:
    tensors = [numbers(2, 4, 3), numbers(5, 3), numbers(5)][: 3 if bias else 2]
    ours = [tensor.clone().requires_grad_() for tensor in tensors]
    theirs = [tensor.clone().requires_grad_() for tensor in tensors]
    random = numbers(2, 4, 5)
    (products.linear(*ours) * random).sum().backward()
    (F.linear(*theirs) * random).sum().backward()
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-5, atol=1e-5)


def test_a_small_linear_may_be_differentiated_twice() -> None:
    tensors = [numbers(2, 4, 3).double().requires_grad_(), numbers(5, 3).double().requires_grad_()]
    assert torch.autograd.gradgradcheck(products.linear, tensors)


@pytest.mark.usefixtures("library")
def test_linear_without_gradients_is_the_same() -> None:
    x, weight, bias = numbers(2, 4, 3), numbers(5, 3), numbers(5)
    with torch.no_grad():
        torch.testing.assert_close(products.linear(x, weight, bias), F.linear(x, weight, bias))


@pytest.mark.usefixtures("library")
def test_weight_gradient_for_any_strides() -> None:
    outputs = {"plain": numbers(7, 5), "columns of more": numbers(7, 9)[:, 2:7], "transposed": numbers(5, 7).t()}
    inputs = {"plain": numbers(7, 3), "columns of more": numbers(7, 9)[:, 2:5], "transposed": numbers(3, 7).t()}
    for to_output in outputs.values():
        for x in inputs.values():
            expected = to_output.t() @ x
            first = products.weight_gradient(to_output, x)
            torch.testing.assert_close(first, expected)
            second = products.weight_gradient(to_output, x, first)
            torch.testing.assert_close(second, 2 * expected)
