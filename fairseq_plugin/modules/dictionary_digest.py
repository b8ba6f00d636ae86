"""A fingerprint of a dictionary that travels with the parameters.

A checkpoint loaded with another dictionary of the same size would run, and mean nothing.
"""

import hashlib

import torch
from fairseq.data import Dictionary
from torch import Tensor

NAME = "dictionary_digest"


def dictionary_digest(dictionary: Dictionary) -> Tensor:
    """SHA-256 of the symbols in order: (32,) uint8."""
    digest = hashlib.sha256("\n".join(dictionary.symbols).encode()).digest()
    return torch.tensor(list(digest), dtype=torch.uint8)
