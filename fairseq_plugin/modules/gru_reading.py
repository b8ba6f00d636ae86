"""torch's GRU over right-padded rows, each direction of which must end at the last true token it meets.

Two ways to the same numbers. :func:`read_packed` packs the rows, which is what a GPU's library wants. On a CPU packing
doubles the time of the backward pass; :func:`read_padded` turns the rows of the backward direction round instead, so
that padding is read after all that is true, and wipes what was read from padding.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


def read(gru: nn.GRU, inputs: Tensor, lengths: Tensor, *, has_padding: bool) -> tuple[Tensor, Tensor]:
    """Read a batch the fastest way.

    :param gru: with ``batch_first``; any number of layers and directions.
    :param inputs: (B, S, E), padding at the end of each row.
    :param lengths: (B,), true tokens of each row, 0 included.
    :param has_padding: whether any row is shorter than S.
    :returns: annotations (B, S, C), 0 on padding, and the final states of all layers (L, B, C), directions side by
        side; those of an empty row are 0.
    """
    if not has_padding:
        annotations, last = gru(inputs)  # last: (L * directions, B, hidden)
        return annotations, _side_by_side(last, gru.num_layers)
    if inputs.device.type == "cpu":
        return read_padded(gru, inputs, lengths)
    return read_packed(gru, inputs, lengths)


def read_padded(gru: nn.GRU, inputs: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """Layer by layer and direction by direction, without packing; see :func:`read`."""
    batch, source, _ = inputs.shape
    places = torch.arange(source, device=lengths.device)
    padding = (places >= lengths.unsqueeze(1)).unsqueeze(2)  # (B, S, 1)
    last = (lengths - 1).clamp(min=0).view(-1, 1, 1).expand(-1, 1, gru.hidden_size)
    mirror = (lengths.unsqueeze(1) - 1 - places).clamp(min=0).unsqueeze(2)  # (B, S, 1); on padding: anything
    start = inputs.new_zeros(1, batch, gru.hidden_size)
    states = []
    for layer in range(gru.num_layers):
        if layer and gru.dropout:
            inputs = F.dropout(inputs, gru.dropout, gru.training)
        forward = _read_direction(gru, f"l{layer}", inputs, start).masked_fill(padding, 0.0)  # (B, S, hidden)
        states.append(forward.gather(1, last))
        if not gru.bidirectional:
            inputs = forward
            continue
        turned = _read_direction(gru, f"l{layer}_reverse", _turn(inputs, mirror), start)
        backward = _turn(turned, mirror).masked_fill(padding, 0.0)
        inputs = torch.cat([forward, backward], dim=2)
        states[-1] = torch.cat([states[-1], backward[:, :1]], dim=2)
    return inputs, torch.cat(states, dim=1).transpose(0, 1)


def read_packed(gru: nn.GRU, inputs: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """All layers and directions in one call; see :func:`read`."""
    # Packing refuses empty rows: read one padding step there and wipe what it left.
    packed = pack_padded_sequence(inputs, lengths.clamp(min=1).cpu(), batch_first=True, enforce_sorted=False)
    packed_annotations, last = gru(packed)
    annotations, _ = pad_packed_sequence(packed_annotations, batch_first=True, total_length=inputs.size(1))
    empty = lengths.eq(0)
    return (
        annotations.masked_fill(empty.view(-1, 1, 1), 0.0),
        _side_by_side(last, gru.num_layers).masked_fill(empty.view(1, -1, 1), 0.0),
    )


def _read_direction(gru: nn.GRU, name: str, inputs: Tensor, start: Tensor) -> Tensor:
    """States (B, S, hidden) of one direction of one layer, whose parameters end in ``name``."""
    weights = [getattr(gru, f"{kind}_{name}") for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
    states, _ = torch.gru(inputs, start, weights, True, 1, 0.0, gru.training, False, True)
    return states


def _turn(rows: Tensor, mirror: Tensor) -> Tensor:
    return rows.gather(1, mirror.expand(-1, -1, rows.size(2)))


def _side_by_side(last: Tensor, layers: int) -> Tensor:
    """(L * directions, B, hidden), as torch's GRU returns it, to (L, B, C)."""
    _, batch, hidden = last.shape
    return last.view(layers, -1, batch, hidden).transpose(1, 2).reshape(layers, batch, -1)
