"""What is measured, under which circumstances, in which precision and by which clock.

Runs take turns so that a busy moment of the machine hits every variant. The precisions ``highest`` and ``high`` are
torch's own words for its float32 products.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import NamedTuple

import torch

from fairseq_plugin.modules.precision import has_bfloat16
from fairseq_plugin.modules.products import product

MILLISECONDS, MEGABYTES, TOKENS, SENTENCES = "ms", "MB", "tokens/s", "sentences/s"
RATES = (TOKENS, SENTENCES)  # more is better; of the others, less


@dataclass(frozen=True)
class Circumstances:
    """How everything in a run is measured.

    :param folder: for data and models; removed at the end.
    :param precisions: names in :data:`PRECISIONS`; empty on a CPU, which has one.
    """

    threads: int
    folder: Path
    device: str = "cpu"
    repetitions: int | None = None
    precisions: tuple[str, ...] = ()

    @property
    def bfloat16(self) -> bool:
        """Whether ``--float32-matmul-precision medium`` is measured beside float32, on a CPU with such products."""
        return self.device == "cpu" and not self.precisions and has_bfloat16()

    def in_precisions(self, *known: str) -> tuple[str | None, ...]:
        """The precisions of a row to measure; only None if no precision was asked for."""
        return tuple(name for name in known if name in self.precisions) if self.precisions else (None,)

    def warm_up(self, usual: int) -> int:
        """How often to run before measuring. The first run on a GPU loads the GPU's programs."""
        return max(usual, int(self.device == "cuda"))

    def repeat(self, usual: int) -> int:
        """How often to repeat what is usually repeated ``usual`` times."""
        return self.repetitions or usual


@dataclass(frozen=True)
class Measurement:
    """Repeated values of one variant.

    :param gflop: arithmetic of the matrix products that the equations ask for, whatever the variant really does: of
        one run, or of one token or sentence where the values are rates.
    """

    row: str
    setting: str
    variant: str
    threads: int
    unit: str
    values: tuple[float, ...]
    gflop: float | None = None

    @property
    def median(self) -> float:
        """What is reported of the values."""
        return median(self.values)

    def times_better_than(self, other: "Measurement") -> float:
        """Speed-up over the other one; for memory, the share of the other's that is used."""
        if self.unit in RATES or self.unit == MEGABYTES:
            return self.median / other.median
        return other.median / self.median

    def gflop_per_second(self) -> float | None:
        """None where nothing was counted."""
        if self.gflop is None:
            return None
        return self.gflop * self.median if self.unit in RATES else self.gflop / self.median * 1e3


def measurements(
    row: str,
    setting: str,
    circumstances: Circumstances,
    unit: str,
    values: Mapping[str, Sequence[float]],
    gflop: Callable[[str], float | None] = lambda variant: None,
) -> list[Measurement]:
    """One measurement for each variant. :param gflop: see :class:`Measurement`, from the variant's name."""
    threads = circumstances.threads
    return [
        Measurement(row, setting, variant, threads, unit, tuple(each), gflop(variant))
        for variant, each in values.items()
    ]


class Clock:
    """Seconds of work: of this process's CPU time on one thread, else of wall time.

    Wall time includes what other programs take away from two threads; CPU time would count both threads.
    """

    def __init__(self, threads: int, device: str = "cpu") -> None:
        self.device = device
        self.seconds = time.process_time if threads == 1 and device == "cpu" else time.perf_counter

    def __call__(self, run: Callable[[], object]) -> float:
        """How long ``run`` takes."""
        self.settle()
        start = self.seconds()
        run()
        self.settle()
        return self.seconds() - start

    def settle(self) -> None:
        """Wait for what a GPU still has to do."""
        if self.device == "cuda":
            torch.cuda.synchronize()


def in_turns(runs: Mapping[str, Callable[[], float]], repetitions: int) -> dict[str, list[float]]:
    """What each run returns, all of them taking turns: A B A B."""
    values: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repetitions):
        for name, run in runs.items():
            values[name].append(run())
    return values


def interleave(
    runs: Mapping[str, Callable[[], object]], clock: Clock, *, repetitions: int, warmups: int
) -> dict[str, list[float]]:
    """Milliseconds of each run, all of them taking turns."""
    for _ in range(warmups):
        for run in runs.values():
            run()
    return in_turns({name: partial(_milliseconds, clock, run) for name, run in runs.items()}, repetitions)


def _milliseconds(clock: Clock, run: Callable[[], object]) -> float:
    return clock(run) * 1e3


def peak_gflops(clock: Clock, *, size: int, dtype: torch.dtype = torch.float32, repetitions: int = 5) -> float:
    """GFLOP/s of the machine's best matrix product: torch.mm or the plugin's own, on square matrices."""
    a, b = (torch.randn(size, size, device=clock.device, dtype=dtype) for _ in range(2))
    runs = {"mm": lambda: torch.mm(a, b), "product": lambda: product(a, b)}
    times = interleave(runs, clock, repetitions=repetitions, warmups=1)
    fastest = min(map(min, times.values()))
    return 2.0 * size**3 / fastest / 1e6


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


@contextmanager
def float32_products(name: str | None) -> Iterator[None]:
    """Give this process the float32 products of a precision. The former setting returns at the end."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(precision_of(name).products)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
