"""Measure attention: how diagonal, monotonic, sharp and covering it is, and how far from gold alignments.

    python scripts/attention_stats.py attention.npz --by-length --json stats.json

What it does is in fairseq_plugin/commands/attention_stats.py.
"""

import sys
from pathlib import Path

if not __package__:  # run as a file, from any folder: the packages are in the folder above
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    import scripts  # noqa: F401 - before imports that take seconds

from fairseq_plugin.commands.attention_stats import main, parser

__all__ = ["main", "parser"]

if __name__ == "__main__":
    sys.exit(main())
