"""The model ``gru_attention``: options, named architectures and the wiring of encoder and decoder.

Source of the equations: Bahdanau, Cho, Bengio 2015 (arXiv 1409.0473); see modules/ for each part.
"""

from argparse import Namespace
from dataclasses import dataclass, field
from typing import Any, Optional

import torch
from fairseq.data import Dictionary
from fairseq.dataclass import ChoiceEnum, FairseqDataclass
from fairseq.models import FairseqEncoderDecoderModel, register_model, register_model_architecture
from fairseq.tasks import FairseqTask
from torch import Tensor, nn

from data_gen.errors import UserError
from fairseq_plugin.cli_errors import reports_user_errors
from fairseq_plugin.models.places import check_places
from fairseq_plugin.modules.attention import ATTENTION, Attention
from fairseq_plugin.modules.decoder import GRUDecoder
from fairseq_plugin.modules.dictionary_digest import NAME as DIGEST
from fairseq_plugin.modules.embedding import build_embedding
from fairseq_plugin.modules.encoder import GRUEncoder
from fairseq_plugin.modules.initial_state import DECODER_INIT, InitialState
from fairseq_plugin.modules.initialisation import initialise
from fairseq_plugin.modules.readout import READOUT, Readout
from fairseq_plugin.modules.recurrence import AUTO, RECURRENCE


@dataclass
class GRUAttentionConfig(FairseqDataclass):
    """Options of ``gru_attention``."""

    dropout: float = field(
        default=0.1, metadata={"help": "dropout on embeddings, between layers, on annotations and before the output"}
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
        metadata={"help": "first decoder state: the encoder's last true state, tanh of a projection of it, or zero"},
    )
    attention: ChoiceEnum(list(ATTENTION)) = field(  # type: ignore[valid-type]
        default="additive",
        metadata={
            "help": "score that compares the decoder state with the annotations; none: a fixed summary of the source"
        },
    )
    attention_dim: int = field(default=512, metadata={"help": "units of the attention network (A)"})
    input_feeding: bool = field(
        default=False, metadata={"help": "dot, general, concat: each step also reads the attentional vector before it"}
    )
    location_kernel: int = field(
        default=31, metadata={"help": "location: source tokens that a filter over the previous weights spans, odd"}
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
    share_decoder_input_output_embed: bool = field(
        default=False, metadata={"help": "use the target embedding as output matrix"}
    )
    share_all_embeddings: bool = field(
        default=False, metadata={"help": "one matrix for source, target and output (needs one dictionary)"}
    )
    recurrence: ChoiceEnum([AUTO, *RECURRENCE]) = field(  # type: ignore[valid-type]
        default=AUTO,
        metadata={"help": "how the recurrences are computed; auto: the fastest that knows the attention"},
    )


@register_model("gru_attention", dataclass=GRUAttentionConfig)
class GRUAttentionModel(FairseqEncoderDecoderModel):
    """GRU encoder, GRU decoder and an attention between them."""

    encoder: GRUEncoder
    decoder: GRUDecoder

    @classmethod
    @reports_user_errors
    def build_model(cls, cfg: Any, task: FairseqTask) -> "GRUAttentionModel":
        """Build the model for the dictionaries of ``task``.

        :raises UserError: sizes below 1, a dropout outside [0, 1), or options that contradict one another.
        """
        check_config(cfg)
        check_attention_options(cfg)
        source_embedding, target_embedding = _build_embeddings(cfg, task.source_dictionary, task.target_dictionary)
        encoder = GRUEncoder(
            task.source_dictionary,
            source_embedding,
            hidden_size=cfg.encoder_hidden_size,
            num_layers=cfg.encoder_layers,
            bidirectional=cfg.encoder_bidirectional,
            dropout=cfg.dropout,
            fused=str(cfg.recurrence) != "naive",
        )
        attention = _build_attention(cfg, encoder.output_units)
        initial_state = InitialState(
            str(cfg.decoder_init),
            encoder_units=encoder.output_units,
            hidden_size=cfg.decoder_hidden_size,
            num_layers=cfg.decoder_layers,
        )
        decoder = GRUDecoder(
            task.target_dictionary,
            target_embedding,
            attention=attention,
            initial_state=initial_state,
            readout=Readout(
                str(cfg.readout),
                state_dim=cfg.decoder_hidden_size,
                embed_dim=cfg.decoder_embed_dim,
                context_dim=encoder.output_units,
                features=cfg.readout_dim,
            ),
            dropout=cfg.dropout,
            share_input_output_embed=cfg.share_decoder_input_output_embed or cfg.share_all_embeddings,
            recurrence=str(cfg.recurrence),
        )
        model = cls(encoder, decoder)
        initialise(model)
        return model

    @classmethod
    def from_pretrained(
        cls,
        model_name_or_path: str,
        checkpoint_file: str = "model.pt",
        data_name_or_path: str = ".",
        **kwargs: Any,
    ) -> Any:
        """Load a trained model for use from Python; see fairseq.

        It takes raw text if a sentencepiece model lies beside the data (as ``python -m data_gen text`` puts it) or
        beside the checkpoint, unless ``bpe`` is given.

        :raises UserError: there is no folder, checkpoint or dataset of that name.
        """
        check_places(model_name_or_path, checkpoint_file, data_name_or_path)
        hub = super().from_pretrained(model_name_or_path, checkpoint_file, data_name_or_path, **kwargs)
        from fairseq_plugin.models.translation_hub import translation_hub  # what it imports takes time to load

        return translation_hub(hub, None if "bpe" in kwargs else model_name_or_path)

    @reports_user_errors
    def load_state_dict(self, state_dict: dict[str, Tensor], *args: Any, **kwargs: Any) -> Any:
        """Load parameters; see fairseq.

        :raises UserError: the checkpoint was made with dictionaries or sizes other than this model's.
        """
        for part in ("encoder", "decoder"):  # parameters from elsewhere come without fingerprints
            state_dict.setdefault(f"{part}.{DIGEST}", getattr(self, part).dictionary_digest)
        check_parameters(self, state_dict)
        return super().load_state_dict(state_dict, *args, **kwargs)


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
    if not 0.0 <= cfg.dropout < 1.0:
        raise UserError(f"--dropout must be at least 0 and below 1, but is {cfg.dropout}")
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


def check_attention_options(cfg: Any) -> None:
    """Refuse options of other attentions than the chosen one, which would be without effect.

    :raises UserError: naming the option and the attentions that read it.
    """
    chosen, defaults = str(cfg.attention), GRUAttentionConfig()
    for name in sorted({option for attention in ATTENTION.values() for option in attention.options}):
        readers = [kind for kind, attention in ATTENTION.items() if name in attention.options]
        if chosen not in readers and getattr(cfg, name) != getattr(defaults, name):
            raise UserError(
                f"--{name.replace('_', '-')} is for --attention {', '.join(readers)}, but --attention is {chosen}: "
                "leave it out"
            )


def check_parameters(model: nn.Module, state_dict: dict[str, Tensor]) -> None:
    """Compare the parameters of a checkpoint with those of the model built for it.

    :raises UserError: naming the first parameter that differs; a missing or surplus name is left to torch.
    """
    for name, parameter in model.state_dict().items():
        saved = state_dict.get(name)
        if saved is None or saved.shape == parameter.shape:
            continue
        if name.endswith("embed_tokens.weight") and saved.shape[1:] == parameter.shape[1:]:
            side = "source" if name.startswith("encoder") else "target"
            raise UserError(
                f"the checkpoint knows {saved.shape[0]} {side} symbols, but the dictionary has {parameter.shape[0]}: "
                "use the data folder (dict.*.txt) that the checkpoint was trained with"
            )
        raise UserError(
            f"parameter {name} is {tuple(saved.shape)} in the checkpoint, but {tuple(parameter.shape)} in the model: "
            "use the options that the checkpoint was trained with"
        )
    for side, part in (("source", "encoder"), ("target", "decoder")):
        name = f"{part}.{DIGEST}"
        if not torch.equal(state_dict[name].cpu(), model.state_dict()[name].cpu()):
            raise UserError(
                f"the {side} dictionary has other symbols than the one that the checkpoint was trained with: "
                "use the data folder (dict.*.txt) that it was trained with"
            )


def _build_attention(cfg: Any, value_dim: int) -> Attention:
    kind = ATTENTION[str(cfg.attention)]
    options: dict[str, Any] = {name: getattr(cfg, name) for name in kind.options}
    return kind(query_dim=cfg.decoder_hidden_size, value_dim=value_dim, attention_dim=cfg.attention_dim, **options)


def _build_embeddings(cfg: Any, source: Dictionary, target: Dictionary) -> tuple[nn.Embedding, nn.Embedding]:
    if cfg.share_all_embeddings and source != target:
        raise UserError(
            f"--share-all-embeddings needs one dictionary, but source ({len(source)} symbols) and target "
            f"({len(target)} symbols) differ: make the data with a joined dictionary"
        )
    source_embedding = build_embedding(
        source, cfg.encoder_embed_dim, path=cfg.encoder_embed_path, freeze=cfg.encoder_freeze_embed
    )
    if cfg.share_all_embeddings:
        return source_embedding, source_embedding
    target_embedding = build_embedding(
        target, cfg.decoder_embed_dim, path=cfg.decoder_embed_path, freeze=cfg.decoder_freeze_embed
    )
    return source_embedding, target_embedding


@register_model_architecture("gru_attention", "gru_attention_copy")
def gru_attention_copy(args: Namespace) -> None:
    """The reference set-up for the copy task: small, one layer, one direction, no dropout."""
    defaults = {
        "encoder_embed_dim": 32,
        "decoder_embed_dim": 32,
        "encoder_hidden_size": 64,
        "decoder_hidden_size": 64,
        "attention_dim": 64,
        "readout_dim": 64,
        "dropout": 0.0,
    }
    for name, value in {**vars(GRUAttentionConfig()), **defaults}.items():
        if not name.startswith("_"):
            setattr(args, name, getattr(args, name, value))
