"""Make a page to look at attention with: one HTML file, for any browser, without a network.

    python scripts/view_attention.py attention.npz --output attention.html

What it does is in fairseq_plugin/commands/view_attention.py.
"""

import sys
from pathlib import Path

if not __package__:  # run as a file, from any folder: the packages are in the folder above
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    import scripts  # noqa: F401 - before imports that take seconds

from fairseq_plugin.commands.view_attention import main, parser

__all__ = ["main", "parser"]

if __name__ == "__main__":
    sys.exit(main())
