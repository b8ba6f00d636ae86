"""Commands in processes of their own."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from data_gen.errors import FAILURE, UserError

ROOT = Path(__file__).resolve().parents[2]


def run(words: Sequence[str], *, threads: int, variables: Mapping[str, str] | None = None) -> str:
    """Run ``python -m`` in the repository.

    :param variables: of the environment, beside those of this process.
    :returns: all it says.
    :raises UserError: it fails.
    """
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "PYTHONWARNINGS": "ignore", **(variables or {})}
    done = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        last = (done.stdout.strip().splitlines() or ["nothing"])[-1]
        raise UserError(f"{words[0]} ended with exit code {done.returncode}; it said: {last}", exit_code=FAILURE)
    return done.stdout
