"""A digest of a dictionary, which a checkpoint keeps: see checkpoints/parameters.py."""

import hashlib

from fairseq.data import Dictionary


def sha256_of(dictionary: Dictionary) -> bytes:
    """SHA-256 of the symbols in order."""
    return hashlib.sha256("\n".join(dictionary.symbols).encode()).digest()
