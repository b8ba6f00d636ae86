"""The recurrence of attention that looks back with the new state, as the equations say it: the specification of
``batched.py``.

    s_t      = GRU([y_{t-1}; h~_{t-1}], s_{t-1})       h~_{t-1} with input feeding only, h~_0 = 0
    a_t, c_t = attention(s_t, h_1..h_S)
    h~_t     = tanh(W_c [c_t; s_t])

Source: Luong, Pham, Manning 2015 (arXiv 1508.04025), section 3 and 3.3, with torch's GRU cell.
"""

import torch
from torch import Tensor, nn

from fairseq_plugin.modules.attention import LuongAttention
from fairseq_plugin.modules.recurrence.interface import Memory, Past, RecurrenceOutput


def luong_loop(
    cell: nn.GRUCell, attention: LuongAttention, inputs: Tensor, state: Tensor, memory: Memory, past: Past
) -> RecurrenceOutput:
    """Plain loop over target steps; see :class:`Recurrence` for the shapes."""
    keys, values, padding_mask, _ = memory.per_row()
    weight, attentional = past
    if attentional is None:
        attentional = torch.zeros_like(state)
    steps = []
    for t in range(inputs.size(1)):
        read = torch.cat([inputs[:, t], attentional], dim=-1) if attention.input_feeding else inputs[:, t]
        state = cell(read, state)  # (B, H)
        context, weight = attention(state, keys, values, padding_mask, weight)  # (B, C), (B, S)
        attentional = attention.attentional(context, state)  # (B, H)
        steps.append((state, context, weight, attentional))
    return RecurrenceOutput(*(torch.stack(part, dim=1) for part in zip(*steps, strict=True)))
