"""Attention scores: one small file each, chosen by name with ``--attention``."""

from fairseq_plugin.modules.attention.additive import AdditiveAttention
from fairseq_plugin.modules.attention.base import Attention, masked_softmax

ATTENTION: dict[str, type[Attention]] = {
    "additive": AdditiveAttention,
}

__all__ = ["ATTENTION", "AdditiveAttention", "Attention", "masked_softmax"]
