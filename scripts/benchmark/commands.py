"""Commands of fairseq in processes of their own, whose figures are read from what they say.

On a CPU a command starts as a user starts it. A GPU ends its work sooner than a command imports fairseq. There, one
process imports fairseq, and each command is a fork of this process.
"""

import functools
import multiprocessing
import os
import runpy
import sys
from collections.abc import Sequence
from multiprocessing.context import ForkServerContext
from pathlib import Path

import torch

from scripts.benchmark.measurement import Circumstances, precision_of
from scripts.common import ROOT, failure, run

IMPORTED = ["fairseq_cli.train", "fairseq_cli.generate", "fairseq_plugin"]


def said_by(words: Sequence[str], circumstances: Circumstances, precision: str | None = None) -> str:
    """Run ``python -m`` in the repository, with the threads and the float32 products that are measured.

    :param words: the module and its arguments.
    :param precision: a name in ``PRECISIONS``; None on a CPU.
    :returns: what the command says.
    :raises UserError: the command fails.
    """
    if circumstances.device == "cpu":
        return run(words, threads=circumstances.threads)
    log = circumstances.folder / "command.log"
    process = forks().Process(target=become, args=(words, log, circumstances.threads, precision_of(precision).products))
    process.start()
    try:
        process.join()
    finally:
        process.terminate()  # after Ctrl-C; what has ended does not mind
    text = log.read_text(encoding="utf-8", errors="replace")
    if process.exitcode:
        raise failure(words[0], process.exitcode, text)
    return text


@functools.cache
def forks() -> ForkServerContext:
    """What starts a fork of a process that has imported fairseq. That process never uses the GPU."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(IMPORTED)
    return context


def become(words: Sequence[str], log: Path, threads: int, products: str) -> None:
    """Turn this process into the command. :param products: argument of ``torch.set_float32_matmul_precision``."""
    with log.open("wb") as stream:
        for output in (sys.stdout, sys.stderr):
            os.dup2(stream.fileno(), output.fileno())
    os.chdir(ROOT)
    torch.set_num_threads(threads)
    torch.set_float32_matmul_precision(products)
    sys.argv = list(words)
    sys.modules.pop(words[0], None)  # runs anew, and sets logging up
    runpy.run_module(words[0], run_name="__main__", alter_sys=True)
