"""The options of ``gru_attention``, and what of them makes no sense together."""

from dataclasses import dataclass, field
from typing import Any, Optional

from fairseq.dataclass import ChoiceEnum, FairseqDataclass

from data_gen.errors import UserError
from fairseq_plugin.modules.attention import ATTENTION, LuongAttention
from fairseq_plugin.modules.bridge import DECODER_INIT
from fairseq_plugin.modules.encoder import UNLIMITED
from fairseq_plugin.modules.gru_units import GRU_CELL
from fairseq_plugin.modules.initialisation import INIT
from fairseq_plugin.modules.precision import FLOAT32_MATMUL_PRECISION, HIGHEST
from fairseq_plugin.modules.readout import READOUT, READOUT_STATE
from fairseq_plugin.modules.recurrence import AUTO, RECURRENCE


@dataclass
class GRUAttentionConfig(FairseqDataclass):
    """Options of ``gru_attention``."""

    dropout: float = field(
        default=0.1,
        metadata={
            "help": "dropout on embeddings, between layers, on annotations, on the state that a readout layer mixes, "
            "and before the output"
        },
    )
    encoder_embed_dim: int = field(default=256, metadata={"help": "size of source embeddings (E)"})
    encoder_embed_path: Optional[str] = field(
        default=None, metadata={"help": "text file of pretrained source embeddings (word2vec / GloVe layout)"}
    )
    encoder_freeze_embed: bool = field(default=False, metadata={"help": "do not train source embeddings"})
    encoder_hidden_size: int = field(default=512, metadata={"help": "encoder units per direction"})
    encoder_layers: int = field(default=1, metadata={"help": "encoder layers"})
    encoder_bidirectional: bool = field(default=False, metadata={"help": "read the source in both directions"})
    decoder_embed_dim: int = field(default=256, metadata={"help": "size of target embeddings (E)"})
    decoder_embed_path: Optional[str] = field(
        default=None, metadata={"help": "text file of pretrained target embeddings (word2vec / GloVe layout)"}
    )
    decoder_freeze_embed: bool = field(default=False, metadata={"help": "do not train target embeddings"})
    decoder_hidden_size: int = field(default=512, metadata={"help": "decoder units (H)"})
    decoder_layers: int = field(default=1, metadata={"help": "decoder layers; the first one attends"})
    decoder_init: ChoiceEnum(DECODER_INIT) = field(  # type: ignore[valid-type]
        default="last",
        metadata={
            "help": "first decoder state: the encoder's last true state (last), tanh of a projection of that state "
            "(tanh) or of its backward part alone (backward), or zero"
        },
    )
    gru_cell: ChoiceEnum(list(GRU_CELL)) = field(  # type: ignore[valid-type]
        default="torch",
        metadata={"help": "GRU of encoder and decoder: torch, or paper, which resets before the product"},
    )
    attention: ChoiceEnum(list(ATTENTION)) = field(  # type: ignore[valid-type]
        default="additive",
        metadata={
            "help": "score that compares the decoder state with the annotations; none: a fixed summary of the source"
        },
    )
    attention_dim: int = field(default=512, metadata={"help": "units of the attention network (A)"})
    input_feeding: bool = field(
        default=False,
        metadata={"help": "dot, general, concat: each step also reads the attentional vector of the previous step"},
    )
    location_kernel: int = field(
        default=31, metadata={"help": "location: source tokens in a filter over the previous weights; an odd number"}
    )
    location_channels: int = field(default=10, metadata={"help": "location: number of these filters"})
    sharpening: float = field(
        default=1.0, metadata={"help": "location: inverse temperature of the weights, sharper above 1"}
    )
    query_dropout: float = field(default=0.0, metadata={"help": "ntm: dropout on the state that the attention reads"})
    readout: ChoiceEnum(READOUT) = field(  # type: ignore[valid-type]
        default="state",
        metadata={
            "help": "what the output matrix reads: the decoder's state, or a layer (tanh or maxout) over state, "
            "previous word and context"
        },
    )
    readout_dim: int = field(default=512, metadata={"help": "units of that layer (R)"})
    readout_state: ChoiceEnum(READOUT_STATE) = field(  # type: ignore[valid-type]
        default="current",
        metadata={"help": "the state that the layer reads: current, or previous, the state of the previous step"},
    )
    share_decoder_input_output_embed: bool = field(
        default=False, metadata={"help": "use the target embedding as output matrix"}
    )
    share_all_embeddings: bool = field(
        default=False, metadata={"help": "one matrix for source, target and output (needs one dictionary)"}
    )
    init: ChoiceEnum(INIT) = field(  # type: ignore[valid-type]
        default="glorot",
        metadata={"help": "first values of the parameters: Glorot's (glorot), or the values of the paper"},
    )
    recurrence: ChoiceEnum([AUTO, *RECURRENCE]) = field(  # type: ignore[valid-type]
        default=AUTO,
        metadata={
            "help": "how the recurrences are computed; auto: the fastest way that works with the attention and the GRU"
        },
    )
    float32_matmul_precision: ChoiceEnum(list(FLOAT32_MATMUL_PRECISION)) = field(  # type: ignore[valid-type]
        default=HIGHEST,
        metadata={
            "help": "how exact large float32 products are, in torch's words; medium: bfloat16 on a processor that "
            "has it, TF32 on a GPU; high: TF32 on a GPU"
        },
    )


def check_config(cfg: Any) -> None:
    """Refuse option values that no model can be built from.

    :raises UserError: naming the option, its value and what is allowed.
    """
    for name in (
        "encoder_embed_dim",
        "encoder_hidden_size",
        "encoder_layers",
        "decoder_embed_dim",
        "decoder_hidden_size",
        "decoder_layers",
        "attention_dim",
        "readout_dim",
    ):
        if getattr(cfg, name) < 1:
            raise UserError(f"--{name.replace('_', '-')} must be at least 1, but is {getattr(cfg, name)}")
        if getattr(cfg, name) > UNLIMITED:
            raise UserError(f"--{name.replace('_', '-')} must be at most {UNLIMITED}, but is {getattr(cfg, name)}")
    if not 0.0 <= cfg.dropout < 1.0:
        raise UserError(f"--dropout must be at least 0 and below 1, but is {cfg.dropout}")
    if str(cfg.float32_matmul_precision) not in FLOAT32_MATMUL_PRECISION:
        raise UserError(
            f"no --float32-matmul-precision called {str(cfg.float32_matmul_precision)!r}: choose one of "
            f"{', '.join(FLOAT32_MATMUL_PRECISION)}"
        )
    if str(cfg.readout_state) == "previous" and issubclass(ATTENTION[str(cfg.attention)], LuongAttention):
        raise UserError(
            "--readout-state previous is for attention that looks back with the previous state, but --attention "
            f"{cfg.attention} uses the new one: leave it out"
        )
    if str(cfg.init) == "paper" and str(cfg.attention) == "normed":
        raise UserError(
            "--init paper starts v at 0, but --attention normed divides by its length: "
            "use --init glorot or --attention additive"
        )
    if cfg.share_all_embeddings:
        if cfg.encoder_embed_dim != cfg.decoder_embed_dim:
            raise UserError(
                "--share-all-embeddings needs one embedding size, but --encoder-embed-dim is "
                f"{cfg.encoder_embed_dim} and --decoder-embed-dim {cfg.decoder_embed_dim}"
            )
        if cfg.decoder_embed_path not in (None, cfg.encoder_embed_path):
            raise UserError(
                "--share-all-embeddings reads --encoder-embed-path alone, but --decoder-embed-path is "
                f"{cfg.decoder_embed_path!r}: leave it out"
            )


def check_attention_options(cfg: Any, task_cfg: Any = None) -> None:
    """Refuse options of other attentions than the chosen one, which would be without effect.

    :param task_cfg: options of the task, among which may be fairseq's ``load_alignments``.
    :raises UserError: naming the option and the attentions that read it.
    """
    chosen, defaults = str(cfg.attention), GRUAttentionConfig()
    if getattr(task_cfg, "load_alignments", False) and not ATTENTION[chosen].looks_back:
        raise UserError(
            f"--load-alignments guides the attention, but with --attention {chosen} there is none: "
            "leave it out, or choose another attention"
        )
    for name in sorted({option for attention in ATTENTION.values() for option in attention.options}):
        readers = [kind for kind, attention in ATTENTION.items() if name in attention.options]
        if chosen not in readers and getattr(cfg, name) != getattr(defaults, name):
            raise UserError(
                f"--{name.replace('_', '-')} is for --attention {', '.join(readers)}, but --attention is {chosen}: "
                "leave it out"
            )
