"""Additive attention with the new state as query.

    e_ts = v . tanh(W_a [s_t; h_s])

Source: Luong, Pham, Manning 2015 (arXiv 1508.04025), equation 8. W_a stands in two parts, for s_t and for h_s, so that
the latter is multiplied once a sentence.
"""

from fairseq_plugin.modules.attention.additive import AdditiveAttention
from fairseq_plugin.modules.attention.luong import LuongAttention


class ConcatAttention(LuongAttention, AdditiveAttention):
    """Bahdanau's score in Luong's decoder."""
