"""Which gated unit encoder and decoder are made of.

``torch``   torch's GRU, which resets the state after the matrix product (the reference set-up)
``paper``   the papers' unit, which resets before it (see paper_gru.py)
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

from torch import nn

from fairseq_plugin.modules.paper_gru import PaperGRU, PaperGRUCell

Layers = nn.GRU | PaperGRU


class GRUKind(NamedTuple):
    """How to make one kind of unit."""

    cell: type[nn.GRUCell]
    """One step: made from input size and units."""
    layers: Callable[..., Layers]
    """Layers over whole rows, batch first: made from the same, and num_layers, bidirectional and dropout."""


GRU_CELL = {
    "torch": GRUKind(nn.GRUCell, functools.partial(nn.GRU, batch_first=True)),
    "paper": GRUKind(PaperGRUCell, PaperGRU),
}
