"""Small models and batches for tests, from a generator of their own."""

from argparse import Namespace
from types import SimpleNamespace
from typing import Any

import torch
from fairseq.data import Dictionary
from torch import Tensor

from fairseq_plugin.models.architectures import gru_attention_copy
from fairseq_plugin.models.gru_attention import GRUAttentionModel

ON_CPU = torch.get_default_device().type == "cpu"
# Rounding of float32 in the small models of these tests; a GPU's library computes a GRU less exactly.
CLOSE = {"rtol": 1e-6, "atol": 1e-6} if ON_CPU else {"rtol": 1e-4, "atol": 1e-4}
CLOSE_ALONE = {name: 10 * value for name, value in CLOSE.items()}  # another shape of batch, another order of sums
PAD, EOS, FIRST_LETTER = 1, 2, 4


def dictionary(letters: str = "abcdefgh") -> Dictionary:
    symbols = Dictionary()
    for letter in letters:
        symbols.add_symbol(letter)
    return symbols


def task(letters: str = "abcdefgh") -> Any:
    symbols = dictionary(letters)
    return SimpleNamespace(source_dictionary=symbols, target_dictionary=symbols)


def model(seed: int = 0, **options: Any) -> GRUAttentionModel:
    """A tiny model with odd sizes (E 5, H 6, A 7) unless ``options`` say otherwise, in evaluation mode."""
    sizes = {
        "encoder_embed_dim": 5,
        "decoder_embed_dim": 5,
        "encoder_hidden_size": 6,
        "decoder_hidden_size": 6,
        "attention_dim": 7,
        "readout_dim": 9,
    }
    args = Namespace(**{**sizes, **options})
    gru_attention_copy(args)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        built = GRUAttentionModel.build_model(args, task())
        # torch's GRU starts with small biases and v; larger ones make every equation count.
        for parameter in built.parameters():
            parameter.data.mul_(2.0)
    return built.eval()


def generator(seed: int) -> torch.Generator:
    return torch.Generator(torch.get_default_device()).manual_seed(seed)


def sentences(lengths: list[int], seed: int = 0) -> list[list[int]]:
    random = generator(seed)
    return [torch.randint(FIRST_LETTER, FIRST_LETTER + 8, (length,), generator=random).tolist() for length in lengths]


def pad(rows: list[list[int]], *, left: bool = False, width: int | None = None) -> Tensor:
    """(B, N) tokens; ``width`` makes room for more padding than the longest row needs."""
    width = width or max(map(len, rows))
    padding = [[PAD] * (width - len(row)) for row in rows]
    return torch.tensor([p + row if left else row + p for row, p in zip(rows, padding, strict=True)])


def batch(
    lengths: list[int], *, seed: int = 0, left_source: bool = False, left_target: bool = False, extra: int = 0
) -> dict[str, Tensor]:
    """net_input of a copy batch; ``extra`` columns of padding more than needed."""
    letters = sentences(lengths, seed)
    width = max(lengths) + 1 + extra
    return {
        "src_tokens": pad([[*row, EOS] for row in letters], left=left_source, width=width),
        "src_lengths": torch.tensor([length + 1 for length in lengths]),
        "prev_output_tokens": pad([[EOS, *row] for row in letters], left=left_target, width=width),
    }


def true_rows(values: Tensor, tokens: Tensor) -> list[Tensor]:
    """Each row of ``values`` (B, N, ...) at the places where ``tokens`` (B, N) is no padding."""
    return [row[mask] for row, mask in zip(values, tokens.ne(PAD), strict=True)]
