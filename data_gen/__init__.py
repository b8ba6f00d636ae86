"""Binarized datasets for fairseq, made without fairseq: NumPy is all that the copy route needs."""
