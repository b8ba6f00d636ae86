"""Kill a training again and again, start it again with the same command, and compare it with one that was not killed.

    python -m scripts.kill_and_resume FOLDER --update docs/training.md

Trains the reference set-up on data from disk and on data made while training. The kills are SIGKILLs at random moments
of the start-up, of updates, of validations and while a checkpoint is written. Everything that is made and said is in
FOLDER.
"""

import argparse
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

if not __package__:  # run as a file, from any folder: the packages are in the folder above
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    import scripts  # noqa: F401 - before imports that take seconds

from data_gen.errors import FAILURE, ArgumentParser, UserError, run_command
from scripts.common import (
    PLUGIN,
    TRAINING,
    check_section,
    failure,
    machine_in_words,
    markdown_table,
    new_folder,
    run,
    started,
    steps_on_stderr,
    update_file,
)
from scripts.training_comparison import (
    CHECKPOINT,
    PHASES,
    START,
    Compared,
    compare_checkpoints,
    compare_logs,
    phase_at_the_end,
    phase_that_begins,
    updates_in,
)

NAME = "kill_and_resume"
SECTION = "kills"
OPTIONS = (
    *("--save-interval-updates", "20", "--keep-interval-updates", "1"),
    *("--seed", "1", "--log-format", "json", "--log-interval", "1"),
)
# Of each kind of data: options of data_gen, and of the training.
KINDS = {"data from disk": ((), ()), "data made while training": (("--online",), ("--online",))}
SMALL_DATA, SMALL_TRAINING = ("--train", "320", "--valid", "16", "--test", "16"), ("--max-epoch", "4")
POLL, LONGEST_POLL = 0.0002, 1.0  # seconds between two looks for a file, and until it is given up
HALF_WRITTEN = ("*.tmp", "checkpoint_best.pt.*.tmp", "checkpoint_last.pt.*.tmp")
"""A write of a checkpoint takes a few milliseconds: to meet one, a kill waits for one of these to appear."""


def parser() -> argparse.ArgumentParser:
    """Options of the command."""
    options = ArgumentParser(
        prog=f"python -m scripts.{NAME}", description="Kill trainings, continue them, and compare every bit."
    )
    options.add_argument("folder", type=Path, metavar="FOLDER", help="folder for all results, new or empty")
    options.add_argument("--kills", type=int, default=20, help="kills of each training (default: %(default)s)")
    options.add_argument("--seed", type=int, default=1, help="seed of the moments of the kills (default: %(default)s)")
    options.add_argument("--smoke", action="store_true", help="little data and few updates, to try it out")
    options.add_argument(
        "--update", type=Path, metavar="FILE", help=f"write the table into this page, between its {SECTION} markers"
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


@dataclass(frozen=True)
class Moment:
    """When to kill: so long after a phase has begun for the first time from an update on.

    :param update: as the log counts them.
    :param delay: seconds.
    :param file: kill as soon as this training has made such a file instead; ``*`` stands for anything.
    """

    phase: str
    update: int
    delay: float
    file: Path | None = None


def logged(process: "subprocess.Popen[str]", log: Path) -> Iterator[str]:
    """Lines as a process writes them, without their ends. One that was cut off by a kill is left out.

    :param log: is continued with all of them.
    """
    assert process.stdout is not None
    with log.open("a", encoding="utf-8") as stream:
        for line in process.stdout:
            stream.write(line)
            if line.endswith("\n"):
                yield line.rstrip("\n")


def follow(words: Sequence[str], log: Path) -> tuple[list[str], dict[str, float]]:
    """Train without a kill. :returns: the lines of its log, and how many seconds a phase usually took.

    :raises UserError: the training fails.
    """
    lines, phase, began = [], START, time.perf_counter()
    took: dict[str, list[float]] = {each: [] for each in PHASES}
    with started(words, threads=1) as process:
        for line in logged(process, log):
            lines.append(line)
            if (next_phase := phase_that_begins(line)) is not None:
                now = time.perf_counter()
                took[phase].append(now - began)
                phase, began = next_phase, now
        require_success(process.wait(), log)
    return lines, {each: median(seconds) for each, seconds in took.items() if seconds}


def follow_until(moment: Moment, words: Sequence[str], log: Path) -> tuple[list[str], bool]:
    """Train and send SIGKILL at a moment. :returns: the lines of its log, and whether it was killed before its end.

    :raises UserError: the training fails by itself.
    """
    lines, update, armed = [], 0, True
    began = time.time()
    with started(words, threads=1) as process:
        if moment.phase == START:
            _kill(process, moment, began)
            armed = False
        for line in logged(process, log):
            lines.append(line)
            update = max(update, updates_in(line) or 0)
            if armed and update >= moment.update and phase_that_begins(line) == moment.phase:
                _kill(process, moment, began)
                armed = False
        code = process.wait()
    if code == -signal.SIGKILL and not armed:
        return lines, True
    require_success(code, log)
    return lines, False


def _kill(process: "subprocess.Popen[str]", moment: Moment, began: float) -> None:
    if moment.file is None:
        time.sleep(moment.delay)
    else:
        give_up = time.monotonic() + LONGEST_POLL
        while time.monotonic() < give_up and not exists_since(began, moment.file):
            time.sleep(POLL)
    process.kill()


def exists_since(began: float, file: Path) -> bool:
    """Look for a new file.

    :returns: whether there is such a file (``*`` stands for anything) that was changed since a time in seconds.
    """
    for path in file.parent.glob(file.name):
        with suppress(FileNotFoundError):  # it has got its final name meanwhile
            if path.stat().st_mtime >= began:
                return True
    return False


def require_success(code: int, log: Path) -> None:
    """Check the end of a training. :raises UserError: the exit code is not 0."""
    if code:
        raise failure("fairseq-train", code, log)


@dataclass
class Outcome:
    """What became of the training that was killed.

    :param kills: by the phase in which its log says that it was.
    :param half_written: of the kills in a checkpoint, those that left a file half-written.
    :param starts: how often the command was started.
    :param updates: of the whole training.
    :param repeated: updates that were done again.
    :param compared: with the training that was not killed.
    """

    kills: Counter[str] = field(default_factory=Counter)
    half_written: int = 0
    starts: int = 0
    updates: int = 0
    repeated: int = 0
    compared: dict[str, Compared] = field(default_factory=dict)

    @property
    def different(self) -> list[str]:
        """What differs, in words."""
        return [f"{what}: {name}" for what, compared in self.compared.items() for name in compared.different]


def kill_and_compare(words: Sequence[str], folder: Path, kills: int, seed: int) -> Outcome:
    """Train twice with the same command.

    :param words: module and arguments of fairseq-train, without ``--save-dir``.
    :param folder: an empty one, for checkpoints and logs.
    :param kills: of the second training, each in the phase that has had the fewest.
    :param seed: of the moments.
    :raises UserError: a training fails by itself.
    """
    whole, killed = folder / "whole", folder / "killed"
    lines, seconds = follow([*words, "--save-dir", str(whole)], folder / "whole.log")
    outcome = Outcome(updates=max((updates_in(line) or 0 for line in lines), default=0))
    other = kill_repeatedly([*words, "--save-dir", str(killed)], killed, kills, seed, seconds, outcome)
    done = [update for update in map(updates_in, other) if update is not None]
    outcome.repeated = len(done) - len(set(done))
    outcome.compared = compare_checkpoints(whole / "checkpoint_last.pt", killed / "checkpoint_last.pt")
    best = compare_checkpoints(whole / "checkpoint_best.pt", killed / "checkpoint_best.pt")
    outcome.compared["parameters of the best"] = best["parameters"]
    outcome.compared["log"] = compare_logs(lines, other)
    names = [sorted(path.name for path in place.iterdir()) for place in (whole, killed)]
    outcome.compared["files"] = Compared(len(names[0]), sorted(set(names[0]) ^ set(names[1])))
    return outcome


def kill_repeatedly(
    words: Sequence[str], place: Path, kills: int, seed: int, seconds: dict[str, float], outcome: Outcome
) -> list[str]:
    """Start the command until it ends by itself, and count in ``outcome`` what was done to it.

    :param place: its ``--save-dir``.
    :param seconds: how long a phase takes.
    :returns: the lines of its logs, one after the other.
    """
    chance = random.Random(seed)
    updates = sorted(chance.randrange(outcome.updates) for _ in range(kills))
    lines: list[str] = []
    for update in updates:
        phase = min(PHASES, key=lambda each: (outcome.kills[each], chance.random()))
        half_written = place / chance.choice(HALF_WRITTEN) if phase == CHECKPOINT else None
        moment = Moment(phase, update, chance.uniform(0, seconds[phase]), half_written)
        began = time.time()
        said, killed = follow_until(moment, words, place.with_suffix(".log"))
        lines += said
        outcome.starts += 1
        if not killed:
            return lines
        hit = phase_at_the_end(said)
        outcome.kills[hit] += 1
        outcome.half_written += hit == CHECKPOINT and exists_since(began, place / HALF_WRITTEN[0])
    said, _ = follow(words, place.with_suffix(".log"))
    outcome.starts += 1
    return lines + said


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
