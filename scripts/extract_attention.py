"""Decode a dataset and write the attention of every hypothesis to a file.

    python scripts/extract_attention.py DATA --path checkpoint_best.pt --output attention.npz

What it does is in fairseq_plugin/commands/extract_attention.py.
"""

import sys
from pathlib import Path

if not __package__:  # run as a file, from any folder: the packages are in the folder above
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    import scripts  # noqa: F401 - before imports that take seconds

from fairseq_plugin.commands.extract_attention import main, parser

__all__ = ["main", "parser"]

if __name__ == "__main__":
    sys.exit(main())
