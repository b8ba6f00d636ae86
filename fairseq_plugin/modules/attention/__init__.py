"""Attention scores: one small file each, chosen by name with ``--attention``."""

from fairseq_plugin.modules.attention.additive import AdditiveAttention
from fairseq_plugin.modules.attention.base import Attention, masked_softmax
from fairseq_plugin.modules.attention.concat import ConcatAttention
from fairseq_plugin.modules.attention.location import LocationAttention
from fairseq_plugin.modules.attention.luong import LuongAttention
from fairseq_plugin.modules.attention.multiplicative import DotAttention, GeneralAttention
from fairseq_plugin.modules.attention.none import FixedSummary
from fairseq_plugin.modules.attention.normed import NormedAttention
from fairseq_plugin.modules.attention.ntm import NTMAttention
from fairseq_plugin.modules.attention.shift import ShiftAttention

ATTENTION: dict[str, type[Attention]] = {
    "additive": AdditiveAttention,
    "normed": NormedAttention,
    "location": LocationAttention,
    "ntm": NTMAttention,
    "shift": ShiftAttention,
    "dot": DotAttention,
    "general": GeneralAttention,
    "concat": ConcatAttention,
    "none": FixedSummary,
}

__all__ = [
    "ATTENTION",
    "AdditiveAttention",
    "Attention",
    "ConcatAttention",
    "DotAttention",
    "FixedSummary",
    "GeneralAttention",
    "LocationAttention",
    "LuongAttention",
    "NTMAttention",
    "NormedAttention",
    "ShiftAttention",
    "masked_softmax",
]
