"""Embedding matrices, fresh or pretrained."""

import logging
from pathlib import Path

import torch
from fairseq.data import Dictionary
from torch import nn

from data_gen.errors import UserError
from fairseq_plugin.modules.initialisation import initialise_embedding

logger = logging.getLogger(__name__)


def build_embedding(
    dictionary: Dictionary, embed_dim: int, *, path: str | None = None, freeze: bool = False, init: str = "glorot"
) -> nn.Embedding:
    """A (V, E) embedding for the symbols of ``dictionary``; the padding symbol is the zero vector.

    :param path: text file of pretrained vectors, "symbol v_1 .. v_E" a line. A first line "count size", as word2vec
        writes and GloVe does not, is left out. Symbols it lacks keep their random vector.
    :param init: how its random vectors are drawn: a name in ``INIT``.
    :param freeze: leave the vectors as they are in training.
    :raises UserError: a missing file, vectors of another size, or none of a symbol.
    """
    embedding = nn.Embedding(len(dictionary), embed_dim, padding_idx=dictionary.pad())
    initialise_embedding(embedding, init)
    if path is not None:
        _load_pretrained(embedding, dictionary, path)
    embedding.weight.requires_grad_(not freeze)
    return embedding


def _load_pretrained(embedding: nn.Embedding, dictionary: Dictionary, path: str) -> None:
    """Copy the vectors of the symbols that the dictionary has, line by line: such files are large."""
    if not Path(path).is_file():
        raise UserError(f"no file of pretrained embeddings at {path!r}")
    try:
        with open(path, encoding="utf-8") as lines:
            found = sum(_load_line(line, number, embedding, dictionary, path) for number, line in enumerate(lines))
    except UserError:
        raise
    except ValueError as error:
        raise UserError(f"{path!r} is no text file of embeddings (lines of 'symbol v_1 .. v_E'): {error}") from error
    symbols = len(dictionary) - dictionary.nspecial
    if not found:
        raise UserError(f"{path!r} has a vector for none of the {symbols} symbols: it must be of words as in the data")
    logger.info("%d of %d symbols have a vector in %r", found, symbols, path)


def _load_line(line: str, number: int, embedding: nn.Embedding, dictionary: Dictionary, path: str) -> int:
    """Read one line of a file of vectors into the matrix.

    :returns: how many of the dictionary's own symbols the line gives a vector, 0 or 1.
    """
    symbol, _, rest = line.rstrip().partition(" ")
    size, count = embedding.embedding_dim, rest.count(" ") + 1
    header = number == 0 and count == 1 and symbol.isdigit() and rest.isdigit()
    if header or not symbol or (count == size and symbol not in dictionary.indices):
        return 0
    numbers = rest.split(" ")
    if count > size and not all(map(_is_number, numbers[:-size])):
        return 0  # a symbol with spaces, as ". . ." in GloVe's: no dictionary has one
    vector = torch.tensor([float(word) for word in numbers])
    if count != size:
        raise UserError(f"the vector of {symbol!r} in {path!r} has {count} numbers, but the embedding size is {size}")
    index = dictionary.indices[symbol]
    if index == dictionary.pad():
        return 0
    with torch.no_grad():
        embedding.weight[index] = vector
    return int(index >= dictionary.nspecial)


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
