"""Commands that are run from a checkout.

Ctrl-C in the seconds of a command's imports ends it without a word. This package is what every command imports first.
"""

import sys
from pathlib import Path

from data_gen.signals import exit_on_interrupt

# While Python looks for the module of ``python -m``, this stands in place of its name.
if sys.argv[0] == "-m" or Path(__file__).parent in Path(sys.argv[0]).resolve().parents:
    exit_on_interrupt()
