"""``python -m fairseq_plugin`` prints the path to hand to ``--user-dir``.

fairseq compares that path as text with the path that the package was imported from and refuses another spelling of it
("not globally unique"), such as a symlink resolved on one side only. So this is the path that Python itself found.

``--build`` compiles the steps of the recurrence, ``--info`` says what is active.
"""

import argparse
import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version

import torch

import fairseq_plugin
from data_gen.errors import ArgumentParser, run_command
from fairseq_plugin import native
from fairseq_plugin.modules import products
from fairseq_plugin.modules.attention import AdditiveAttention
from fairseq_plugin.modules.precision import has_bfloat16
from fairseq_plugin.modules.recurrence import RECURRENCE, choose_recurrence
from fairseq_plugin.preflight import DISTRIBUTIONS


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = ArgumentParser(
        prog="python -m fairseq_plugin", description="Print the path to hand to --user-dir.", allow_abbrev=False
    )
    options = made.add_mutually_exclusive_group()
    options.add_argument(
        "--build", action="store_true", help="compile --recurrence native for this torch and processor"
    )
    options.add_argument("--info", action="store_true", help="print what is active: versions, recurrence, products")
    return made


def main() -> int:
    """Print the path, or do what an option asks for. :returns: 0."""
    args = parser().parse_args()
    if args.build:
        print(f"--recurrence native is built: {native.build()}")
    elif args.info:
        print("\n".join(f"{name}: {value}" for name, value in info().items()))
    else:
        print(os.path.abspath(fairseq_plugin.__path__[0]))  # noqa: PTH100 - as fairseq spells it, symlinks unresolved
    return 0


def info() -> dict[str, str]:
    """What is active, one line each."""
    additive = choose_recurrence("auto", AdditiveAttention(1, 1, 1))
    bf16 = torch.cuda.is_bf16_supported() if torch.cuda.is_available() else has_bfloat16()
    return {
        "fairseq-attention": fairseq_plugin.__version__,
        "fairseq": fairseq_version(),
        "torch": f"{torch.__version__}, {torch.get_num_threads()} threads, "
        + (torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"),
        "python": platform.python_version(),
        "recurrence that auto takes for additive attention": next(n for n in RECURRENCE if RECURRENCE[n] is additive),
        "--recurrence native": native.missing() or f"built: {native.library()}",
        "large products on a CPU": "oneDNN"
        if products.onednn_reachable() and not products.mkl_at_home()
        else "torch.mm",
        "fast products in bf16": "yes" if bf16 else "no",
    }


def fairseq_version() -> str:
    """The version of the installed package, whichever fork it is."""
    for name in DISTRIBUTIONS:
        try:
            return f"{name} {version(name)}"
        except PackageNotFoundError:
            continue
    return "version unknown"


if __name__ == "__main__":
    sys.exit(run_command("fairseq_plugin", main))
