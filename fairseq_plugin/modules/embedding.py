"""Embedding matrices, fresh or pretrained."""

from pathlib import Path

from fairseq import utils
from fairseq.data import Dictionary
from torch import nn

from data_gen.errors import UserError
from fairseq_plugin.modules.initialisation import initialise_embedding


def build_embedding(
    dictionary: Dictionary, embed_dim: int, *, path: str | None = None, freeze: bool = False, init: str = "glorot"
) -> nn.Embedding:
    """A (V, E) embedding for the symbols of ``dictionary``; the padding symbol is the zero vector.

    :param path: text file of pretrained vectors: a first line "count size", then "symbol v_1 .. v_E" a line.
        Symbols it lacks keep their random vector.
    :param init: how its random vectors are drawn: a name in ``INIT``.
    :param freeze: leave the vectors as they are in training.
    :raises UserError: a missing file, or vectors of another size.
    """
    embedding = nn.Embedding(len(dictionary), embed_dim, padding_idx=dictionary.pad())
    initialise_embedding(embedding, init)
    if path is not None:
        _load_pretrained(embedding, dictionary, path)
    embedding.weight.requires_grad_(not freeze)
    return embedding


def _load_pretrained(embedding: nn.Embedding, dictionary: Dictionary, path: str) -> None:
    if not Path(path).is_file():
        raise UserError(f"no file of pretrained embeddings at {path!r}")
    try:
        vectors = utils.parse_embedding(path)
    except (ValueError, IndexError, StopIteration) as error:
        raise UserError(
            f"{path!r} is no text file of embeddings (first line 'count size', then 'symbol v_1 .. v_E'): "
            f"{error or 'it is empty'}"
        ) from error
    for symbol, vector in vectors.items():
        if vector.numel() != embedding.embedding_dim:
            raise UserError(
                f"the vector of {symbol!r} in {path!r} has {vector.numel()} numbers, "
                f"but the embedding size is {embedding.embedding_dim}"
            )
    utils.load_embedding(vectors, dictionary, embedding)
