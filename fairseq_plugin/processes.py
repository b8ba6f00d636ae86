"""Processes that train together have to know of each other."""

import os

from torch import distributed

from data_gen.errors import UserError
from fairseq_plugin.cli_errors import running_fairseq_command

TRAINING = ("fairseq-train", "fairseq-hydra-train")


def check_processes() -> None:
    """Refuse to be one of several trainings that torchrun started and fairseq takes for separate ones.

    It does so without GPUs, or with one: each would train a model of its own and write the same checkpoints.

    :raises UserError: this process is one of those.
    """
    number = os.environ.get("WORLD_SIZE", "1")
    joined = distributed.is_available() and distributed.is_initialized()
    if number != "1" and "TORCHELASTIC_RUN_ID" in os.environ and not joined and running_fairseq_command() in TRAINING:
        raise UserError(
            f"torchrun started {number} processes, but fairseq would train a model in each and write all to the same "
            "files: start them with scripts/train_distributed.sh"
        )
