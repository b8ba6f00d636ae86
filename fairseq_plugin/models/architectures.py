"""Named architectures of ``gru_attention``: what ``--arch NAME`` sets unless an option says otherwise.

``gru_attention_copy``   the reference set-up for the copy task
``rnnsearch``            RNNsearch of Bahdanau, Cho, Bengio 2015 (arXiv 1409.0473), sizes of appendix A.2.3
``rnnencdec``            RNNencdec of the same paper: one direction, and the context is its last state (appendix A.2.2)
``*_small``              the same models with a tenth of the units, for a CPU
"""

from argparse import Namespace
from typing import Any

from fairseq.models import register_model_architecture

from fairseq_plugin.models.gru_attention import MODEL
from fairseq_plugin.models.options import GRUAttentionConfig

COPY = {
    "encoder_embed_dim": 32,
    "decoder_embed_dim": 32,
    "encoder_hidden_size": 64,
    "decoder_hidden_size": 64,
    "attention_dim": 64,
    "readout_dim": 64,
    "dropout": 0.0,
}
PAPER = {"gru_cell": "paper", "readout": "maxout", "readout_state": "previous", "init": "paper", "dropout": 0.0}
RNNSEARCH = {**PAPER, "encoder_bidirectional": True, "decoder_init": "backward"}
RNNENCDEC = {**PAPER, "attention": "none", "decoder_init": "tanh"}
PAPER_SIZES = {
    "encoder_embed_dim": 620,
    "decoder_embed_dim": 620,
    "encoder_hidden_size": 1000,
    "decoder_hidden_size": 1000,
    "attention_dim": 1000,
    "readout_dim": 500,
}
SMALL_SIZES = {name: size // 10 for name, size in PAPER_SIZES.items()}


def fill(args: Namespace, chosen: dict[str, Any]) -> None:
    """Give ``args`` every option of the model that it lacks: what is chosen, else the model's default."""
    for name, value in {**vars(GRUAttentionConfig()), **chosen}.items():
        if not name.startswith("_") and name not in args:  # omegaconf 2.0 gives None for what is not there
            setattr(args, name, value)


@register_model_architecture(MODEL, "gru_attention_copy")
def gru_attention_copy(args: Namespace) -> None:
    """The reference set-up for the copy task: small, one layer, one direction, no dropout."""
    fill(args, COPY)


@register_model_architecture(MODEL, "rnnsearch")
def rnnsearch(args: Namespace) -> None:
    """The paper's model with attention."""
    fill(args, {**RNNSEARCH, **PAPER_SIZES})


@register_model_architecture(MODEL, "rnnencdec")
def rnnencdec(args: Namespace) -> None:
    """The paper's model without attention."""
    fill(args, {**RNNENCDEC, **PAPER_SIZES})


@register_model_architecture(MODEL, "rnnsearch_small")
def rnnsearch_small(args: Namespace) -> None:
    """RNNsearch for a CPU."""
    fill(args, {**RNNSEARCH, **SMALL_SIZES})


@register_model_architecture(MODEL, "rnnencdec_small")
def rnnencdec_small(args: Namespace) -> None:
    """RNNencdec for a CPU."""
    fill(args, {**RNNENCDEC, **SMALL_SIZES})
