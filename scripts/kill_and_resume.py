"""Kill a training again and again, start it again with the same command, and compare it with one that was not killed.

    python -m scripts.kill_and_resume FOLDER --update docs/training.md

Trains the reference set-up on data from disk and on data made while training. The kills are SIGKILLs at random moments
of the start-up, of updates, of validations and while a checkpoint is written. Everything that is made and said is in
FOLDER.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

if not __package__:  # run as a file, from any folder: the packages are in the folder above
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    import scripts  # noqa: F401 - before imports that take seconds

from data_gen.errors import FAILURE, UserError, run_command
from scripts.common import (
    PLUGIN,
    TRAINING,
    check_section,
    machine_in_words,
    markdown_table,
    new_folder,
    run,
    steps_on_stderr,
    update_file,
)
from scripts.kills.comparison import PHASES
from scripts.kills.training import Outcome, kill_and_compare

NAME = "kill_and_resume"
SECTION = "kills"
OPTIONS = (
    *("--save-interval-updates", "20", "--keep-interval-updates", "1"),
    *("--seed", "1", "--log-format", "json", "--log-interval", "1"),
)
# Of each kind of data: options of data_gen, and of the training.
KINDS = {"data from disk": ((), ()), "data made while training": (("--online",), ("--online",))}
SMALL_DATA, SMALL_TRAINING = ("--train", "320", "--valid", "16", "--test", "16"), ("--max-epoch", "4")


def parser() -> argparse.ArgumentParser:
    """Options of the command."""
    options = argparse.ArgumentParser(prog=NAME, description="Kill trainings, go on, and compare to the bit.")
    options.add_argument("folder", type=Path, metavar="FOLDER", help="for all results, new or empty")
    options.add_argument("--kills", type=int, default=20, help="of each training (default: %(default)s)")
    options.add_argument("--seed", type=int, default=1, help="of the moments (default: %(default)s)")
    options.add_argument("--smoke", action="store_true", help="little data and few updates, to try it out")
    options.add_argument(
        "--update", type=Path, metavar="FILE", help=f"put the table between the {SECTION} markers of this file"
    )
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command. :returns: 0, 2 after wrong use, 1 if a training fails or differs."""
    return run_command(NAME, lambda: kill_and_resume(parser().parse_args(argv)))


def kill_and_resume(options: argparse.Namespace) -> int:
    """Do what the options of :func:`parser` say."""
    if not 1 <= options.kills <= 100:
        raise UserError(f"--kills must be from 1 to 100, but is {options.kills}")
    check_section(options.update, SECTION)  # better to fail now than after the trainings
    folder = new_folder(options.folder)
    outcomes = {}
    with steps_on_stderr(len(KINDS)) as begin:
        for number, (kind, (data_options, training_options)) in enumerate(KINDS.items(), start=1):
            begin(kind)
            place = folder / f"kind{number}"
            place.mkdir()
            small = SMALL_DATA if options.smoke else ()
            run(["data_gen", "copy", str(place / "data"), *data_options, *small], threads=1)
            words = ["fairseq_cli.train", str(place / "data"), *PLUGIN, *TRAINING, *OPTIONS, *training_options]
            words += SMALL_TRAINING if options.smoke else ()
            outcomes[kind] = kill_and_compare(words, place, options.kills, options.seed)
    text = table(outcomes)
    print(text)
    for kind, outcome in outcomes.items():
        for line in outcome.different:
            print(f"{NAME}: {kind}: {line} differs", file=sys.stderr)
    if any(outcome.different for outcome in outcomes.values()):
        return FAILURE
    if options.update is not None:
        update_file(options.update, SECTION, text)
    return 0


def table(outcomes: Mapping[str, Outcome]) -> str:
    """Figures down, kinds of data across, as a Markdown table, with a line that says where they come from."""
    every = outcomes.values()
    rows = [
        *([f"kills: {phase}", *(str(each.kills[phase]) for each in every)] for phase in PHASES),
        ["kills that left a half-written file", *(str(each.half_written) for each in every)],
        ["restarts", *(str(each.starts - 1) for each in every)],
        ["updates", *(str(each.updates) for each in every)],
        ["updates done again", *(str(each.repeated) for each in every)],
    ]
    names = {
        "parameters": "tensors of parameters that differ",
        "parameters of the best": "the same in `checkpoint_best.pt`",
        "optimizer": "values of the optimizer's state that differ",
        "place": "values of the rest of the checkpoint that differ",
        "log": "logged updates, validations and epochs that differ",
        "files": "checkpoints that are missing or left over",
    }
    for what, name in names.items():
        compared = [each.compared[what] for each in every]
        rows.append([name, *(f"{len(each.different)} of {each.count}" for each in compared)])
    return f"{markdown_table(['', *outcomes], rows, 'l' + 'r' * len(outcomes))}\n\n{machine_in_words()}."


if __name__ == "__main__":
    sys.exit(main())
