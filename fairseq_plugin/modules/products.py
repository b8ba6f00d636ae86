"""Matrix products by the fastest library at hand.

On a CPU, torch.mm goes to MKL, which is slow on processors of other makers; torch also carries oneDNN, twice as fast
there for large float32 products. It is reached through an operator that torch's own compiler uses and that is not
public: where it is missing, or does not apply, everything falls back to torch.nn.functional.linear.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from fairseq_plugin.modules.first_order import first_order

# Multiply-adds below which calling oneDNN costs more than it saves.
WORTH_ONEDNN = 16_000_000


def onednn_reachable() -> bool:
    """Whether this torch has oneDNN and the operator that hands it a plain product."""
    available = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return bool(available) and hasattr(torch.ops.mkldnn, "_linear_pointwise")


_ONEDNN = onednn_reachable()


def product(x: Tensor, weight: Tensor, add: Tensor | None = None, out: Tensor | None = None) -> Tensor:
    """x @ weight.T + add, outside autograd.

    ``weight`` may be of lower precision than ``x``: the product is then computed in that precision and raised again.

    :param x: (M, K), any strides.
    :param weight: (N, K), any strides; fastest, where it is used many times, if contiguous.
    :param add: (N,) or (M, N), in the precision of ``x``.
    :param out: (M, N), where to write the result; a new tensor by default.
    :returns: (M, N) in the precision of ``x``.
    """
    if weight.dtype != x.dtype:
        result = torch.mm(x.to(weight.dtype), weight.t()).to(x.dtype)
    elif _ONEDNN and x.size(0) * weight.numel() >= WORTH_ONEDNN and x.dtype == torch.float32 and not x.is_cuda:
        if not (weight.is_contiguous() or weight.t().is_contiguous()):
            weight = weight.contiguous()  # with gaps between rows, oneDNN is a thousand times slower
        result = torch.ops.mkldnn._linear_pointwise(x, weight, None, "none", [], "")
    elif add is None:
        return torch.mm(x, weight.t(), out=out)
    else:
        return torch.addmm(add, x, weight.t(), out=out)
    if add is not None:
        return torch.add(result, add, out=result if out is None else out)
    return result if out is None else out.copy_(result)


class _Linear(torch.autograd.Function):
    """F.linear whose three products go through :func:`product`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return product(x.flatten(0, -2), weight, bias).view(*x.shape[:-1], -1)

    @staticmethod
    @first_order("use torch.nn.functional.linear")
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        rows = grad.reshape(-1, grad.size(-1))
        to_x, to_weight, to_bias = ctx.needs_input_grad
        return (
            product(rows, weight.t()).view_as(x) if to_x else None,
            product(rows.t(), x.flatten(0, -2).t()) if to_weight else None,
            rows.sum(dim=0) if to_bias else None,
        )


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x @ weight.T + bias with gradients, for x (..., K), weight (N, K) and bias (N,).

    Differentiable once. Under autocast, or in half precision, it is torch's own linear.
    """
    if x.dim() < 2 or x.dtype != weight.dtype or x.dtype.itemsize < 4 or torch.is_autocast_enabled(x.device.type):
        return F.linear(x, weight, bias)
    return _Linear.apply(x, weight, bias)  # type: ignore[no-untyped-call]
