"""The recurrence as the equations say it. This loop is the specification that faster versions are tested against.

    a_t, c_t = attention(s_{t-1}, h_1..h_S)            and a_{t-1}, for the scores that use it
    s_t      = GRU([y_{t-1}; c_t], s_{t-1})

Source: Bahdanau, Cho, Bengio 2015 (arXiv 1409.0473), section 3.1 and appendix A.2.2, with torch's GRU cell.

Attention that looks back with the new state s_t has a loop of its own, :func:`luong_loop`, which is the
specification of ``batched.py``:

    s_t      = GRU([y_{t-1}; h~_{t-1}], s_{t-1})       h~_{t-1} with input feeding only, h~_0 = 0
    a_t, c_t = attention(s_t, h_1..h_S)
    h~_t     = tanh(W_c [c_t; s_t])

Source: Luong, Pham, Manning 2015 (arXiv 1508.04025), section 3 and 3.3, with torch's GRU cell.
"""

import torch
from torch import Tensor, nn

from fairseq_plugin.modules.attention import Attention, LuongAttention
from fairseq_plugin.modules.recurrence.interface import NO_PAST, Memory, Past, RecurrenceOutput


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
