"""The command line, ``python -m data_gen copy|text DESTDIR``: options in, one dataset folder and one line out."""

import argparse
import sys
from collections.abc import Sequence

from data_gen.errors import ArgumentParser, run_command, wrong_use
from data_gen.signals import exit_on_interrupt

if __name__ == "__main__":  # Ctrl-C in the seconds that the imports below take
    exit_on_interrupt()

from data_gen.copy import command as copy_command
from data_gen.text import command as text_command

PROGRAM = "data_gen"
ROUTES = (copy_command, text_command)
"""Modules with ``add_parser(routes)``, which sets ``run`` to a function of the arguments that returns an exit code."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    :param argv: the arguments, by default those of the process.
    :returns: the exit code: 0 done, 1 the work failed, 2 wrong use, 130 interrupted.
    """
    return run_command(PROGRAM, lambda: _run(argv))


def _run(argv: Sequence[str] | None) -> int:
    parser = _build_parser()
    arguments, unknown = parser.parse_known_args(argv)
    if unknown:  # argparse would send the reader to the help of all routes
        raise wrong_use(f"{parser.prog} {arguments.route}", f"unrecognized arguments: {' '.join(unknown)}", parser)
    code: int = arguments.run(arguments)
    return code


def _build_parser() -> argparse.ArgumentParser:
    parser = ArgumentParser(
        prog=f"python -m {PROGRAM}", description="Make binarized datasets for fairseq.", allow_abbrev=False
    )
    routes = parser.add_subparsers(dest="route", metavar="{copy,text}", required=True)
    for route in ROUTES:
        route.add_parser(routes)
    return parser


if __name__ == "__main__":
    sys.exit(main())
