"""The recurrence with the paper's unit: the plain loop, with what no state changes taken out of it.

Same equations as ``naive.py``. The embedding's part of the gates is one product for all steps; a context that is the
same at every step is computed once.
"""

import torch
from torch import Tensor, nn

from fairseq_plugin.modules.attention import Attention, LuongAttention
from fairseq_plugin.modules.gru_units import stepper
from fairseq_plugin.modules.products import linear
from fairseq_plugin.modules.recurrence.interface import NO_PAST, Memory, Past, RecurrenceOutput


def hoisted_recurrence(
    cell: nn.GRUCell, attention: Attention, inputs: Tensor, state: Tensor, memory: Memory, past: Past = NO_PAST
) -> RecurrenceOutput:
    """All target steps; see :class:`Recurrence` for the shapes. ``cell`` is a :class:`PaperGRUCell`."""
    keys, values, padding_mask, _ = memory.per_row()
    embed = inputs.size(2)
    step, from_context = stepper(cell.weight_hh), cell.weight_ih[:, embed:].t()
    states: list[Tensor] = []
    contexts: list[Tensor] = []
    weights: list[Tensor] = []
    for from_embedding in linear(inputs, cell.weight_ih[:, :embed], cell.bias_ih).unbind(1):  # T of (B, 3H)
        if attention.looks_back or not states:
            previous = weights[-1] if weights else past.weights
            context, weight = attention(state, keys, values, padding_mask, previous)  # (B, C), (B, S)
        state = step(torch.addmm(from_embedding, context, from_context), state)  # (B, H)
        states.append(state)
        contexts.append(context)
        weights.append(weight)
    return RecurrenceOutput(torch.stack(states, 1), torch.stack(contexts, 1), torch.stack(weights, 1))


def supports(attention: Attention) -> bool:
    """Whether the attention looks back with the previous state."""
    return not isinstance(attention, LuongAttention)
