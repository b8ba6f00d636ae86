"""Matrix products by the fastest library at hand.

On a CPU, torch.mm goes to MKL, which is slow on some AMD processors; torch also carries oneDNN, twice as fast there for
large float32 products. On Intel's processors MKL is as fast; there, few rows times a weight that is used again and
again are fastest where MKL has rearranged the weight before. Both are reached through operators that torch's own
compiler uses and that are not public: where one is missing, does not apply or would not pay, everything falls back to
torch.nn.functional.linear. With ``--float32-matmul-precision medium`` (``precision.py``), large float32 products are
computed in bfloat16 and raised again: each operand is rounded once, and so is the result.

A batch is worked on in pieces that fit the processor's cache. What is computed by hand is differentiable once.
"""

import functools
from collections.abc import Callable
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from fairseq_plugin.modules.precision import HIGHEST, MEDIUM, current_precision, has_bfloat16, matmul_precision

# Numbers of a piece: 1 MB in float32.
PIECE = 1 << 18


def piece_size(batch: Tensor, numbers: int) -> int:
    """How many items of ``batch`` (first dimension), with ``numbers`` numbers each, to work on together.

    A GPU takes all at once.
    """
    return max(1, PIECE // max(1, numbers) if batch.device.type == "cpu" else batch.size(0))


def first_order(way_out: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorate the ``backward`` of an autograd function: no graph inside, and an error where one is asked for.

    Float32 products are as exact as ``ctx.precision`` says, which the forward pass sets.

    torch's ``once_differentiable`` lets ``create_graph=True`` pass where the incoming gradient is a constant, and a
    second derivative is then silently 0. Precisions are chosen by hand as well: a program that calls ``backward`` under
    autocast gets the gradients of one that does not.

    :param way_out: what to use instead.
    """

    def decorate(backward: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(backward)
        def wrapper(*args: Any) -> Any:
            if torch.is_grad_enabled():
                raise RuntimeError(f"no second derivative here, but backward was called with create_graph: {way_out}")
            device = next((grad.device.type for grad in args[1:] if grad is not None), None)
            if device is None:
                return backward(*args)
            with matmul_precision(args[0].precision, device):
                if not torch.is_autocast_enabled(device):
                    return backward(*args)
                with torch.autocast(device, enabled=False):
                    return backward(*args)

        return wrapper

    return decorate


# Multiply-adds below which calling oneDNN, or casting to bfloat16, costs more than it saves.
LARGE = 16_000_000
# Multiply-adds in which bfloat16 saves as much time as it takes to cast one number.
CAST = 64
# Rows up to which a rearranged weight pays on Intel's processors, if the weight has at least so many numbers: in MKL's
# order, which is for one number of rows, or in oneDNN's, which is for any and pays for a single product as well.
FEW_ROWS = 256
LARGE_FOR_MKL = 2_000_000
LARGE_WEIGHT = 5_000_000


def onednn_reachable() -> bool:
    """Whether this torch has oneDNN and the operators that hand it a plain product."""
    available = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return bool(available) and all(
        hasattr(torch.ops.mkldnn, name) for name in ("_linear_pointwise", "_reorder_linear_weight")
    )


def mkl_at_home() -> bool:
    """Whether the processor is one of Intel's, on which MKL is as fast as oneDNN and takes any strides."""
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return str(capabilities.get("cpu_name", "")).startswith("Intel")


def mkl_rearranges() -> bool:
    """Whether this torch has MKL and the operators that rearrange a weight for it."""
    available = torch.backends.mkl.is_available()  # type: ignore[no-untyped-call]
    return bool(available) and all(
        hasattr(torch.ops.mkl, name) for name in ("_mkl_linear", "_mkl_reorder_linear_weight")
    )


_REACHABLE = onednn_reachable()
_ONEDNN = _REACHABLE and not mkl_at_home()
_MKL = mkl_at_home() and mkl_rearranges()


class Product(Protocol):
    """x @ weight.T + add for a fixed weight (N, K), outside autograd."""

    def __call__(self, x: Tensor, add: Tensor | None = None, out: Tensor | None = None) -> Tensor:
        """Multiply.

        :param x: (M, K), any strides.
        :param add: (N,) or (M, N), in the precision of ``x``.
        :param out: (M, N), where to write the result; a new tensor by default.
        :returns: (M, N) in the precision of ``x``.
        """


def planned(weight: Tensor, like: Tensor) -> Product:
    """The fastest way to multiply many inputs of the shape, precision and place of ``like`` (M, K) with one weight.

    :param weight: (N, K), any strides. It may be of lower precision than the inputs: products are then computed in
        that precision and raised again.
    """
    if _suits_bfloat16(like, weight, casts_weight=False):
        weight = weight.to(torch.bfloat16)
    if weight.dtype != like.dtype:
        return functools.partial(_mixed_product, weight.t())
    rows = like.size(0)
    if _suits_onednn(like, weight) or _suits_onednn_anywhere(like, weight):
        return functools.partial(_onednn_product, torch.ops.mkldnn._reorder_linear_weight(weight.contiguous(), rows))
    if _suits_mkl(like, weight):
        packed = torch.ops.mkl._mkl_reorder_linear_weight(weight.contiguous(), rows)
        return functools.partial(_mkl_product, packed, weight, rows)
    return functools.partial(_torch_product, weight.t())


def product(x: Tensor, weight: Tensor, add: Tensor | None = None, out: Tensor | None = None) -> Tensor:
    """A single product with a weight; see :class:`Product` and :func:`planned`."""
    if _suits_bfloat16(x, weight):
        weight = weight.to(torch.bfloat16)
    if weight.dtype != x.dtype:
        return _mixed_product(weight.t(), x, add, out)
    if not (_suits_onednn(x, weight) or _suits_onednn_anywhere(x, weight)):
        return _torch_product(weight.t(), x, add, out)
    if not (weight.is_contiguous() or weight.t().is_contiguous()):
        weight = weight.contiguous()  # with gaps between rows, oneDNN is a thousand times slower
    return _onednn_product(weight, x, add, out)


def weight_gradient(to_output: Tensor, x: Tensor, add: Tensor | None = None) -> Tensor:
    """to_output.T @ x + add: the gradient of a weight (N, K) that turned ``x`` into an output.

    For oneDNN the product is turned round, which spares it a transposed copy of ``to_output``; the result is then a
    transposed view, as ``add`` has to be.

    :param to_output: (M, N), any strides.
    :param x: (M, K), any strides.
    :param add: (N, K), what an earlier call returned; it is overwritten.
    """
    if _suits_bfloat16(x.t(), to_output) or not _suits_onednn(x.t(), to_output):
        return product(to_output.t(), x.t(), add, out=add)
    turned = None if add is None else add.t()
    return product(x.t(), to_output.contiguous().t(), turned, out=turned).t()


def _suits_bfloat16(x: Tensor, weight: Tensor, *, casts_weight: bool = True) -> bool:
    """Whether a product is wanted in bfloat16 and large enough to pay for casting its operands and its result.

    :param casts_weight: False where the weight is cast once for many products.
    """
    if current_precision() != MEDIUM or not (_float32_on_cpu(x) and weight.dtype == torch.float32):
        return False
    rows, (outputs, inputs) = x.size(0), weight.shape
    numbers = rows * (inputs + outputs) + casts_weight * weight.numel()
    return rows * weight.numel() >= max(LARGE, CAST * numbers)


def _suits_onednn(x: Tensor, weight: Tensor) -> bool:
    return _ONEDNN and x.size(0) * weight.numel() >= LARGE and _float32_on_cpu(x)


def _suits_onednn_anywhere(x: Tensor, weight: Tensor) -> bool:
    """Even where MKL is at home: few rows, as in decoding, times a large output matrix."""
    large = x.size(0) <= FEW_ROWS and weight.numel() >= LARGE_WEIGHT and weight.is_contiguous()
    return _REACHABLE and large and _float32_on_cpu(x)


def _suits_mkl(x: Tensor, weight: Tensor) -> bool:
    few = x.size(0) <= FEW_ROWS and weight.numel() >= LARGE_FOR_MKL and x.size(0) * weight.numel() >= LARGE
    return _MKL and few and _float32_on_cpu(x)


def _float32_on_cpu(x: Tensor) -> bool:
    return x.dtype == torch.float32 and x.device.type == "cpu"


def _torch_product(weight: Tensor, x: Tensor, add: Tensor | None = None, out: Tensor | None = None) -> Tensor:
    return torch.mm(x, weight, out=out) if add is None else torch.addmm(add, x, weight, out=out)


def _onednn_product(weight: Tensor, x: Tensor, add: Tensor | None = None, out: Tensor | None = None) -> Tensor:
    bias = add if add is not None and add.dim() == 1 else None
    result = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
    return _deliver(result, None if bias is not None else add, out)


def _mkl_product(
    packed: Tensor, weight: Tensor, rows: int, x: Tensor, add: Tensor | None = None, out: Tensor | None = None
) -> Tensor:
    """:param rows: for which the weight is rearranged; with another number, the operator reads ``weight``."""
    bias = add if add is not None and add.dim() == 1 else None
    result = torch.ops.mkl._mkl_linear(x, packed, weight, bias, rows)
    return _deliver(result, None if bias is not None else add, out)


def _mixed_product(weight: Tensor, x: Tensor, add: Tensor | None = None, out: Tensor | None = None) -> Tensor:
    dtype, lower = weight.dtype, x.to(weight.dtype)
    if dtype == torch.bfloat16 and x.device.type == "cpu" and not has_bfloat16():
        # A product of two bfloat16 numbers is exact in float32. torch's own takes three times as long there.
        lower, weight = lower.float(), weight.float()
    return _deliver(torch.mm(lower, weight).to(dtype).to(x.dtype), add, out)


def _deliver(result: Tensor, add: Tensor | None, out: Tensor | None) -> Tensor:
    """Add and write where the product itself could not."""
    if add is not None:
        return torch.add(result, add, out=result if out is None else out)
    return result if out is None else out.copy_(result)


class _Linear(torch.autograd.Function):
    """F.linear with its three products through :func:`product`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.precision = current_precision()
        return product(x.flatten(0, -2), weight, bias).view(*x.shape[:-1], -1)

    @staticmethod
    @first_order("use torch.nn.functional.linear")
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        rows = grad.reshape(-1, grad.size(-1))
        to_x, to_weight, to_bias = ctx.needs_input_grad
        return (
            product(rows, weight.t()).view_as(x) if to_x else None,
            weight_gradient(rows, x.flatten(0, -2)) if to_weight else None,
            rows.sum(dim=0) if to_bias else None,
        )


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x @ weight.T + bias with gradients, for x (..., K), weight (N, K) and bias (N,).

    Differentiable once. Small products, those of half precision, and those on a GPU in the highest precision are
    torch's own linear.
    """
    if not _by_hand(x, weight):
        return F.linear(x, weight, bias)
    if not torch.is_grad_enabled():
        return product(x.flatten(0, -2), weight, bias).view(*x.shape[:-1], -1)
    return _Linear.apply(x, weight, bias)  # type: ignore[no-untyped-call]


def _by_hand(x: Tensor, weight: Tensor) -> bool:
    """Whether x @ weight.T is large, and not computed as well by torch's own linear."""
    wanted = x.device.type == "cpu" or current_precision() != HIGHEST
    exact = x.dtype == weight.dtype and x.dtype.itemsize >= 4 and not torch.is_autocast_enabled(x.device.type)
    return wanted and exact and x.dim() > 1 and x.numel() * weight.size(0) >= LARGE


class RepeatedLinear:
    """:func:`linear` with one weight for many inputs, outside autograd. A large weight is prepared once for all.

    For a single row, reading the weight takes all the time, and a prepared weight is read no faster.

    :param weight: (N, K).
    :param bias: (N,).
    :param like: the first input (..., K).
    """

    def __init__(self, weight: Tensor, bias: Tensor | None, like: Tensor) -> None:
        self._weight, self._bias = weight, bias
        rows = like.flatten(0, -2)
        self._product = planned(weight, rows) if len(rows) > 1 and _by_hand(rows, weight) else None

    def __call__(self, x: Tensor) -> Tensor:
        """x @ weight.T + bias, for x (..., K)."""
        if self._product is None:
            return linear(x, self._weight, self._bias)
        return self._product(x.flatten(0, -2), self._bias).view(*x.shape[:-1], -1)

    def __deepcopy__(self, memo: Any) -> "RepeatedLinear":
        return self  # nothing changes it, and oneDNN's layout of the weight cannot be copied
