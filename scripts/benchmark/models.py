"""The plugin's model and the textbook's at a setting, and batches for them without padding."""

from argparse import Namespace
from types import SimpleNamespace
from typing import Any

import torch
from fairseq.data import Dictionary
from torch import Tensor

from fairseq_plugin.models.architectures import gru_attention_copy
from fairseq_plugin.models.gru_attention import GRUAttentionModel
from scripts.benchmark.settings import SPECIAL_SYMBOLS, Setting
from scripts.benchmark.textbook import Textbook

PAD, EOS = 1, 2


def task(setting: Setting) -> Any:
    """As much of a fairseq task as models and criterions read."""
    symbols = Dictionary()
    for number in range(setting.symbols - len(symbols)):
        symbols.add_symbol(f"s{number}")
    return SimpleNamespace(source_dictionary=symbols, target_dictionary=symbols)


def our_model(setting: Setting, recurrence: str = "auto") -> GRUAttentionModel:
    """The plugin's model."""
    args = Namespace(
        encoder_embed_dim=setting.embed,
        decoder_embed_dim=setting.embed,
        encoder_hidden_size=setting.encoder_hidden,
        encoder_bidirectional=setting.directions == 2,
        decoder_hidden_size=setting.hidden,
        attention_dim=setting.attention,
        recurrence=recurrence,
    )
    gru_attention_copy(args)
    torch.manual_seed(1)
    return GRUAttentionModel.build_model(args, task(setting))


def textbook_model(setting: Setting) -> Textbook:
    """The textbook's model of the same sizes."""
    torch.manual_seed(1)
    return Textbook(
        setting.symbols,
        setting.embed,
        setting.hidden,
        setting.attention,
        directions=setting.directions,
        pad=PAD,
    )


def batch(setting: Setting) -> dict[str, Any]:
    """A batch as fairseq hands it to a criterion: random symbols, every row full."""
    torch.manual_seed(2)

    def symbols(length: int) -> Tensor:
        return torch.randint(SPECIAL_SYMBOLS, setting.symbols, (setting.batch, length))

    target = symbols(setting.target)
    previous = torch.cat([torch.full((setting.batch, 1), EOS), target[:, :-1]], dim=1)
    source = symbols(setting.source)
    return {
        "net_input": {
            "src_tokens": source,
            "src_lengths": torch.full((setting.batch,), setting.source),
            "prev_output_tokens": previous,
        },
        "target": target,
        "ntokens": target.numel(),
        "nsentences": setting.batch,
    }
