"""The recurrence where the states do not depend on the attention: one GRU over all target steps, then all queries at
once.

Same equations as ``luong.py`` without input feeding. While decoding, the rows of the batch that read one sentence are
its queries.
"""

import torch
from torch import Tensor, nn

from fairseq_plugin.modules.attention import Attention, LuongAttention
from fairseq_plugin.modules.recurrence.fixed import cell_over_time
from fairseq_plugin.modules.recurrence.interface import NO_PAST, Memory, Past, RecurrenceOutput
from fairseq_plugin.modules.recurrence.step import group_rows


def batched_recurrence(
    cell: nn.GRUCell, attention: Attention, inputs: Tensor, state: Tensor, memory: Memory, past: Past = NO_PAST
) -> RecurrenceOutput:
    """All target steps at once; see :class:`Recurrence` for the shapes."""
    assert isinstance(attention, LuongAttention)
    keys, values, padding_mask, _ = memory.per_row()
    states = cell_over_time(cell, inputs, state)
    contexts, weights = attention.attend_all(states, keys, values, padding_mask)
    return RecurrenceOutput(states, contexts, weights, attention.attentional(contexts, states))


def batched_steps(
    cell: nn.GRUCell, attention: Attention, inputs: Tensor, state: Tensor, memory: Memory, past: Past = NO_PAST
) -> RecurrenceOutput:
    """Target steps (usually one) of many rows that share few sentences; see :class:`Recurrence` for the shapes."""
    assert isinstance(attention, LuongAttention)
    keys, values, padding_mask, _ = group_rows(memory)
    steps = []
    for t in range(inputs.size(1)):
        state = cell(inputs[:, t], state)
        queries = state.view(keys.size(0), -1, state.size(1))  # (N, B / N, H)
        context, weight = attention.attend_all(queries, keys, values, padding_mask)
        context, weight = context.flatten(0, 1), weight.flatten(0, 1)  # (B, C), (B, S)
        steps.append((state, context, weight, attention.attentional(context, state)))
    return RecurrenceOutput(*(torch.stack(part, dim=1) for part in zip(*steps, strict=True)))


def supports(attention: Attention) -> bool:
    """Whether no state depends on what attention made of the one before."""
    return isinstance(attention, LuongAttention) and not attention.input_feeding and not attention.uses_previous_weights
