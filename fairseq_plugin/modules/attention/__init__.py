"""Attention scores: one small file each, chosen by name with ``--attention``."""

from fairseq_plugin.modules.attention.additive import AdditiveAttention
from fairseq_plugin.modules.attention.base import Attention, masked_softmax
from fairseq_plugin.modules.attention.fixed import FixedSummary
from fairseq_plugin.modules.attention.normed import NormedAttention

ATTENTION: dict[str, type[Attention]] = {
    "additive": AdditiveAttention,
    "normed": NormedAttention,
    "none": FixedSummary,
}

__all__ = ["ATTENTION", "AdditiveAttention", "Attention", "FixedSummary", "NormedAttention", "masked_softmax"]
