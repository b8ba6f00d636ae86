"""What a checkpoint may hold besides tensors and plain Python values.

torch refuses to unpickle any class that is not on its list (from 2.6 on, and preflight.py asks for no less).
Checkpoints of this plugin need nothing more than torch allows by itself; the entries below are for fairseq's own older
models, trained or decoded beside it. Each is a class without side effects when it is made. Safe loading itself is never
switched off.
"""

import argparse
from typing import Any, Final

import torch

ALLOWED: Final[tuple[Any, ...]] = (
    argparse.Namespace,  # options of fairseq models without a dataclass (lstm, transformer's named architectures)
)


def allow_classes() -> None:
    """Put ``ALLOWED`` on torch's list."""
    torch.serialization.add_safe_globals(list(ALLOWED))
