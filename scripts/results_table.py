"""Train the reference set-up with several seeds and print how well each one copies, as a Markdown table.

    python scripts/results_table.py FOLDER --update README.md

Runs the commands of quickstart.sh on 1,000 test sequences, decoded one by one and 128 at a time. Everything they make
and say is in FOLDER, with the figures in results.json.
"""

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

if not __package__:  # run as a file, from any folder: the packages are in the folder above
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    import scripts  # noqa: F401 - before imports that take seconds

import torch

from data_gen.errors import FAILURE, ArgumentParser, UserError, run_command
from scripts.common import (
    PLUGIN,
    TRAINING,
    check_section,
    machine_in_words,
    markdown_table,
    new_folder,
    numbers,
    run,
    steps_on_stderr,
    update_file,
    write,
)

NAME = "results_table.py"
SECTION = "results"
BATCH_SIZES = (1, 128)
DATA = ("--test", "1000")


@dataclass(frozen=True)
class Result:
    """What one training reached on the test sequences.

    :param loss: training loss of the last epoch, nats per token.
    :param exact_match: share of sequences copied without a fault, for each batch size.
    :param diagonal: share of the tokens that were read off their own position.
    :param tokens: how many tokens that is measured on.
    :param seconds: how long fairseq-train took from start to end.
    """

    seed: int
    loss: float
    exact_match: dict[int, float]
    diagonal: float
    tokens: int
    seconds: float


def parser() -> argparse.ArgumentParser:
    """Options of the command."""
    options = ArgumentParser(
        prog=f"python scripts/{NAME}", description="Train with several seeds and print a table of results."
    )
    options.add_argument("folder", type=Path, metavar="FOLDER", help="folder for all results, new or empty")
    options.add_argument(
        "--seeds", type=int, nargs="+", default=[1, 2, 3], help="one training for each seed (default: 1 2 3)"
    )
    options.add_argument(
        "--update", type=Path, metavar="FILE", help=f"write the table into this page, between its {SECTION} markers"
    )
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command. :returns: 0, 2 after wrong use, 1 if a command fails or a file cannot be written."""
    return run_command(NAME, lambda: measure_all(parser().parse_args(argv)))


def measure_all(options: argparse.Namespace) -> int:
    """Do what the options of :func:`parser` say."""
    if len(set(options.seeds)) < len(options.seeds) or min(options.seeds) < 0:
        raise UserError(f"--seeds must differ and be at least 0, but are {' '.join(map(str, options.seeds))}")
    check_section(options.update, SECTION)  # better to fail now than after the trainings
    folder = new_folder(options.folder)
    with steps_on_stderr(1 + len(options.seeds) * (2 + len(BATCH_SIZES))) as begin:
        begin("data")
        run(["data_gen", "copy", str(folder / "data"), *DATA], folder / "data.log")
        results = [measure(seed, folder / "data", folder / f"seed{seed}", begin) for seed in options.seeds]
    text = table(results)
    report = {
        "machine": machine_in_words(),
        "training": TRAINING,
        "data": DATA,
        "results": [asdict(each) for each in results],
    }
    write(folder / "results.json", json.dumps(report, indent=2) + "\n")
    if options.update is not None:
        update_file(options.update, SECTION, text)
    print(text)
    return 0


def measure(seed: int, data: Path, folder: Path, begin: Callable[[str], None]) -> Result:
    """Train with one seed, decode with every batch size, and look at the attention."""
    folder.mkdir()
    checkpoints = folder / "checkpoints"
    best = ["--path", str(checkpoints / "checkpoint_best.pt")]
    begin(f"seed {seed}: train")
    training = ["fairseq_cli.train", str(data), *PLUGIN, *TRAINING, "--seed", str(seed), "--save-dir", str(checkpoints)]
    start = time.perf_counter()
    run(training, folder / "train.log")
    seconds = time.perf_counter() - start
    exact_match = {}
    for size in BATCH_SIZES:
        begin(f"seed {seed}: decode, batch size {size}")
        decoding = ["--batch-size", str(size), "--beam", "5", "--scoring", "exact_match"]
        log = folder / f"generate{size}.log"
        output = run(["fairseq_cli.generate", str(data), *PLUGIN, *best, *decoding], log)
        (exact_match[size],) = numbers(r"exact match ([\d.]+),", output, log)
    begin(f"seed {seed}: attention")
    log = folder / "attention.log"
    output = run(["scripts.extract_attention", str(data), *best, "--output", str(folder / "attention.npz")], log)
    diagonal, tokens = numbers(r"on the diagonal: ([\d.]+) of (\d+) tokens", output, log)
    loss = final_loss(checkpoints / "checkpoint_last.pt")
    return Result(seed, loss, exact_match, diagonal, int(tokens), seconds)


def final_loss(checkpoint: Path) -> float:
    """Training loss of the last epoch in nats per token; fairseq logs it in bits, with three decimals."""
    saved = torch.load(checkpoint, map_location="cpu", weights_only=True)
    for _, name, _, meter in dict(saved["extra_state"]["metrics"])["train"]:
        if name == "loss":
            return float(meter["sum"]) / float(meter["count"]) * math.log(2)
    raise UserError(f"no training loss in {str(checkpoint)!r}", exit_code=FAILURE)


def table(results: Sequence[Result]) -> str:
    """The results as a Markdown table, with a line that says where they come from."""
    head = ["seed", "training loss (nats per token)", *(f"exact match, batch size {size}" for size in BATCH_SIZES)]
    head += ["tokens on the diagonal", "training (s)"]
    rows = []
    for each in results:
        exact = [f"{each.exact_match[size]:.4f}" for size in BATCH_SIZES]
        diagonal = f"{each.diagonal:.4f} of {each.tokens}"
        rows.append([str(each.seed), f"{each.loss:.4f}", *exact, diagonal, f"{each.seconds:.0f}"])
    return f"{markdown_table(head, rows, 'r' * len(head))}\n\n{machine_in_words()}."


if __name__ == "__main__":
    sys.exit(main())
