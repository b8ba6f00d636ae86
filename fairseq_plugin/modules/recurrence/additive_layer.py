"""Scores of additive attention, step after step over the same keys, with gradients by hand.

With x = 2 (k_s + q), u = sigmoid(x) - 1/2 = tanh(x / 2) / 2 and de the gradient of the scores (which sums to 0 over s,
since e passes a softmax):

    e_s  = v . tanh(k_s + q) = 2 v . sigmoid(x) - sum(v)      the constant falls out of the softmax
    dv   = 2 sum_s de_s u_s
    dx_s = 2 v de_s (1/4 - u_s^2)
    dq   = 2 sum_s dx_s = -4 v sum_s de_s u_s^2
    dk   = 2 sum_t dx

torch's sigmoid is several times faster than its tanh on a CPU. Subtracting 1/2 keeps the accuracy of tanh in sums.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from fairseq_plugin.modules.products import piece_size

# What autograd itself calls: one operation instead of three. It is not public; where it is missing, there are three.
SOFTMAX_BACKWARD: Callable[..., Tensor] | None = getattr(torch, "_softmax_backward_data", None)


class Layer(NamedTuple):
    """What both passes read."""

    keys: Tensor  # (B, S, A), doubled
    energy: Tensor  # (A,), doubled
    kept: Tensor | None  # (T, B, S, A), u of each step; None: compute it again

    def pieces(self, tensor: Tensor) -> tuple[Tensor, ...]:
        """Views of the sentences (B, ...) to work on together."""
        batch, source, units = self.keys.shape
        size = piece_size(self.keys, source * units)
        if size >= batch:
            return (tensor,)
        return tensor.tensor_split(tuple(range(size, batch, size)))


class AdditiveForward:
    """Attention weights over one batch of sentences.

    :param keys: (B, S, A).
    :param energy: v (A,).
    :param padding_mask: (B, S), True on padding, or None.
    :param keep: how many steps to keep the layer of, for the backward pass; 0 keeps none.
    """

    def __init__(self, keys: Tensor, energy: Tensor, padding_mask: Tensor | None, *, keep: int = 0) -> None:
        self.layer = Layer(keys * 2.0, energy * 2.0, keys.new_empty(keep, *keys.shape) if keep else None)
        self._keys = self.layer.pieces(self.layer.keys)
        self._kept = None if self.layer.kept is None else iter(self.layer.kept.unbind())
        if self._kept is None:
            scratch = torch.empty_like(self._keys[0])
            self._buffers = [scratch[: len(keys)] for keys in self._keys]
        bias = keys.new_zeros(keys.shape[:2])  # the lowest number on padding, whose weight is then exactly 0
        self._empty_rows: Tensor | None = None
        if padding_mask is not None:
            bias.masked_fill_(padding_mask, torch.finfo(keys.dtype).min)
            empty = padding_mask.all(dim=1)
            self._empty_rows = empty.view(-1, 1, 1) if bool(empty.any()) else None
        self._bias = [piece.view(-1) for piece in self.layer.pieces(bias)]

    def weights(self, query: Tensor, out: Tensor) -> None:
        """Attention weights (B, 1, S) of the next step, for the projected query (B, 1, A), written to ``out``."""
        _, source, units = self.layer.keys.shape
        pieces, energy = self.layer.pieces, self.layer.energy
        buffers = self._buffers if self._kept is None else pieces(next(self._kept))
        columns = self._keys, self._bias, pieces(query), buffers, pieces(out)
        for keys, bias, part, buffer, result in zip(*columns, strict=True):
            layer = torch.add(keys, part, alpha=2.0, out=buffer).sigmoid_().view(-1, units)
            torch.softmax(torch.addmv(bias, layer, energy).view(-1, 1, source), dim=2, out=result)
        if self._empty_rows is not None:
            out.masked_fill_(self._empty_rows, 0.0)

    def finish(self) -> None:
        """After the last step: centre what was kept."""
        if self.layer.kept is not None:
            self.layer.kept.sub_(0.5)


class AdditiveBackward:
    """Gradients of the layer, gathered from the last step to the first.

    :param queries: of all steps (T, B, 1, A).
    """

    def __init__(self, layer: Layer, queries: Tensor) -> None:
        self.layer = layer
        self._scores: list[Tensor] = []  # de of each step (B, 1, S), the last step's first
        self._energies: list[Tensor] = []  # of v (A,), piece by piece: summed at the end, which is more exact
        self._to_query = layer.energy * -2.0
        if layer.kept is not None:
            self._squares = layer.kept.square()  # u^2 (T, B, S, A)
            self._step_squares = self._squares.unbind()
        else:
            self._queries = queries.unbind()
            self._scratch = torch.empty_like(layer.pieces(layer.keys)[0])
            self._keys = torch.zeros_like(layer.keys)  # - sum_t de u^2

    def query(self, to_weights: Tensor, weights: Tensor, step: int, out: Tensor) -> None:
        """Gradient of the query of a step, written to ``out`` (B, 1, A).

        :param to_weights: gradient of the step's weights (B, 1, S).
        :param weights: attention weights of the step (B, 1, S).
        """
        scores = softmax_backward(to_weights, weights)  # (B, 1, S)
        self._scores.append(scores)
        if self.layer.kept is not None:
            torch.mul(torch.bmm(scores, self._step_squares[step]), self._to_query, out=out)
            return
        units = self.layer.keys.size(2)
        columns = map(self.layer.pieces, (self.layer.keys, self._keys, self._queries[step], scores, out))
        for keys, to_keys, part, de, result in zip(*columns, strict=True):
            centred = torch.add(keys, part, alpha=2.0, out=self._scratch[: len(keys)]).sigmoid_().sub_(0.5)
            self._energies.append(torch.mv(centred.view(-1, units).t(), de.view(-1)))
            squares = centred.square_()
            torch.mul(torch.bmm(de, squares), self._to_query, out=result)
            to_keys.addcmul_(de.transpose(1, 2), squares, value=-1.0)

    def finish(self) -> tuple[Tensor, Tensor]:
        """Gradients of keys (B, S, A) and v (A,), once every step is in."""
        scores = torch.stack(self._scores[::-1]).squeeze(2)  # (T, B, S)
        if self.layer.kept is not None:
            steps, _, _, units = self.layer.kept.shape
            self._energies = [torch.bmm(scores.view(steps, 1, -1), self.layer.kept.view(steps, -1, units)).squeeze(1)]
            self._keys = self._squares.mul_(scores.unsqueeze(3)).sum(dim=0).neg_()
        keys = self._keys.add_(scores.sum(dim=0).mul_(0.25).unsqueeze(2)).mul_(self.layer.energy * 2.0)
        energy = torch.stack(self._energies).view(-1, keys.size(2)).sum(dim=0)
        return keys, energy.mul_(2.0)


def softmax_backward(to_weights: Tensor, weights: Tensor) -> Tensor:
    """Gradient of the scores, a (da - a . da) over the last dimension."""
    if SOFTMAX_BACKWARD is not None:
        scores: Tensor = SOFTMAX_BACKWARD(to_weights, weights, -1, weights.dtype)
        return scores
    weighted = to_weights * weights
    return torch.addcmul(weighted, weights, weighted.sum(dim=-1, keepdim=True), value=-1.0)
