"""Networks: encoder, decoder, attention scores and the recurrence that joins them.

Shape legend of the whole project: B batch, S source length, T target length, E embedding, H hidden (decoder state),
C annotation (encoder output), A attention, V vocabulary, L layers. ``True`` in a padding mask means padding.
"""
