"""A GRU over right-padded rows, each direction of which must end at the last true token it meets.

Three ways to the same numbers. :func:`read_packed` packs the rows, which is what a GPU's library wants. On a CPU
packing doubles the time of the backward pass; :func:`read_padded` turns the rows of the backward direction round
instead, so that padding is read after all that is true, and wipes what was read from padding. It takes either torch's
own GRU or the one with gradients by hand (``fused_gru.py``). The paper's unit (``gru_units.py``) is read so everywhere.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from fairseq_plugin.modules.fused_gru import fused_gru
from fairseq_plugin.modules.gru_units import Layers, PaperGRU, any_device, gru_over_time, paper_direction

Direction = Callable[..., Tensor]
"""One direction of one layer: inputs (B, S, E), both weights and the biases, of which the paper's unit has one, to
states (B, S, H)."""
PARAMETERS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


def read(
    gru: Layers, inputs: Tensor, lengths: Tensor, *, has_padding: bool, fused: bool = True
) -> tuple[Tensor, Tensor]:
    """Read a batch the fastest way.

    :param gru: with ``batch_first``; any number of layers and directions.
    :param inputs: (B, S, E), padding at the end of each row.
    :param lengths: (B,), true tokens of each row, 0 included.
    :param has_padding: whether any row is shorter than S.
    :param fused: whether gradients by hand may be used, which are differentiable once.
    :returns: annotations (B, S, C), 0 on padding, and the final states of all layers (L, B, C), directions side by
        side; those of an empty row are 0.
    """
    if isinstance(gru, PaperGRU):
        return read_padded(gru, inputs, lengths if has_padding else None, paper_direction)
    if inputs.device.type == "cpu" and (fused or has_padding):
        exact = inputs.dtype.itemsize >= 4 and not torch.is_autocast_enabled("cpu")
        return read_padded(gru, inputs, lengths if has_padding else None, fused_gru if fused and exact else torch_gru)
    if has_padding:
        return read_packed(gru, inputs, lengths)
    with any_device(inputs, gru.training):
        annotations, last = gru(inputs)  # last: (L * directions, B, hidden)
    return annotations, _side_by_side(last, gru.num_layers)


def torch_gru(inputs: Tensor, weight_ih: Tensor, weight_hh: Tensor, bias_ih: Tensor, bias_hh: Tensor) -> Tensor:
    """torch's own :data:`Direction`."""
    start = inputs.new_zeros(inputs.size(0), weight_hh.size(1))
    return gru_over_time(inputs, start, (weight_ih, weight_hh, bias_ih, bias_hh))


def read_padded(gru: Layers, inputs: Tensor, lengths: Tensor | None, direction: Direction) -> tuple[Tensor, Tensor]:
    """Layer by layer and direction by direction, without packing; see :func:`read`.

    :param lengths: None where no row is shorter than S.
    """
    rows = _Rows(inputs, lengths)
    states = []
    for layer in range(gru.num_layers):
        if layer and gru.dropout:
            inputs = F.dropout(inputs, gru.dropout, gru.training)
        forward = rows.wiped(direction(inputs, *_parameters(gru, f"l{layer}")))  # (B, S, hidden)
        states.append(rows.last(forward))
        if not gru.bidirectional:
            inputs = forward
            continue
        turned = direction(rows.turned(inputs), *_parameters(gru, f"l{layer}_reverse"))
        backward = rows.wiped(rows.turned(turned))
        inputs = torch.cat([forward, backward], dim=2)
        states[-1] = torch.cat([states[-1], backward[:, 0]], dim=1)
    return inputs, torch.stack(states)


class _Rows:
    """What has to be done to rows (B, S, ...) of these lengths."""

    def __init__(self, inputs: Tensor, lengths: Tensor | None) -> None:
        self._lengths = lengths
        if lengths is not None:
            self._places = torch.arange(inputs.size(1), device=inputs.device)
            self._padding = (self._places >= lengths.unsqueeze(1)).unsqueeze(2)  # (B, S, 1)

    def wiped(self, rows: Tensor) -> Tensor:
        """0 on padding."""
        return rows if self._lengths is None else rows.masked_fill(self._padding, 0.0)

    def last(self, rows: Tensor) -> Tensor:
        """Each row at its last true token (B, ...); of an empty row the first position, which is wiped."""
        if self._lengths is None:
            return rows[:, -1]
        positions = (self._lengths - 1).clamp(min=0).view(-1, 1, 1).expand(-1, 1, rows.size(2))
        return rows.gather(1, positions).squeeze(1)

    def turned(self, rows: Tensor) -> Tensor:
        """True tokens from the last to the first, then anything on padding."""
        if self._lengths is None:
            return rows.flip(1)
        mirror = (self._lengths.unsqueeze(1) - 1 - self._places).clamp(min=0).unsqueeze(2)  # (B, S, 1)
        return rows.gather(1, mirror.expand(-1, -1, rows.size(2)))


def read_packed(gru: nn.GRU, inputs: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """All layers and directions in one call; see :func:`read`."""
    # Packing refuses empty rows: read one padding step there and wipe what it left.
    packed = pack_padded_sequence(inputs, lengths.clamp(min=1).cpu(), batch_first=True, enforce_sorted=False)
    with any_device(inputs, gru.training):
        packed_annotations, last = gru(packed)
    annotations, _ = pad_packed_sequence(packed_annotations, batch_first=True, total_length=inputs.size(1))
    empty = lengths.eq(0)
    return (
        annotations.masked_fill(empty.view(-1, 1, 1), 0.0),
        _side_by_side(last, gru.num_layers).masked_fill(empty.view(1, -1, 1), 0.0),
    )


def _parameters(gru: Layers, name: str) -> list[Tensor]:
    """Of one direction of one layer, whose names end in ``name``."""
    return [getattr(gru, f"{kind}_{name}") for kind in PARAMETERS if hasattr(gru, f"{kind}_{name}")]


def _side_by_side(last: Tensor, layers: int) -> Tensor:
    """(L * directions, B, hidden), as torch's GRU returns it, to (L, B, C)."""
    _, batch, hidden = last.shape
    return last.view(layers, -1, batch, hidden).transpose(1, 2).reshape(layers, batch, -1)
