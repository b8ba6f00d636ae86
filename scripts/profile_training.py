"""Where an update of fairseq-train goes at the sizes of the copy task, with fairseq's own parts and with the fast ones.

    python scripts/profile_training.py --update docs/performance.md

Runs real trainings under Python's profiler, each in a process of its own, and prints a table in milliseconds an update.
The profiler slows Python down, so the figures are for comparing parts, not for telling how fast training is.
"""

import argparse
import cProfile
import json
import pstats
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

if not __package__:  # run as a file, from any folder: the packages are in the folder above
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    import scripts  # noqa: F401 - before imports that take seconds

from data_gen.errors import ArgumentParser, UserError, run_command
from scripts.common import ROOT, check_section, markdown_table, run, steps_on_stderr, update_file

NAME = "profile_training.py"
SECTION = "profile"
COMMON = (
    *("--user-dir", str(ROOT / "fairseq_plugin"), "--task", "copy", "--eval-beam", "0", "--lr", "0.001"),
    *("--batch-size", "32", "--no-save", "--disable-validation", "--num-workers", "0", "--data-buffer-size", "0"),
    *("--log-format", "none", "--cpu"),
)
LSTM_SIZES = (
    *("--encoder-embed-dim", "32", "--decoder-embed-dim", "32", "--encoder-hidden-size", "64"),
    *("--decoder-hidden-size", "64", "--decoder-out-embed-dim", "64", "--dropout", "0"),
)
PLAIN_PARTS = ("--criterion", "cross_entropy", "--optimizer", "adam")
FAST_PARTS = ("--criterion", "chunked_cross_entropy", "--optimizer", "fused_adamw")
COPY = ("--arch", "gru_attention_copy")
# Name of a column, and the words that make it.
RUNS = {
    "lstm": ("--arch", "lstm", *LSTM_SIZES, *PLAIN_PARTS),
    "before": (*COPY, "--recurrence", "naive", *PLAIN_PARTS),
    "after": (*COPY, *FAST_PARTS),
}
PLAIN_COLLATER = ("lstm", "before")
# Part of an update, and the functions (file ending, name) that its time is spent in.
PARTS = {
    "making the batch": [("data/language_pair_dataset.py", "collater"), ("tasks/datasets.py", "collater")],
    "reading the sequences": [("data/language_pair_dataset.py", "__getitem__")],
    "seeding": [("fairseq/trainer.py", "_set_seed")],
    "model and loss, forward": [
        ("criterions/cross_entropy.py", "forward"),
        ("criterions/chunked_cross_entropy.py", "forward"),
    ],
    "backward": [("optim/fairseq_optimizer.py", "backward")],
    "scaling gradients": [("optim/fairseq_optimizer.py", "multiply_grads")],
    "norm of the gradients": [("fairseq/trainer.py", "clip_grad_norm")],
    "optimizer": [("optim/fairseq_optimizer.py", "step")],
    "logging": [("fairseq/trainer.py", "_reduce_and_log_stats")],
}


def parser() -> argparse.ArgumentParser:
    """Options of the command."""
    options = ArgumentParser(
        prog=f"python scripts/{NAME}", description="Profile an update of fairseq-train, part by part."
    )
    options.add_argument("--epochs", type=int, default=5, help="epochs of 63 updates to profile (default: %(default)s)")
    options.add_argument(
        "--update", type=Path, metavar="FILE", help="write the table into this page, between its profile markers"
    )
    options.add_argument("--one", choices=RUNS, help=argparse.SUPPRESS)  # profile one run in this process
    options.add_argument("--data", help=argparse.SUPPRESS)
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command. :returns: 0, 2 after wrong use, 1 if a training fails."""
    return run_command(NAME, lambda: profile(parser().parse_args(argv)))


def profile(options: argparse.Namespace) -> int:
    """Do what the options of :func:`parser` say."""
    return profile_one(options) if options.one else profile_all(options)


def profile_all(options: argparse.Namespace) -> int:
    """Profile every run in a process of its own and print the table."""
    if options.epochs < 1:
        raise UserError(f"--epochs must be at least 1, but is {options.epochs}")
    check_section(options.update, SECTION)  # better to fail now than after the trainings
    columns = {}
    with tempfile.TemporaryDirectory() as folder, steps_on_stderr(len(RUNS)) as begin:
        data = f"{folder}/data"
        run(["data_gen", "copy", data])
        for name in RUNS:
            begin(f"profiling: {name}")
            words = ["scripts.profile_training", "--one", name, "--data", data, "--epochs", str(options.epochs)]
            columns[name] = json.loads(run(words).splitlines()[-1])
    text = table(columns)
    print(text)
    if options.update is not None:
        update_file(options.update, SECTION, text)
    return 0


def profile_one(options: argparse.Namespace) -> int:
    """Train in this process and print, as JSON, the milliseconds an update of each part."""
    from fairseq.data import LanguagePairDataset
    from fairseq_cli.train import cli_main

    from fairseq_plugin.tasks.datasets import CopyDataset

    if options.one in PLAIN_COLLATER:
        CopyDataset.collater = LanguagePairDataset.collater  # type: ignore[method-assign]
    sys.argv = ["fairseq-train", options.data, *COMMON, *RUNS[options.one], "--max-epoch", str(options.epochs)]
    sys.argv += ["--save-dir", f"{options.data}/checkpoints"]  # which fairseq makes, with --no-save as well
    profile = cProfile.Profile()
    profile.runcall(cli_main)
    print(json.dumps(milliseconds(pstats.Stats(profile))))
    return 0


def milliseconds(stats: pstats.Stats) -> dict[str, float]:
    """Time of each part an update, the rest of the trainer's step, and all of it."""
    rows = stats.stats  # type: ignore[attr-defined]

    def total(file: str, name: str) -> tuple[float, int]:
        found = [row for (path, _, function), row in rows.items() if path.endswith(file) and function == name]
        return sum(row[3] for row in found), sum(row[0] for row in found)

    step, updates = total("fairseq/trainer.py", "train_step")
    times = {
        part: 1e3 * sum(total(*function)[0] for function in functions) / updates for part, functions in PARTS.items()
    }
    loading = times["making the batch"] + times["reading the sequences"]
    whole = 1e3 * step / updates + loading
    return {**times, "rest of the trainer": whole - sum(times.values()), "sum": whole}


def table(columns: dict[str, dict[str, float]]) -> str:
    """Markdown table, one row a part."""
    rows = [[part, *(f"{column[part]:.2f}" for column in columns.values())] for part in next(iter(columns.values()))]
    return markdown_table(["ms an update, profiled", *columns], rows, "l" + "r" * len(columns)) + "\n"


if __name__ == "__main__":
    sys.exit(main())
