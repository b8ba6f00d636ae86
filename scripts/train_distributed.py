"""Train in several processes: torchrun around fairseq-train.

    scripts/train_distributed.sh --nproc-per-node 2 fairseq-train DATA --user-dir fairseq_plugin ...

Options before ``fairseq-train`` are those of torchrun, the rest is the command as it works in one process. Without
``--nproc-per-node`` there is a process a GPU, or one if there is none. Without GPUs, or with ``--cpu``, processes talk
through gloo, and fairseq's own ``legacy_ddp`` sums the gradients: torch's needs GPUs.
"""

import argparse
import logging
import os
import shutil
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

if not __package__:  # run as a file, from any folder: the packages are in the folder above
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    import scripts  # noqa: F401 - before imports that take seconds

import torch
from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.run import get_args_parser, run

from data_gen.errors import FAILURE, UserError, refuse_in_one_line, run_command
from data_gen.parallel import available_cores
from scripts.common import without_gpu

NAME = "train_distributed.sh"  # the front of this file, as people call it
PROGRAM = "fairseq-train"
DEFAULT = ""
ON_CPU = ("--cpu", "--distributed-backend", "gloo", "--ddp-backend", "legacy_ddp")
# fairseq finds its place by itself under torchrun, but not without GPUs, nor with one on each machine: then it trains
# as many models as there are processes.
PLACE = {
    "--distributed-world-size": '"$WORLD_SIZE"',
    "--distributed-rank": '"$RANK"',
    "--device-id": '"$LOCAL_RANK"',
    "--distributed-init-method": "env://",
    "--distributed-no-spawn": "",
}
WORKER = f'exec "$@" {" ".join(f"{option} {value}" for option, value in PLACE.items())}'


def parser() -> argparse.ArgumentParser:
    """torchrun's own, with fairseq-train as the program."""
    options = get_args_parser()
    options.prog = NAME
    options.usage = (
        f"scripts/{NAME} [--nproc-per-node N] [OPTIONS OF TORCHRUN] {PROGRAM} DATA [OPTIONS OF FAIRSEQ-TRAIN]"
    )
    options.description = "Train in several processes, on one machine or on several."
    options.epilog = "On several machines, run the same command on each, with --nnodes and --rdzv-endpoint."
    for action in options._actions:
        if action.dest == "training_script":
            action.metavar, action.help = PROGRAM, "the program"
        if action.dest == "training_script_args":
            action.metavar, action.help = "OPTIONS", "its options, as for one process"
        if action.dest == "nproc_per_node":
            action.help = "processes on this machine: a number, gpu, cpu or auto (default: one a GPU, or one)"
    refuse_in_one_line(options, f"scripts/{NAME}")
    if "PET_NPROC_PER_NODE" not in os.environ:
        options.set_defaults(nproc_per_node=DEFAULT)
    if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:  # by nohup, which torchrun would overlook
        options.set_defaults(signals_to_handle="SIGTERM,SIGINT,SIGQUIT")
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    :returns: 0, 2 after wrong use, 130 after Ctrl-C, else the exit code of the process that failed first.
    """
    return run_command(NAME, lambda: launch(parser().parse_args(argv)))


def launch(options: argparse.Namespace) -> int:
    """Start the processes, and wait for them; if one fails, the others are ended.

    :param options: of :func:`parser`.
    :raises UserError: they make no sense.
    """
    program = find_program(options.training_script)
    given = options.training_script_args
    check_place(given)
    with_gpus = torch.cuda.is_available() and "--cpu" not in given
    os.environ.update(without_gpu(given))
    processes = processes_here(options.nproc_per_node, with_gpus=with_gpus)
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, available_cores() // processes)))
    options.nproc_per_node = str(processes)
    options.standalone |= is_alone(options)  # on a free port, so that two trainings do not meet
    options.no_python, options.module, options.run_path = True, False, False
    options.training_script = "sh"
    options.training_script_args = ["-c", WORKER, PROGRAM, program, *(() if with_gpus else ON_CPU), *given]
    return wait_for(options)


def wait_for(options: argparse.Namespace) -> int:
    """Run torchrun. What went wrong in a process has been said by the process itself, so torchrun does not go on.

    :param options: of torchrun.
    :returns: the exit code of the process that failed first, 128 + its number after a signal to this process.
    :raises UserError: a process was ended from outside.
    """
    logging.disable(logging.ERROR)
    try:
        run(options)  # type: ignore[no-untyped-call]
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        if failure.exitcode > 0:
            return failure.exitcode
        name = signal.Signals(-failure.exitcode).name
        raise UserError(f"process {rank} was ended by {name}; the others were stopped", FAILURE) from None
    except SignalException as stopped:
        if stopped.sigval == signal.SIGINT:
            raise KeyboardInterrupt from None
        return 128 + stopped.sigval
    finally:
        logging.disable(logging.NOTSET)
    return 0


def find_program(name: str) -> str:
    """Find fairseq-train. :raises UserError: it is not fairseq-train, or there is none."""
    if Path(name).name != PROGRAM:
        raise UserError(f"expected {PROGRAM} and its options after those of torchrun, but got {name!r}")
    found = shutil.which(name)
    if found is None:
        raise UserError(f"{name!r} is not there: activate the environment that fairseq is installed in")
    return found


def check_place(given: Sequence[str]) -> None:
    """Refuse options that this script sets.

    :raises UserError: an option of fairseq-train says how many processes there are, or which one this is.
    """
    for option in (word.split("=")[0] for word in given):
        if option in PLACE:
            raise UserError(f"{option} is set for each process: leave it out, and give --nproc-per-node and --nnodes")


def processes_here(text: str, *, with_gpus: bool) -> int:
    """How many processes this machine runs.

    :param text: a number, or ``gpu``, ``cpu`` or ``auto`` for one a GPU or core; empty for one a GPU, or one.
    :raises UserError: it is none of these, or more than the GPUs.
    """
    gpus = torch.cuda.device_count() if with_gpus else 0
    if text == DEFAULT:
        return gpus or 1
    if text == "cpu" or (text == "auto" and not gpus):
        return available_cores()
    if text in ("gpu", "auto") and gpus:
        return gpus
    if not text.isdecimal() or int(text) < 1:
        raise UserError(f"--nproc-per-node must be at least 1, or gpu where there are GPUs, but is {text!r}")
    if with_gpus and int(text) > gpus:
        raise UserError(f"--nproc-per-node {text}: each process needs a GPU, and there are {gpus}; or add --cpu")
    return int(text)


def is_alone(options: argparse.Namespace) -> bool:
    """Whether this machine trains alone.

    :raises UserError: ``--nnodes`` is no number of machines.
    """
    numbers = options.nnodes.split(":")
    if len(numbers) > 2 or not all(number.isdecimal() and int(number) > 0 for number in numbers):
        raise UserError(f"--nnodes must be a number of machines, or a range such as 1:4, but is {options.nnodes!r}")
    return set(numbers) == {"1"} and not options.rdzv_endpoint and options.rdzv_backend == "static"


if __name__ == "__main__":
    sys.exit(main())
