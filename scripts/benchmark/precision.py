"""The precisions that can be measured. ``highest`` and ``high`` are torch's own words for its float32 products."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch


class Precision(NamedTuple):
    """How a variant computes.

    :param dtype: of parameters and inputs inside one process.
    :param products: argument of ``torch.set_float32_matmul_precision``. On a GPU ``high`` computes in TF32.
    :param options: of fairseq-train and fairseq-generate. Their ``--bf16`` stands for a TPU, so they have no bf16.
    """

    dtype: torch.dtype = torch.float32
    products: str = "highest"
    options: tuple[str, ...] = ()


PRECISIONS = {
    "highest": Precision(),
    "high": Precision(products="high"),
    "bf16": Precision(torch.bfloat16),
    "fp16": Precision(torch.float16, options=("--fp16",)),
}


def named(variant: str, precision: str | None) -> str:
    """The name of a variant in a precision; None is the precision of a CPU, which has no name."""
    return variant if precision is None else f"{variant}, {precision}"


def precision_of(name: str | None) -> Precision:
    """The precision of that name."""
    return PRECISIONS["highest" if name is None else name]


def environment(name: str | None) -> dict[str, str]:
    """Variables that give these float32 products to a process before it imports torch."""
    return {"TORCH_ALLOW_TF32_CUBLAS_OVERRIDE": "1"} if precision_of(name).products == "high" else {}


@contextmanager
def float32_products(name: str | None) -> Iterator[None]:
    """Give this process the float32 products of a precision. The former setting returns at the end."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(precision_of(name).products)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
