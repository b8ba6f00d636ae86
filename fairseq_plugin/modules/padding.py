"""Which end the padding is on, and how to move it.

A recurrent network must read a row from its first true token; a batch may be padded on the left. Rows are rotated
so that padding stands at the end, and results are rotated back, so that they line up with the tokens as given.
"""

from functools import cached_property

import torch
from torch import Tensor


class PaddingLayout:
    """The positions of true tokens in a padded batch, whatever side the padding is on.

    :param padding_mask: (B, N), True on padding.
    """

    def __init__(self, padding_mask: Tensor) -> None:
        self.padding_mask = padding_mask
        # Right-padded when no padding is followed by a true token; nothing follows a single column.
        self.is_right_padded = padding_mask.size(1) == 1 or not (
            self.has_padding and bool((padding_mask[:, :-1] > padding_mask[:, 1:]).any())
        )
        if not self.is_right_padded:
            self._to_right = padding_mask.to(torch.uint8).argsort(dim=1, stable=True)  # (B, N), true tokens first
            self._to_given = self._to_right.argsort(dim=1)

    @cached_property
    def has_padding(self) -> bool:
        """Whether a row is shorter than N."""
        return bool(self.padding_mask.any())

    @property
    def lengths(self) -> Tensor:
        """True tokens of each row (B,)."""
        return (~self.padding_mask).sum(dim=1)

    def to_right_padded(self, batch: Tensor) -> Tensor:
        """Move padding to the end of each row of ``batch`` (B, N) or (B, N, D)."""
        return batch if self.is_right_padded else _gather_rows(batch, self._to_right)

    def to_given(self, batch: Tensor) -> Tensor:
        """Undo :meth:`to_right_padded`."""
        return batch if self.is_right_padded else _gather_rows(batch, self._to_given)


def _gather_rows(batch: Tensor, order: Tensor) -> Tensor:
    if batch.dim() == 3:
        order = order.unsqueeze(-1).expand(-1, -1, batch.size(-1))
    return batch.gather(1, order)
