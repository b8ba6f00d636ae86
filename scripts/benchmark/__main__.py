"""Measure the plugin against a textbook implementation and fairseq's own LSTM, and print a Markdown table.

    python -m scripts.benchmark --threads 1 2 --update docs/performance.md --summary README.md --output docs/speed.json
    python -m scripts.benchmark --rows core decode --settings mid

Wants a machine that does nothing else. ``--smoke`` takes a minute or two and only shows that everything runs.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

if not __package__:  # run as a folder, `python scripts/benchmark`: the packages are two folders up
    sys.path[0] = str(Path(__file__).resolve().parents[2])
    import scripts  # noqa: F401 - before imports that take seconds

import torch

from data_gen.errors import ArgumentParser, UserError, run_command
from data_gen.files import require_place
from scripts.benchmark import report
from scripts.benchmark.measurement import (
    PRECISIONS,
    Circumstances,
    Clock,
    Measurement,
    float32_products,
    peak_gflops,
)
from scripts.benchmark.rows import ROWS
from scripts.benchmark.settings import SETTINGS, enlarged, shrunk
from scripts.common import check_section, describe_machine, steps_on_stderr, update_file
from scripts.common import write as write_file

NAME = "benchmark"
SECTION = "speed"
GPU_ROWS = ["core", "update", "train", "generate"]
NAMES = {name: row.what for name, row in ROWS.items()}


def parser() -> argparse.ArgumentParser:
    """Options of the command."""
    options = ArgumentParser(prog=f"python -m scripts.{NAME}", description="Measure speed and memory side by side.")
    options.add_argument("--rows", nargs="+", choices=ROWS, help="what to measure (default: everything)")
    options.add_argument("--settings", nargs="+", choices=SETTINGS, help="sizes to measure (default: all)")
    options.add_argument(
        "--threads",
        type=int,
        nargs="+",
        default=[1],
        metavar="N",
        help="numbers of threads, one run for each (default: 1)",
    )
    options.add_argument(
        "--repetitions", type=int, metavar="N", help="repetitions of everything (default: depends on the size)"
    )
    options.add_argument(
        "--device",
        choices=("cpu", "cuda"),
        default="cpu",
        help=f"where to measure (default: cpu); cuda measures only {', '.join(GPU_ROWS)}",
    )
    options.add_argument(
        "--precisions",
        nargs="+",
        choices=PRECISIONS,
        help="precisions to measure (default: all of a GPU; a CPU has one)",
    )
    options.add_argument(
        "--smoke", action="store_true", help="small sizes, in a minute or two; the numbers mean nothing"
    )
    options.add_argument("--list", action="store_true", help="show what can be measured")
    options.add_argument("--output", type=Path, metavar="FILE.json", help="JSON file for every value")
    options.add_argument(
        "--update", type=Path, metavar="FILE", help=f"write the table into this page, between its {SECTION} markers"
    )
    options.add_argument(
        "--summary",
        type=Path,
        metavar="FILE",
        help=f"write the ratios of the README into this page, between its {SECTION} markers",
    )
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command. :returns: 0, 2 after wrong use, 1 if a command fails or a file cannot be written."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    return run_command(NAME, lambda: benchmark(parser().parse_args(arguments), arguments))


def benchmark(options: argparse.Namespace, arguments: Sequence[str]) -> int:
    """Do what the options of :func:`parser` say."""
    if options.list:
        for name, entry in ROWS.items():
            print(f"{name:<14} {entry.what} ({', '.join(entry.settings)})")
        return 0
    plan = check(options)
    for path in (options.update, options.summary):
        check_section(path, SECTION)  # better to fail now than after the measurements
    if options.output is not None:
        require_place(options.output)
    measured: list[Measurement] = []
    peaks: dict[str, float] = {}
    threads_before = torch.get_num_threads()
    steps = len(plan) * len(options.threads)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder, steps_on_stderr(steps) as begin:
        for threads in options.threads:
            precisions = tuple(options.precisions or (PRECISIONS if options.device == "cuda" else ()))
            circumstances = Circumstances(threads, Path(folder), options.device, options.repetitions, precisions)
            torch.set_num_threads(threads)
            for row, setting in plan:
                begin(f"{row}, {setting}, {report.count(threads)}")
                for name, rate in measure_peaks(circumstances, options.smoke).items():
                    peaks[name] = max(rate, peaks.get(name, 0.0))  # a busy machine may slow some of them down
                sizes = enlarged(SETTINGS[setting]) if options.device == "cuda" else SETTINGS[setting]
                sizes = shrunk(sizes) if options.smoke else sizes
                measured += ROWS[row].measure(sizes, circumstances)
    torch.set_num_threads(threads_before)
    write(options, measured, peaks, arguments)
    return 0


def check(options: argparse.Namespace) -> list[tuple[str, str]]:
    """Pairs of row and setting to measure. :raises UserError: there is none, or an option makes no sense."""
    if min(options.threads) < 1:
        raise UserError(f"--threads must be at least 1, but is {min(options.threads)}")
    if len(set(options.threads)) < len(options.threads):
        raise UserError(f"--threads must differ, but are {' '.join(map(str, options.threads))}")
    if options.smoke and (options.update or options.summary):
        raise UserError("--smoke measures nothing that is worth a place in a file: leave out --update and --summary")
    if options.repetitions is not None and options.repetitions < 1:
        raise UserError(f"--repetitions must be at least 1, but is {options.repetitions}")
    rows = options.rows or (GPU_ROWS if options.device == "cuda" else list(ROWS))
    if options.device == "cuda":
        if not torch.cuda.is_available():
            raise UserError("--device cuda: torch sees no GPU here; leave the option out to measure the CPU")
        if not set(rows) <= set(GPU_ROWS):
            raise UserError(f"--device cuda measures --rows {' '.join(GPU_ROWS)} only, but got {' '.join(rows)}")
    settings = options.settings or list(SETTINGS)
    plan = [(row, setting) for row in rows for setting in settings if setting in ROWS[row].settings]
    if options.smoke and not options.settings:
        plan = [(row, ROWS[row].settings[0]) for row in rows]
    if not plan:
        raise UserError(f"nothing to measure: --rows {' '.join(rows)} at --settings {' '.join(settings)}; see --list")
    return plan


def measure_peaks(circumstances: Circumstances, smoke: bool) -> dict[str, float]:
    """GFLOP/s of the best matrix product, by threads, or by precision where there are several."""
    clock = Clock(circumstances.threads, circumstances.device)
    size = 256 if smoke else 8192 if circumstances.device == "cuda" else 2048
    if not circumstances.precisions:
        peaks = {str(circumstances.threads): peak_gflops(clock, size=size)}
        if circumstances.bfloat16:
            peaks[report.medium_on(circumstances.threads)] = peak_gflops(clock, size=size, dtype=torch.bfloat16)
        return peaks
    peaks = {}
    for name in circumstances.precisions:
        with float32_products(name):
            peaks[name] = peak_gflops(clock, size=size, dtype=PRECISIONS[name].dtype)
    return peaks


def write(
    options: argparse.Namespace, measured: Sequence[Measurement], peaks: dict[str, float], arguments: Sequence[str]
) -> None:
    """Print the table, and write the files that were asked for."""
    machine = describe_machine(options.device)
    content = report.as_json(measured, peaks, machine, arguments)
    text = page(content, smoke=options.smoke)
    if options.output is not None:
        write_file(options.output, json.dumps(content, indent=2) + "\n")
    if options.update is not None:
        update_file(options.update, SECTION, text)
    if options.summary is not None:
        update_file(options.summary, SECTION, report.summary(measured, NAMES, peaks, machine))
    if options.smoke:
        print("Smoke run: sizes that take no time. No figure below means anything.\n")
    print(text, end="")


def page(content: Mapping[str, Any], *, smoke: bool) -> str:
    """The tables of a benchmark. :param content: its JSON."""
    measured = report.from_json(content)
    text = report.markdown(measured, NAMES, content["peak_gflops"], content["machine"])
    return text if smoke else f"{text}\n{report.sizes(measured)}"


if __name__ == "__main__":
    sys.exit(main())
