"""Clocks, and runs that take turns so that a busy moment of the machine hits every variant."""

import time
from collections.abc import Callable, Mapping

import torch

from fairseq_plugin.modules.products import product


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


def interleave(
    runs: Mapping[str, Callable[[], object]], clock: Clock, *, repetitions: int, warmups: int
) -> dict[str, tuple[float, ...]]:
    """Milliseconds of each run, all of them taking turns: A B A B."""
    for _ in range(warmups):
        for run in runs.values():
            run()
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repetitions):
        for name, run in runs.items():
            times[name].append(clock(run) * 1e3)
    return {name: tuple(values) for name, values in times.items()}


def peak_gflops(clock: Clock, *, size: int, dtype: torch.dtype = torch.float32, repetitions: int = 5) -> float:
    """GFLOP/s of the machine's best matrix product: torch.mm or the plugin's own, on square matrices."""
    a, b = (torch.randn(size, size, device=clock.device, dtype=dtype) for _ in range(2))
    runs = {"mm": lambda: torch.mm(a, b), "product": lambda: product(a, b)}
    times = interleave(runs, clock, repetitions=repetitions, warmups=1)
    fastest = min(map(min, times.values()))
    return 2.0 * size**3 / fastest / 1e6
