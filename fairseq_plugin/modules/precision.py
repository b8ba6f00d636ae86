"""How exact float32 matrix products are: torch's words, ``highest``, ``high`` and ``medium``, with torch's meaning.

``highest``  float32; torch's own setting stays as the program left it
``high``     TF32 on a GPU; float32 on a CPU, as in torch
``medium``   TF32 on a GPU; bfloat16 on a CPU, where the processor multiplies bfloat16 numbers, or emulates them

On a CPU torch's own ``medium`` needs AMX. Here it needs AMX or AVX512-BF16, and it is left to ``products.py``, which
computes the large products. On a GPU torch's switch for TF32 is on during a call. That switch belongs to the whole
process: what other threads compute on a GPU in the meantime is computed in TF32 as well.
"""

import functools
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any, TypeVar, cast

import torch

from data_gen.errors import UserError

logger = logging.getLogger(__name__)

FLOAT32_MATMUL_PRECISION = HIGHEST, HIGH, MEDIUM = ("highest", "high", "medium")

# Environment variable, 1 or 0: on a processor without bfloat16 products, round as in bfloat16, but compute in float32.
EMULATE = "FAIRSEQ_ATTENTION_EMULATE_BF16"

_current: ContextVar[str] = ContextVar("float32 matmul precision", default=HIGHEST)

Method = TypeVar("Method", bound=Callable[..., Any])


def current_precision() -> str:
    """The precision of the call that is running; ``medium`` only where bfloat16 products are computed or emulated."""
    return _current.get()


@contextmanager
def matmul_precision(precision: str, device: str) -> Iterator[None]:
    """Compute the float32 products of this block in a precision. The former setting returns at the end.

    :param precision: one of ``FLOAT32_MATMUL_PRECISION``.
    :param device: type of the device on which the products are computed.
    """
    if precision == MEDIUM and device == "cpu" and not multiplies_bfloat16():
        precision = HIGHEST
    before = _current.set(precision)
    try:
        with _tf32() if device == "cuda" and precision != HIGHEST else nullcontext():
            yield
    finally:
        _current.reset(before)


def in_own_precision(method: Method) -> Method:
    """Decorate a method of a module that has ``float32_matmul_precision`` and ``embed_tokens``."""

    @functools.wraps(method)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        with matmul_precision(self.float32_matmul_precision, self.embed_tokens.weight.device.type):
            return method(self, *args, **kwargs)

    return cast(Method, wrapper)


def has_bfloat16() -> bool:
    """Whether this processor has instructions for products of bfloat16 numbers."""
    names = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")  # a release of torch without one knows of none
    return any(getattr(torch.cpu, name, bool)() for name in names)


@functools.cache
def multiplies_bfloat16() -> bool:
    """Ask :func:`has_bfloat16` and ``EMULATE``; if the processor has no such products, a log line says so once.

    :raises UserError: ``EMULATE`` is neither 1 nor 0.
    """
    if has_bfloat16():
        return True
    wanted = os.environ.get(EMULATE) or "0"
    if wanted not in ("0", "1"):
        raise UserError(f"the environment variable {EMULATE} must be 1 or 0, but is {wanted!r}")
    rounded = f"products are rounded as in bfloat16, without its speed ({EMULATE}=1)"
    instead = rounded if wanted == "1" else "products stay in float32"
    logger.warning(f"--float32-matmul-precision medium: this processor has neither AVX512-BF16 nor AMX, {instead}")
    return wanted == "1"


@contextmanager
def _tf32() -> Iterator[None]:
    """Switch TF32 on for products on a GPU, in the way that this torch does not warn of."""
    matmul: Any = torch.backends.cuda.matmul
    if not hasattr(matmul, "fp32_precision"):
        general = torch.get_float32_matmul_precision()
        torch.set_float32_matmul_precision(HIGH)
        try:
            yield
        finally:
            torch.set_float32_matmul_precision(general)
        return
    before, matmul.fp32_precision = matmul.fp32_precision, "tf32"
    try:
        yield
    finally:
        matmul.fp32_precision = before
