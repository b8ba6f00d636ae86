"""Commands on attention: ``scripts/MODULE.py`` in a checkout, and programs on the PATH once the package is installed.

setup.py loads this file for its console scripts, so it imports nothing outside the standard library.
"""

import sys
from pathlib import Path

# Program -> module of this package.
PROGRAMS = {
    "fairseq-extract-attention": "extract_attention",
    "fairseq-plot-attention": "plot_attention",
    "fairseq-view-attention": "view_attention",
    "fairseq-attention-stats": "attention_stats",
}


def program_name(module: str) -> str:
    """What a command calls itself: the program if that runs, otherwise the script of the same name.

    :param module: of this package.
    """
    running = Path(sys.argv[0]).stem
    return running if PROGRAMS.get(running) == module else f"{module}.py"
