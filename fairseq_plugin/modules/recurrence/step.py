"""One decoding step of the recurrence with additive attention, for many rows that share few sentences.

Beam search reads each sentence with several rows. Keys and values are kept once a sentence, and the values are
projected to the gates before the first step: W_c sum_s a_s h_s = sum_s a_s (W_c h_s). Contexts are computed only where
something else reads them.
"""

import torch
from torch import Tensor, nn

from fairseq_plugin.modules.attention import AdditiveAttention, Attention, masked_softmax
from fairseq_plugin.modules.products import linear, piece_size
from fairseq_plugin.modules.recurrence.interface import NO_PAST, Memory, Past, RecurrenceOutput


def prepare_steps(cell: nn.GRUCell, attention: Attention, memory: Memory, contexts: bool) -> Memory:
    """Memory for :func:`fused_steps`: doubled keys (N, S, A), and values in gate space (N, S, 3H).

    With ``contexts`` the values themselves stand behind those in gate space (N, S, 3H + C).
    """
    exact = torch.promote_types(memory.keys.dtype, torch.float32)
    context_weight = cell.weight_ih[:, cell.input_size - attention.value_dim :]
    values = linear(memory.values, context_weight)
    if contexts:
        values = torch.cat([values, memory.values], dim=2)
    return memory._replace(keys=memory.keys.to(exact) * 2.0, values=values)


def fused_steps(
    cell: nn.GRUCell, attention: Attention, inputs: Tensor, state: Tensor, memory: Memory, past: Past = NO_PAST
) -> RecurrenceOutput:
    """Target steps (usually one) over a prepared memory; see :class:`Recurrence` for the shapes."""
    assert isinstance(attention, AdditiveAttention)
    memory = group_rows(memory)
    from_embedding = linear(inputs, cell.weight_ih[:, : inputs.size(2)], cell.bias_ih)  # (B, T, 3H)
    gate_space = cell.weight_ih.size(0)  # 3H
    to_gates, values = memory.values[:, :, :gate_space], memory.values[:, :, gate_space:]  # (N, S, 3H), (N, S, 0 or C)
    wanted = values.size(2) > 0
    states, contexts, weights = [], [], []
    for t in range(inputs.size(1)):
        weight = attend(attention, state, memory)  # (N, B / N, S)
        weights.append(weight.flatten(0, 1))
        weight = weight.to(values.dtype)
        if wanted:
            contexts.append(torch.bmm(weight, values).flatten(0, 1))  # (B, C)
        word = from_embedding[:, t].view(*weight.shape[:2], gate_space)  # (N, B / N, 3H)
        gates = torch.baddbmm(word, weight, to_gates).flatten(0, 1)
        state = gru_step(gates, linear(state, cell.weight_hh, cell.bias_hh), state)
        states.append(state)
    return RecurrenceOutput(
        torch.stack(states, 1), torch.stack(contexts, 1) if wanted else None, torch.stack(weights, 1)
    )


def group_rows(memory: Memory) -> Memory:
    """A memory in which row b reads sentence b // (B / N): as it is if it does, else copied out."""
    rows, sentences = memory.rows, memory.keys.size(0)
    if rows is None:
        return memory
    beam, rest = divmod(rows.numel(), sentences)
    grouped = torch.arange(sentences, device=rows.device).repeat_interleave(beam) if rest == 0 else None
    return memory if grouped is not None and torch.equal(rows, grouped) else memory.per_row()


def attend(attention: AdditiveAttention, state: Tensor, memory: Memory) -> Tensor:
    """Weights (N, K, S) of K rows a sentence."""
    sentences, _, units = memory.keys.shape
    query = linear(state, attention.query_projection.weight).to(memory.keys.dtype).mul(2.0)
    query = query.view(sentences, -1, 1, units)  # (N, K, 1, A)
    energy = attention.energy_weight().squeeze(0).to(query.dtype) * 2.0
    scores = additive_scores(memory.keys, query, energy)
    mask = memory.padding_mask
    return masked_softmax(scores, None if mask is None else mask.unsqueeze(1))


def additive_scores(keys: Tensor, query: Tensor, energy: Tensor) -> Tensor:
    """Scores (N, K, S) up to a constant, which the softmax drops: tanh(x) = 2 sigmoid(2x) - 1.

    :param keys: doubled (N, S, A).
    :param query: doubled (N, K, 1, A).
    :param energy: doubled (A,).
    """
    sentences, source, units = keys.shape
    together = piece_size(query, query.size(1) * source * units)
    if together >= sentences or torch.is_grad_enabled():  # autograd cannot follow what is written to ``out``
        layer = (keys.unsqueeze(1) + query).sigmoid_()  # (N, K, S, A)
        return torch.mv(layer.view(-1, units), energy).view(layer.shape[:3])
    scores = query.new_empty(sentences, query.size(1), source)
    buffer = query.new_empty(together, query.size(1), source, units)
    for part, some, score in zip(*(torch.split(each, together) for each in (keys, query, scores)), strict=True):
        layer = torch.add(part.unsqueeze(1), some, out=buffer[: len(part)]).sigmoid_()
        torch.mv(layer.view(-1, units), energy, out=score.view(-1))
    return scores


def gru_step(gates: Tensor, hidden: Tensor, state: Tensor) -> Tensor:
    """New state (B, H) from the input side and the hidden side of the gates (B, 3H; r, z, n)."""
    reset, update, new = gates.chunk(3, dim=1)
    hidden_reset, hidden_update, hidden_new = hidden.chunk(3, dim=1)
    reset = torch.sigmoid(reset + hidden_reset)
    new = torch.tanh(torch.addcmul(new, reset, hidden_new))
    # Under autocast the gates are of lower precision than the state.
    return torch.lerp(new.to(state.dtype), state, torch.sigmoid(update + hidden_update).to(state.dtype))
