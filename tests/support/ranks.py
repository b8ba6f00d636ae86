"""Commands in two processes that train together, on a CPU: what torchrun would start."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch

from tests.support.commands import Commands, Outcome, train_words

WORLD = 2
TRAINING = Path(__file__).with_name("recorded_training.py")


def rank_options(rank: int, meeting: Path) -> list[object]:
    """Options of fairseq-train that tell one process its place; ``meeting`` is a file that does not exist yet."""
    return [
        *("--cpu", "--distributed-backend", "gloo", "--ddp-backend", "legacy_ddp", "--distributed-no-spawn"),
        *("--distributed-world-size", WORLD, "--distributed-rank", rank),
        *("--distributed-init-method", f"file://{meeting}"),
    ]


class Ranks:
    """Runs the same command once a rank, side by side.

    :param folder: for files that the processes meet at.
    :param command: runs one of them.
    """

    def __init__(self, folder: Path, command: Commands) -> None:
        self.folder = folder
        self.command = command

    def __call__(self, *argv: object) -> list[Outcome]:
        """Run a command of fairseq-train to its end in all processes. :returns: what each left."""
        meeting = self.folder / uuid.uuid4().hex
        with ThreadPoolExecutor(WORLD) as pool:
            running = [pool.submit(self.command, *argv, *rank_options(rank, meeting)) for rank in range(WORLD)]
            return [future.result() for future in running]

    def succeed(self, *argv: object) -> list[Outcome]:
        """Run a command that must end with exit code 0 in each process, and knows that there are several."""
        outcomes = self(*argv)
        for outcome in outcomes:
            assert outcome.code == 0, outcome.out[-2000:] + outcome.err[-5000:]
        assert f"training on {WORLD} devices" in outcomes[0].out
        return outcomes


def recorded_words(data: object, folder: Path, *more: object) -> list[object]:
    """Words of a training that writes down each update, with its checkpoints, in ``folder``."""
    folder.mkdir(exist_ok=True)
    return ["python", TRAINING, folder, *train_words(data, folder / "checkpoints", *more)[1:]]


def record(folder: Path, rank: int, update: int) -> dict[str, Any]:
    """What a process wrote down after an update: see recorded_training.py."""
    found: dict[str, Any] = torch.load(folder / f"{rank}-{update}.pt", weights_only=True)
    return found
