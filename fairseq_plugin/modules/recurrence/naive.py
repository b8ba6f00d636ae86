"""The recurrence as the equations say it. This loop is the specification that faster versions are tested against.

    a_t, c_t = attention(s_{t-1}, h_1..h_S)            and a_{t-1}, for the scores that use it
    s_t      = GRU([y_{t-1}; c_t], s_{t-1})

Source: Bahdanau, Cho, Bengio 2015 (arXiv 1409.0473), section 3.1 and appendix A.2.2, with torch's GRU cell.
Attention that looks back with s_t has a loop of its own, ``luong.py``.
"""

import torch
from torch import Tensor, nn

from fairseq_plugin.modules.attention import Attention, LuongAttention
from fairseq_plugin.modules.recurrence.interface import NO_PAST, Memory, Past, RecurrenceOutput
from fairseq_plugin.modules.recurrence.luong import luong_loop


def naive_recurrence(
    cell: nn.GRUCell, attention: Attention, inputs: Tensor, state: Tensor, memory: Memory, past: Past = NO_PAST
) -> RecurrenceOutput:
    """Plain loop over target steps; see :class:`Recurrence` for the shapes."""
    if isinstance(attention, LuongAttention):
        return luong_loop(cell, attention, inputs, state, memory, past)
    weight = past.weights
    keys, values, padding_mask, _ = memory.per_row()
    states, contexts, weights = [], [], []
    for t in range(inputs.size(1)):
        context, weight = attention(state, keys, values, padding_mask, weight)  # (B, C), (B, S)
        state = cell(torch.cat([inputs[:, t], context], dim=-1), state)  # (B, H)
        states.append(state)
        contexts.append(context)
        weights.append(weight)
    return RecurrenceOutput(torch.stack(states, 1), torch.stack(contexts, 1), torch.stack(weights, 1))
