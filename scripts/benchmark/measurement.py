"""What was measured, and under which circumstances."""

from dataclasses import dataclass
from pathlib import Path
from statistics import median

MILLISECONDS, MEGABYTES, TOKENS, SENTENCES = "ms", "MB", "tokens/s", "sentences/s"
RATES = (TOKENS, SENTENCES)  # more is better; of the others, less


@dataclass(frozen=True)
class Circumstances:
    """How everything in a run is measured.

    :param folder: for data and models; removed at the end.
    :param precisions: names in :data:`scripts.benchmark.precision.PRECISIONS`; empty on a CPU, which has one.
    """

    threads: int
    folder: Path
    device: str = "cpu"
    repetitions: int | None = None
    precisions: tuple[str, ...] = ()

    def in_precisions(self, *known: str) -> tuple[str | None, ...]:
        """The precisions to measure of those that a row knows; only None where none was asked for."""
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
