"""The model ``gru_attention``: the wiring of encoder and decoder. Named sizes: architectures.py.

Source of the equations: Bahdanau, Cho, Bengio 2015 (arXiv 1409.0473); see modules/ for each part.
"""

import os
import warnings
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import torch
from fairseq.data import Dictionary
from fairseq.models import FairseqEncoderDecoderModel, register_model
from fairseq.tasks import FairseqTask
from torch import Tensor, nn

from data_gen.errors import UserError
from fairseq_plugin.checkpoints.identity import check_identity, check_parameters, keep_identity, take_identity
from fairseq_plugin.checkpoints.safe_loading import allow_classes_from_first_rank
from fairseq_plugin.models.options import GRUAttentionConfig, check_attention_options, check_config
from fairseq_plugin.models.translation_hub import TranslationHub, check_paths, translation_hub
from fairseq_plugin.modules.attention import ATTENTION, Attention
from fairseq_plugin.modules.attention.none import FROM_FIRST
from fairseq_plugin.modules.bridge import InitialState
from fairseq_plugin.modules.decoder import GRUDecoder
from fairseq_plugin.modules.embedding import build_embedding
from fairseq_plugin.modules.encoder import GRUEncoder
from fairseq_plugin.modules.initialisation import initialise
from fairseq_plugin.modules.readout import Readout
from fairseq_plugin.program import check_processes, reports_user_errors

MODEL = "gru_attention"


@register_model(MODEL, dataclass=GRUAttentionConfig)
class GRUAttentionModel(FairseqEncoderDecoderModel):
    """GRU encoder, GRU decoder and an attention between them."""

    encoder: GRUEncoder
    decoder: GRUDecoder

    @classmethod
    @reports_user_errors
    def build_model(cls, cfg: Any, task: FairseqTask) -> "GRUAttentionModel":
        """Build the model for the dictionaries of ``task``.

        :raises UserError: sizes below 1, a dropout outside [0, 1), or options that contradict one another;
            or processes that know nothing of each other.
        """
        check_processes()
        allow_classes_from_first_rank()
        check_config(cfg)
        check_attention_options(cfg, getattr(task, "cfg", None))
        keep_identity(task)
        source_embedding, target_embedding = _build_embeddings(cfg, task.source_dictionary, task.target_dictionary)
        encoder = GRUEncoder(
            task.source_dictionary,
            source_embedding,
            hidden_size=cfg.encoder_hidden_size,
            num_layers=cfg.encoder_layers,
            bidirectional=cfg.encoder_bidirectional,
            dropout=cfg.dropout,
            fused=str(cfg.recurrence) != "naive",
            gru_cell=str(cfg.gru_cell),
            float32_matmul_precision=str(cfg.float32_matmul_precision),
        )
        attention = _build_attention(cfg, encoder.output_units)
        initial_state = InitialState(
            str(cfg.decoder_init),
            encoder_units=encoder.output_units,
            hidden_size=cfg.decoder_hidden_size,
            num_layers=cfg.decoder_layers,
            bidirectional=cfg.encoder_bidirectional,
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
                state=str(cfg.readout_state),
                dropout=cfg.dropout,
            ),
            dropout=cfg.dropout,
            share_input_output_embed=cfg.share_decoder_input_output_embed or cfg.share_all_embeddings,
            recurrence=str(cfg.recurrence),
            gru_cell=str(cfg.gru_cell),
            float32_matmul_precision=str(cfg.float32_matmul_precision),
        )
        model = cls(encoder, decoder)
        initialise(model, str(cfg.init))
        return model

    @classmethod
    def from_pretrained(
        cls,
        model_name_or_path: str | PathLike[str],
        checkpoint_file: str | PathLike[str] = "model.pt",
        data_name_or_path: str | PathLike[str] = ".",
        **kwargs: Any,
    ) -> Any:
        """Load a trained model for use from Python; see fairseq.

        It takes raw text if a sentencepiece model lies beside the data (as ``python -m data_gen text`` puts it) or
        beside the checkpoint, unless ``bpe`` is given.

        :raises UserError: there is no folder, checkpoint or dataset of that name.
        """
        folder, checkpoint, data = fspath(model_name_or_path), fspath(checkpoint_file), fspath(data_name_or_path)
        check_paths(folder, checkpoint, data)
        hub = super().from_pretrained(folder, checkpoint, data, **kwargs)
        return translation_hub(hub, None if "bpe" in kwargs else folder)

    @reports_user_errors
    def load_state_dict(self, state_dict: dict[str, Tensor], strict: bool = True, *args: Any, **kwargs: Any) -> Any:
        """Load parameters; see fairseq.

        :param strict: False for a part of the parameters, or for fairseq's moving average, after each update.
        :raises UserError: the checkpoint was made with dictionaries or sizes other than this model's.
        """
        parameters, digests = take_identity(state_dict)
        two_ends = getattr(self.decoder.attention, FROM_FIRST, None) is not None
        if two_ends and "decoder.cell.weight_ih" in parameters:  # a decoder of version 1.0.0 read the last place only
            parameters.setdefault(f"decoder.attention.{FROM_FIRST}", torch.zeros(self.encoder.output_units))
        if strict:
            check_parameters(self, parameters)
        check_identity(self, digests)
        return super().load_state_dict(parameters, strict, *args, **kwargs)


def load(path: str | PathLike[str], data: str | PathLike[str]) -> TranslationHub:
    """Load a trained model, as :meth:`GRUAttentionModel.from_pretrained` does.

    :param path: of the checkpoint.
    :param data: the folder of the dataset that the model was trained with.
    :returns: what translates: ``load(path, data).translate("a b c", return_attention=True)``.
    :raises UserError: there is no checkpoint or dataset of that name, or the checkpoint is damaged.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # hydra's deprecations, meant for the authors of fairseq
        folder = fspath(data)
        if folder.startswith("."):  # which from_pretrained means from the folder of the checkpoint
            folder = os.path.abspath(folder)  # noqa: PTH100 - as fairseq spells it, symlinks unresolved
        return GRUAttentionModel.from_pretrained(Path(path).parent, Path(path).name, folder)


def _build_attention(cfg: Any, value_dim: int) -> Attention:
    kind = ATTENTION[str(cfg.attention)]
    options: dict[str, Any] = {name: getattr(cfg, name) for name in kind.options + kind.shared_options}
    return kind(query_dim=cfg.decoder_hidden_size, value_dim=value_dim, attention_dim=cfg.attention_dim, **options)


def _build_embeddings(cfg: Any, source: Dictionary, target: Dictionary) -> tuple[nn.Embedding, nn.Embedding]:
    if cfg.share_all_embeddings and source != target:
        raise UserError(
            f"--share-all-embeddings needs one dictionary, but source ({len(source)} symbols) and target "
            f"({len(target)} symbols) differ: make the data with a joined dictionary, as data_gen text --joined does"
        )
    source_embedding = build_embedding(
        source, cfg.encoder_embed_dim, path=cfg.encoder_embed_path, freeze=cfg.encoder_freeze_embed, init=str(cfg.init)
    )
    if cfg.share_all_embeddings:
        return source_embedding, source_embedding
    target_embedding = build_embedding(
        target, cfg.decoder_embed_dim, path=cfg.decoder_embed_path, freeze=cfg.decoder_freeze_embed, init=str(cfg.init)
    )
    return source_embedding, target_embedding
