"""``python -m fairseq_plugin`` prints the path to hand to ``--user-dir``.

fairseq compares that path as text with the path that the package was imported from and refuses another spelling of it
("not globally unique"), such as a symlink resolved on one side only. So this is the path that Python itself found.
"""

import os
import sys

import fairseq_plugin
from data_gen.errors import run_command


def print_path() -> int:
    """Print the path. :returns: 0."""
    print(os.path.abspath(fairseq_plugin.__path__[0]))  # noqa: PTH100 - as fairseq spells it, symlinks unresolved
    return 0


if __name__ == "__main__":
    sys.exit(run_command("fairseq_plugin", print_path))
