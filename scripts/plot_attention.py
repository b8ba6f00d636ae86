"""Draw the attention of one sentence as a heatmap and print the sentence; of several side by side; of all as a PDF.

    python scripts/plot_attention.py attention.npz --output heatmap.png --id 3
    python scripts/plot_attention.py attention.npz --output grid.png --ids 0,3,7,9
    python scripts/plot_attention.py attention.npz --output models.png --id 3 --compare other.npz
    python scripts/plot_attention.py attention.npz --output all.pdf --all
    python scripts/plot_attention.py DATA --evolution CHECKPOINTS --output evolution.gif --id 3

What it does is in fairseq_plugin/commands/plot_attention.py.
"""

import sys
from pathlib import Path

if not __package__:  # run as a file, from any folder: the packages are in the folder above
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    import scripts  # noqa: F401 - before imports that take seconds

from fairseq_plugin.commands.plot_attention import main, parser

__all__ = ["main", "parser"]

if __name__ == "__main__":
    sys.exit(main())
