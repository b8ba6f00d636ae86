"""A fingerprint of a dictionary that travels with the parameters.

A checkpoint loaded with another dictionary of the same size would run, and mean nothing.
"""

import hashlib

import torch
from fairseq.data import Dictionary
from torch import Tensor

NAME = "dictionary_digest"


def sha256_of(dictionary: Dictionary) -> bytes:
    """SHA-256 of the symbols in order."""
    return hashlib.sha256("\n".join(dictionary.symbols).encode()).digest()


def dictionary_digest(dictionary: Dictionary) -> Tensor:
    """The same as a tensor (32,) of uint8, to be kept with parameters."""
    return torch.tensor(list(sha256_of(dictionary)), dtype=torch.uint8)
