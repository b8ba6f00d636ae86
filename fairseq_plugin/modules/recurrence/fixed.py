"""The recurrence where the context does not depend on the state: one GRU over all target steps.

Same equations as ``naive.py`` for an attention that does not look back.
"""

import torch
from torch import Tensor, nn

from fairseq_plugin.modules.attention import Attention
from fairseq_plugin.modules.gru_cell import gru_over_time
from fairseq_plugin.modules.recurrence.interface import NO_PAST, Memory, Past, RecurrenceOutput


def fixed_recurrence(
    cell: nn.GRUCell, attention: Attention, inputs: Tensor, state: Tensor, memory: Memory, past: Past = NO_PAST
) -> RecurrenceOutput:
    """All target steps in one call; see :class:`Recurrence` for the shapes."""
    keys, values, padding_mask, _ = memory.per_row()
    context, weight = attention(state, keys, values, padding_mask)  # (B, C), (B, S)
    steps = inputs.size(1)
    contexts = context.unsqueeze(1).expand(-1, steps, -1)
    states = cell_over_time(cell, torch.cat([inputs, contexts], dim=2), state)
    return RecurrenceOutput(states, contexts, weight.unsqueeze(1).expand(-1, steps, -1))


def cell_over_time(cell: nn.GRUCell, inputs: Tensor, state: Tensor) -> Tensor:
    """States s_1..s_T (B, T, H) of the cell, from inputs (B, T, .) that are known beforehand and s_0 (B, H)."""
    return gru_over_time(inputs, state, (cell.weight_ih, cell.weight_hh, cell.bias_ih, cell.bias_hh))


def supports(attention: Attention) -> bool:
    """Whether the context is the same at every step."""
    return not attention.looks_back
