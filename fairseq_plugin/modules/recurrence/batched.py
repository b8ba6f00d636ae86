"""The recurrence where the states do not depend on the attention: one GRU over all target steps, then all queries at
once.

Same equations as :func:`luong_loop` without input feeding. While decoding, the rows of the batch that read one
sentence are its queries. With a context that is the same at every step, the GRU is all there is
(:func:`fixed_recurrence`).
"""

import torch
from torch import Tensor, nn

from fairseq_plugin.modules.attention import Attention, LuongAttention
from fairseq_plugin.modules.gru_units import gru_over_time
from fairseq_plugin.modules.recurrence.interface import NO_PAST, Memory, Past, RecurrenceOutput
from fairseq_plugin.modules.recurrence.step import group_rows


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


def supports_fixed(attention: Attention) -> bool:
    """Whether the context is the same at every step."""
    return not attention.looks_back


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


def supports_batched(attention: Attention) -> bool:
    """Whether no state depends on what attention made of the one before."""
    return isinstance(attention, LuongAttention) and not attention.input_feeding and not attention.uses_previous_weights
