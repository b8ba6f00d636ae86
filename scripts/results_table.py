"""Train the reference set-up with several seeds and print how well each one copies, as a Markdown table.

    python scripts/results_table.py FOLDER --update README.md

Runs the commands of quickstart.sh on 1,000 test sequences, decoded one by one and 128 at a time. Everything they make
and say is in FOLDER, with the figures in results.json.
"""

import argparse
import json
import math
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

if not __package__:  # run as a file, from any folder: the packages are in the folder above
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from data_gen.errors import FAILURE, UserError, failure_from_os_error, run_command
from data_gen.signals import exit_on_interrupt

if __name__ == "__main__":  # Ctrl-C in the seconds that the imports below take
    exit_on_interrupt()

import torch
from tqdm import tqdm

from scripts.marked_section import check_section, update_file
from scripts.study_folder import write

NAME = "results_table.py"
ROOT = Path(__file__).resolve().parents[1]
SECTION = "results"
BATCH_SIZES = (1, 128)
PLUGIN = ("--user-dir", "fairseq_plugin", "--task", "copy")
DATA = ("--test", "1000")
TRAINING = (
    *("--arch", "gru_attention_copy", "--criterion", "cross_entropy", "--optimizer", "adam", "--lr", "0.001"),
    *("--batch-size", "32", "--max-epoch", "15", "--num-workers", "0"),
    *("--best-checkpoint-metric", "exact_match", "--maximize-best-checkpoint-metric", "--no-epoch-checkpoints"),
)


@dataclass(frozen=True)
class Result:
    """What one training reached on the test sequences.

    :param loss: training loss of the last epoch, nats per token.
    :param exact_match: share of sequences copied without a fault, for each batch size.
    :param diagonal: share of the letters that were read off their own position.
    :param letters: how many letters that is measured on.
    :param seconds: how long fairseq-train took from start to end.
    """

    seed: int
    loss: float
    exact_match: dict[int, float]
    diagonal: float
    letters: int
    seconds: float


class Progress:
    """Shows the step that runs: as a bar on a terminal, as lines otherwise."""

    def __init__(self, steps: int) -> None:
        self.bar = tqdm(total=steps, disable=not sys.stderr.isatty(), leave=False)
        self.steps, self.started = steps, 0

    def start(self, step: str) -> None:
        """Say that ``step`` begins and the one before is done."""
        if self.bar.disable:
            print(f"[{self.started + 1}/{self.steps}] {step}", file=sys.stderr, flush=True)
        else:
            self.bar.update(int(self.started > 0))
            self.bar.set_description(step)
        self.started += 1


def parser() -> argparse.ArgumentParser:
    """Options of the command."""
    options = argparse.ArgumentParser(prog=NAME, description="Train with several seeds and print a table of results.")
    options.add_argument("folder", type=Path, metavar="FOLDER", help="for all results, new or empty")
    options.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], help="one training each (default: 1 2 3)")
    options.add_argument(
        "--update", type=Path, metavar="FILE", help=f"put the table between the {SECTION} markers of this file"
    )
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command. :returns: 0, 2 after wrong use, 1 if a command fails or a file cannot be written."""
    return run_command(NAME, lambda: measure_all(parser().parse_args(argv)))


def measure_all(options: argparse.Namespace) -> int:
    """Do what the options of :func:`parser` say."""
    if len(set(options.seeds)) < len(options.seeds) or min(options.seeds) < 0:
        raise UserError(f"--seeds must differ and be at least 0, but are {' '.join(map(str, options.seeds))}")
    if options.update is not None:
        check_section(options.update, SECTION)  # better to fail now than after the trainings
    folder = new_folder(options.folder)
    progress = Progress(1 + len(options.seeds) * (2 + len(BATCH_SIZES)))
    progress.start("data")
    run(["data_gen", "copy", str(folder / "data"), *DATA], folder / "data.log")
    results = [measure(seed, folder / "data", folder / f"seed{seed}", progress) for seed in options.seeds]
    progress.bar.close()
    text = table(results)
    report = {"machine": machine(), "training": TRAINING, "data": DATA, "results": [asdict(each) for each in results]}
    write(folder / "results.json", json.dumps(report, indent=2) + "\n")
    if options.update is not None:
        update_file(options.update, SECTION, text)
    print(text)
    return 0


def new_folder(folder: Path) -> Path:
    """Make the folder unless it is there and empty. :raises UserError: it holds something, or cannot be made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise UserError(f"{str(folder)!r} is not empty: name a new folder")
    except OSError as error:
        raise failure_from_os_error("make folder", error) from None
    return folder.resolve()


def measure(seed: int, data: Path, folder: Path, progress: Progress) -> Result:
    """Train with one seed, decode with every batch size, and look at the attention."""
    folder.mkdir()
    checkpoints = folder / "checkpoints"
    best = ["--path", str(checkpoints / "checkpoint_best.pt")]
    progress.start(f"seed {seed}: train")
    training = ["fairseq_cli.train", str(data), *PLUGIN, *TRAINING, "--seed", str(seed), "--save-dir", str(checkpoints)]
    start = time.perf_counter()
    run(training, folder / "train.log")
    seconds = time.perf_counter() - start
    exact_match = {}
    for size in BATCH_SIZES:
        progress.start(f"seed {seed}: decode, batch size {size}")
        decoding = ["--batch-size", str(size), "--beam", "5", "--scoring", "exact_match"]
        log = folder / f"generate{size}.log"
        output = run(["fairseq_cli.generate", str(data), *PLUGIN, *best, *decoding], log)
        (exact_match[size],) = numbers(r"exact match ([\d.]+),", output, log)
    progress.start(f"seed {seed}: attention")
    log = folder / "attention.log"
    output = run(["scripts.extract_attention", str(data), *best, "--output", str(folder / "attention.npz")], log)
    diagonal, letters = numbers(r"on the diagonal: ([\d.]+) of (\d+) letters", output, log)
    loss = final_loss(checkpoints / "checkpoint_last.pt")
    return Result(seed, loss, exact_match, diagonal, int(letters), seconds)


def run(module_and_arguments: Sequence[str], log: Path, *, allow_failure: bool = False) -> str:
    """Run ``python -m`` in the repository, with all it says in ``log``. :raises UserError: it fails."""
    command = [sys.executable, "-m", *module_and_arguments]
    with open(log, "w", encoding="utf-8") as stream:
        code = subprocess.run(command, cwd=ROOT, stdout=stream, stderr=subprocess.STDOUT, check=False).returncode
    if code and not allow_failure:
        raise UserError(f"{module_and_arguments[0]} ended with exit code {code}: see {str(log)!r}", exit_code=FAILURE)
    return log.read_text(encoding="utf-8")


def numbers(pattern: str, text: str, log: Path) -> list[float]:
    """The numbers in the last place of ``text`` that looks like ``pattern``. :raises UserError: there is none."""
    places = list(re.finditer(pattern, text))
    if not places:
        raise UserError(f"no {pattern!r} in {str(log)!r}: see there what went wrong", exit_code=FAILURE)
    return [float(number) for number in places[-1].groups()]


def final_loss(checkpoint: Path) -> float:
    """Training loss of the last epoch in nats per token; fairseq logs it in bits, with three decimals."""
    saved = torch.load(checkpoint, map_location="cpu", weights_only=True)
    for _, name, _, meter in dict(saved["extra_state"]["metrics"])["train"]:
        if name == "loss":
            return float(meter["sum"]) / float(meter["count"]) * math.log(2)
    raise UserError(f"no training loss in {str(checkpoint)!r}", exit_code=FAILURE)


def machine() -> str:
    """What the times depend on."""
    threads = f"{torch.get_num_threads()} of {os.cpu_count()} CPU cores"
    return f"Python {platform.python_version()}, torch {torch.__version__}, {threads}"


def table(results: Sequence[Result]) -> str:
    """The results as a Markdown table, with a line that says where they come from."""
    head = ["seed", "training loss (nats per token)", *(f"exact match, batch size {size}" for size in BATCH_SIZES)]
    head += ["letters on the diagonal", "training (s)"]
    lines = [head, ["---:"] * len(head)]
    for each in results:
        exact = [f"{each.exact_match[size]:.4f}" for size in BATCH_SIZES]
        diagonal = f"{each.diagonal:.4f} of {each.letters}"
        lines.append([str(each.seed), f"{each.loss:.4f}", *exact, diagonal, f"{each.seconds:.0f}"])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + f"\n\n{machine()}."


if __name__ == "__main__":
    sys.exit(main())
