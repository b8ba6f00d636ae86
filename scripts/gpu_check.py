"""Check the plugin on a GPU and measure it there: tests, the quick start in each precision, extraction, benchmark.

    scripts/gpu_check.sh FOLDER --update docs/gpu.md

Everything that the commands make and say is in FOLDER: the tables in tables.md, the figures of the benchmark in
speed.json. A check that fails does not stop the checks after it. The exit code is then 1. On a machine without a GPU,
``--device cpu --smoke`` shows that the commands run.
"""

import argparse
import functools
import json
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

if not __package__:  # run as a file, from any folder: the packages are in the folder above
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    import scripts  # noqa: F401 - before imports that take seconds

import torch

import fairseq_plugin
from data_gen.errors import FAILURE, ArgumentParser, UserError, run_command
from fairseq_plugin.analysis.formats import read_records
from scripts.benchmark.__main__ import GPU_ROWS, page
from scripts.benchmark.measurement import PRECISIONS
from scripts.common import (
    PLUGIN,
    TRAINING,
    check_section,
    markdown_table,
    new_folder,
    numbers,
    read_text,
    run,
    steps_on_stderr,
    update_file,
    write,
)

NAME = "gpu_check"
SECTION = "gpu"
SPEED = "speed.json"  # what the benchmark measured
TESTS = ("tests/unit/modules", "tests/unit/criterions", "tests/unit/models/test_gru_attention.py")
SMOKE_TESTS = ("tests/unit/modules/test_readout.py",)
# Products and recurrences of a GPU may use TF32, whose numbers have 11 significant bits: 2^-11 = 4.9e-4.
TOLERANCE = 5e-3
SETTINGS = ("mid", "large")


class Outcome(NamedTuple):
    """What a check found. :param text: for the table. :param passed: whether it is as it has to be."""

    text: str
    passed: bool = True


Chain = dict[str, Callable[[], Outcome]]
"""Checks that run one after another, by their names for the table."""


class Checks:
    """The checks, on one device, in one folder."""

    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        self.folder, self.device, self.smoke = folder, options.device, options.smoke
        self.measured = ["--rows", *options.rows, "--settings", *SETTINGS, "--precisions", *options.precisions]
        self.place = [] if options.device == "cuda" else ["--cpu"]
        self.data = folder / "data"

    def all(self) -> list[list[Chain]]:
        """The checks. Chains of one list run at the same time."""
        first: Chain = {
            "quick start, float32": functools.partial(self.quick_start, "float32"),
            "attention beside that of the CPU": self.extraction,
        }
        chains: list[Chain] = [{"tests of modules, decoding and loss": self.tests}, first]
        for each in ("fp16", "bf16") if self.device == "cuda" else ("bf16",):  # fairseq-train has no fp16 on a CPU
            chains.append({f"quick start, {each}": functools.partial(self.quick_start, each)})
        found = [chains]
        if torch.cuda.device_count() > 1 and self.device == "cuda":
            found.append([{"two GPUs": self.two_gpus}])
        return [*found, [{"benchmark": self.benchmark}]]

    def tests(self) -> Outcome:
        """Run the tests that need no command, on the device."""
        chosen = SMOKE_TESTS if self.smoke else TESTS
        words = ["pytest", *chosen, "-m", "quick", "--device", self.device, "-q", "-p", "no:cacheprovider"]
        text = run(words, self.folder / "tests.log", allow_failure=True)
        last = text.strip().splitlines()[-1].strip("= ")
        return Outcome(last.rpartition(" in ")[0], "failed" not in last and "error" not in last and "passed" in last)

    def quick_start(self, precision: str) -> Outcome:
        """Train the reference set-up and decode its test sequences. :returns: exact match, which has to be 1."""
        save = self.folder / precision
        run(self.training(precision, save), self.folder / f"{precision}.log")
        half = ["--fp16"] if precision == "fp16" else []
        decoding = ["fairseq_cli.generate", str(self.data), *PLUGIN, "--path", str(save / "checkpoint_best.pt")]
        decoding += ["--batch-size", "128", "--beam", "5", "--scoring", "exact_match", *half, *self.place]
        log = self.folder / f"{precision}-generate.log"
        (exact,) = numbers(r"exact match ([\d.]+),", run(decoding, log), log)
        return Outcome(f"exact match {exact:.4f}", self.smoke or exact == 1.0)

    def training(self, precision: str, save: Path) -> list[str]:
        """The reference set-up; in bf16 through hydra, since ``fairseq-train --bf16`` asks for a TPU."""
        if precision != "bf16":
            words = ["fairseq_cli.train", str(self.data), *PLUGIN, *TRAINING, "--seed", "1", "--save-dir", str(save)]
            words += ["--fp16"] if precision == "fp16" else []
            return [*words, *self.place, *(["--max-epoch", "1"] if self.smoke else [])]
        plugin = Path(fairseq_plugin.__file__).parent
        words = ["fairseq_cli.hydra_train", "--config-dir", str(plugin / "config"), "--config-name", "copy"]
        words += [f"common.user_dir={plugin}", f"task.data={self.data}", "common.bf16=true"]
        words += [f"checkpoint.save_dir={save}", f"hydra.run.dir={self.folder / 'hydra'}"]
        words += [f"common.cpu={'false' if self.device == 'cuda' else 'true'}"]
        return [*words, *(["optimization.max_epoch=1"] if self.smoke else [])]

    def extraction(self) -> Outcome:
        """Take the attention out on the device and on the CPU: the same tokens, weights that hardly differ."""
        words = ["scripts.extract_attention", str(self.data), "--path", str(self.folder / "float32/checkpoint_best.pt")]
        places = {"device": self.place, "cpu": ["--cpu"]}
        paths = {name: self.folder / f"attention-{name}.npz" for name in places}
        with ThreadPoolExecutor(2) as pool:
            commands = [[*words, *place, "--output", str(paths[name])] for name, place in places.items()]
            list(pool.map(run, commands, [self.folder / f"extraction-{name}.log" for name in places]))
        here, there = (read_records(paths[name]) for name in places)
        same = sum(one.target == other.target for one, other in zip(here, there, strict=True))
        pairs = [(one, other) for one, other in zip(here, there, strict=True) if one.target == other.target]
        worst = max(float(abs(one.weights - other.weights).max()) for one, other in pairs) if pairs else 0.0
        text = f"{same} of {len(here)} hypotheses equal, weights differ by at most {worst:.1e}"
        return Outcome(text, same == len(here) and worst <= TOLERANCE)

    def two_gpus(self) -> Outcome:
        """Train in two processes, each with a GPU of its own."""
        log = self.folder / "two-gpus.log"
        save = ["--save-dir", str(self.folder / "two-gpus"), "--seed", "1"]
        words = ["scripts.train_distributed", "--nproc-per-node", "2", "fairseq-train", str(self.data)]
        text = run([*words, *PLUGIN, *TRAINING, *save], log)
        (world,) = numbers(r"distributed_world_size'?: (\d+)", text, log)
        return Outcome(f"world size {world:.0f}", world == 2)

    def benchmark(self) -> Outcome:
        """Measure; the table goes below that of the checks."""
        output = ["--device", self.device, "--output", str(self.folder / SPEED)]
        smoke = ["--smoke"] if self.smoke else []
        run(["scripts.benchmark", *self.measured, *output, *smoke], self.folder / "benchmark.txt")
        return Outcome("measured, see below")


def parser() -> argparse.ArgumentParser:
    """Options of the command."""
    options = ArgumentParser(
        prog=f"scripts/{NAME}.sh",
        description="Check the plugin on a GPU and measure it there, in less than eight minutes.",
    )
    options.add_argument("folder", type=Path, metavar="FOLDER", help="folder for all results, new or empty")
    options.add_argument(
        "--device",
        choices=("cuda", "cpu"),
        default="cuda",
        help="where to check (default: cuda); cpu only shows that the commands run",
    )
    options.add_argument(
        "--rows", nargs="+", choices=GPU_ROWS, default=GPU_ROWS, help="what the benchmark measures (default: all)"
    )
    options.add_argument(
        "--precisions",
        nargs="+",
        choices=PRECISIONS,
        default=list(PRECISIONS),
        help="precisions to measure (default: all)",
    )
    options.add_argument("--smoke", action="store_true", help="less work; the numbers mean nothing")
    options.add_argument(
        "--update", type=Path, metavar="FILE", help=f"write the tables into this page, between its {SECTION} markers"
    )
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command. :returns: 0, 2 after wrong use, 1 if a check fails or a file cannot be written."""
    return run_command(f"{NAME}.sh", lambda: check(parser().parse_args(argv)))


def check(options: argparse.Namespace) -> int:
    """Do what the options of :func:`parser` say."""
    if options.device == "cuda" and not torch.cuda.is_available():
        raise UserError("torch sees no GPU here: install a CUDA build of torch, or add --device cpu --smoke")
    if options.smoke and options.update:
        raise UserError("--smoke measures nothing that is worth a place in a file: leave out --update")
    check_section(options.update, SECTION)  # better to fail now than after the measurements
    folder = new_folder(options.folder)
    checks = Checks(folder, options)
    groups = checks.all()
    rows, passed = [], True
    with steps_on_stderr(1 + len(groups)) as begin:
        begin("data")
        run(["data_gen", "copy", str(checks.data)], folder / "data.log")
        for chains in groups:
            begin("; ".join(name for chain in chains for name in chain))
            with ThreadPoolExecutor(len(chains)) as pool:
                outcomes = [found for of_chain in pool.map(all_timed, chains) for found in of_chain]
            for name, outcome, seconds in outcomes:
                passed = passed and outcome.passed
                rows.append((name, outcome.text, "yes" if outcome.passed else "**no**", f"{seconds:.0f}"))
            text = tables(rows, folder / SPEED, smoke=options.smoke)
            write(folder / "tables.md", text + "\n")  # a run that is broken off leaves what it found
    if options.update is not None:
        update_file(options.update, SECTION, text)
    print(text)
    return 0 if passed else FAILURE


def all_timed(chain: Chain) -> list[tuple[str, Outcome, float]]:
    """Name, outcome and seconds of each check, done one after another."""
    return [(name, *timed(each)) for name, each in chain.items()]


def timed(each: Callable[[], Outcome]) -> tuple[Outcome, float]:
    """Outcome and seconds of a check. A check that fails leaves the next ones something to say."""
    start = time.perf_counter()
    try:
        outcome = each()
    except UserError as error:
        outcome = Outcome(f"failed: {error}", passed=False)
    return outcome, time.perf_counter() - start


def tables(rows: Sequence[Sequence[str]], benchmark: Path, *, smoke: bool) -> str:
    """The checks and the measurements as Markdown, the machine between the two.

    :param benchmark: the JSON of the benchmark; there is none before the last check.
    """
    measured = page(json.loads(read_text(benchmark)), smoke=smoke) if benchmark.exists() else ""
    return f"{markdown_table(('check', 'result', 'passed', 'seconds'), rows, 'lllr')}\n\n{measured}".strip()


if __name__ == "__main__":
    sys.exit(main())
