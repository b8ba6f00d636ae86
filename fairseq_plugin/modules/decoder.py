"""GRU decoder with attention: s_t = GRU([emb(y_{t-1}); c_t], s_{t-1}), logits_t = W_o s_t + b_o.

Source: Bahdanau, Cho, Bengio 2015 (arXiv 1409.0473), section 3.1; what W_o reads besides s_t: see readout.py.
Attention that looks back with s_t (Luong et al. 2015) puts h~_t in its place: see attention/luong.py.
"""

from collections.abc import Callable
from typing import Any

import torch
from fairseq.data import Dictionary
from fairseq.models import FairseqIncrementalDecoder
from fairseq.modules import FairseqDropout
from torch import Tensor, nn

from fairseq_plugin.modules.attention import Attention
from fairseq_plugin.modules.bridge import InitialState
from fairseq_plugin.modules.encoder import UNLIMITED, EncoderOut, true_padding
from fairseq_plugin.modules.gru_units import GRU_CELL, any_device
from fairseq_plugin.modules.initialisation import initialise_output
from fairseq_plugin.modules.padding import PaddingLayout
from fairseq_plugin.modules.precision import HIGHEST, in_own_precision
from fairseq_plugin.modules.products import RepeatedLinear, linear
from fairseq_plugin.modules.readout import Readout
from fairseq_plugin.modules.recurrence import AUTO, Memory, Past, choose_recurrence

Head = Callable[[Tensor, Tensor, Tensor | None], Any]
Extra = dict[str, list[Tensor] | None]
IncrementalState = dict[str, dict[str, Tensor | None]]


class GRUDecoder(FairseqIncrementalDecoder):
    """Predicts the next target token from the previous ones and the encoded source.

    The first layer attends; further layers are plain GRUs over its states.

    :param dictionary: target symbols.
    :param embed_tokens: (V, E) embedding.
    :param attention: attention of the first layer, with the previous state as query, or with the new one.
    :param initial_state: makes s_0 of every layer.
    :param readout: makes the features of a target step.
    :param dropout: on embeddings, between layers and before the output layer; ``readout`` has its own.
    :param share_input_output_embed: use the embedding as output matrix.
    :param recurrence: how the first layer is computed: a name in ``RECURRENCE``, or ``auto``.
    :param gru_cell: which unit the layers are made of: a name in ``GRU_CELL``.
    :param float32_matmul_precision: of large products: see precision.py.
    """

    def __init__(
        self,
        dictionary: Dictionary,
        embed_tokens: nn.Embedding,
        *,
        attention: Attention,
        initial_state: InitialState,
        readout: Readout,
        dropout: float = 0.0,
        share_input_output_embed: bool = False,
        recurrence: str = AUTO,
        gru_cell: str = "torch",
        float32_matmul_precision: str = HIGHEST,
    ) -> None:
        super().__init__(dictionary)
        self.padding_idx = dictionary.pad()
        self.float32_matmul_precision = float32_matmul_precision
        self.embed_tokens = embed_tokens
        self.attention = attention
        self.initial_state = initial_state
        self.readout = readout
        self.dropout = FairseqDropout(dropout, module_name=self.__class__.__name__)
        kind = GRU_CELL[gru_cell]
        self.recurrence = choose_recurrence(recurrence, attention, kind.cell)

        embed_dim, hidden_size = embed_tokens.embedding_dim, initial_state.hidden_size
        self.cell = kind.cell(embed_dim + attention.fed_dim, hidden_size)
        upper_layers = initial_state.num_layers - 1
        self.upper = (
            kind.layers(hidden_size, hidden_size, num_layers=upper_layers, dropout=dropout if upper_layers > 1 else 0.0)
            if upper_layers
            else None
        )
        # A shared output matrix reads features of embedding size.
        self.to_embedding = (
            nn.Linear(readout.features, embed_dim, bias=False)
            if share_input_output_embed and embed_dim != readout.features
            else None
        )
        self.output_projection = (
            None if share_input_output_embed else nn.Linear(readout.features, embed_tokens.num_embeddings)
        )
        if self.output_projection is not None:
            initialise_output(self.output_projection)

    @in_own_precision
    def forward(
        self,
        prev_output_tokens: Tensor,
        encoder_out: EncoderOut,
        incremental_state: IncrementalState | None = None,
        features_only: bool = False,
        head: Head | None = None,
        **unused: Any,
    ) -> tuple[Any, Extra]:
        """Logits of the next tokens and the attention that led to them.

        :param prev_output_tokens: (B, T); while decoding step by step only the last column is read.
        :param encoder_out: what :class:`GRUEncoder` returned.
        :param incremental_state: fairseq's cache of a decoding run; None when all target tokens are given at once.
        :param features_only: leave the output layer out.
        :param head: takes the place of the output layer; called with its features (B, T, .), matrix and bias.
        :returns: logits (B, T, V), or features, or what ``head`` returned; and {"attn": [weights (B, T, S)]} in the
            layout of src_tokens, or {"attn": None} from a decoder that does not look back. All are contiguous and share
            no storage with what ``incremental_state`` holds.
        """
        features, extra = self.extract_features(prev_output_tokens, encoder_out, incremental_state)
        if head is not None:
            return head(self.output_features(features), *self.output_weights()), extra
        if features_only:
            return features, extra
        if incremental_state is None or torch.is_grad_enabled():
            return self.output_layer(features), extra
        return self._step_output(features, incremental_state), extra

    @in_own_precision
    def extract_features(
        self,
        prev_output_tokens: Tensor,
        encoder_out: EncoderOut,
        incremental_state: IncrementalState | None = None,
        **unused: Any,
    ) -> tuple[Tensor, Extra]:
        """Like :meth:`forward` without the output layer: features (B, T, R)."""
        cached = self.get_incremental_state(incremental_state, "decoder")
        recurrence = self.recurrence.run if incremental_state is None else self.recurrence.step
        if cached is not None:
            state, memory, past = _uncache(cached)
            prev_output_tokens = prev_output_tokens[:, -1:]
        else:
            (state, memory), past = self._start(encoder_out), Past()
            if incremental_state is not None:
                memory = self.recurrence.prepare(self.cell, self.attention, memory, self.readout.reads_contexts)

        layout = PaddingLayout(prev_output_tokens.eq(self.padding_idx))
        embedded = self.dropout(self.embed_tokens(layout.to_right_padded(prev_output_tokens)))  # (B, T, E)
        out = recurrence(self.cell, self.attention, embedded, state[0], memory, past)
        states, final = out.outputs(), [out.states[:, -1:].transpose(0, 1)]  # (B, T, H), (1, B, H)
        if self.upper is not None:
            with any_device(states, self.training):
                states, upper_final = self.upper(self.dropout(states), state[1:].contiguous())
            final.append(upper_final)
        if incremental_state is not None:
            past = out.past(self.attention)
            self.set_incremental_state(incremental_state, "decoder", _cache(torch.cat(final), memory, past))

        features = self.dropout(self.readout(states, embedded, out.contexts, start=state[-1]))
        # Criterions and generators of fairseq's flatten both with ``view``, and average the weights in place.
        attn = [layout.to_given(out.weights).contiguous()] if self.attention.looks_back else None
        return layout.to_given(features).contiguous(), {"attn": attn}

    @in_own_precision
    def output_layer(self, features: Tensor, **unused: Any) -> Tensor:
        """Logits (..., V) from features (..., R)."""
        return linear(self.output_features(features), *self.output_weights())

    def _step_output(self, features: Tensor, incremental_state: IncrementalState) -> Tensor:
        """:meth:`output_layer` for a decoding run, the first step of which prepares the output matrix for all."""
        features = self.output_features(features)
        kept: Any = self.get_incremental_state(incremental_state, "output")
        if kept is None:
            kept = {"linear": RepeatedLinear(*self.output_weights(), like=features)}
            self.set_incremental_state(incremental_state, "output", kept)
        logits: Tensor = kept["linear"](features)
        return logits

    def output_features(self, features: Tensor) -> Tensor:
        """What the output matrix is multiplied with, from features (..., R)."""
        return features if self.to_embedding is None else self.to_embedding(features)

    def output_weights(self) -> tuple[Tensor, Tensor | None]:
        """Output matrix and bias (V,); a shared embedding has no bias."""
        if self.output_projection is None:
            return self.embed_tokens.weight, None
        return self.output_projection.weight, self.output_projection.bias

    def _start(self, encoder_out: EncoderOut) -> tuple[Tensor, Memory]:
        """State s_0 (L, B, H) and memory before the first target step."""
        values = encoder_out["encoder_out"][0]  # (N, S, C)
        rows = encoder_out["rows"][0] if encoder_out["rows"] else None
        memory = Memory(
            keys=self.attention.project_keys(values),
            values=values,
            padding_mask=true_padding(encoder_out["encoder_padding_mask"][0]),
            rows=rows,
        )
        state = self.initial_state(encoder_out["encoder_states"][0])  # (L, N, H)
        return (state if rows is None else state.index_select(1, rows)), memory

    def reorder_incremental_state(self, incremental_state: IncrementalState, new_order: Tensor) -> None:
        """Follow beam search: row b becomes what row ``new_order[b]`` was; the batch may shrink."""
        cached = self.get_incremental_state(incremental_state, "decoder")
        if cached is None:
            return
        state, memory, past = _uncache(cached)
        rows = new_order if memory.rows is None else memory.rows.index_select(0, new_order)
        state, memory, past = state.index_select(1, new_order), _drop_finished(memory, rows), past.reordered(new_order)
        self.set_incremental_state(incremental_state, "decoder", _cache(state, memory, past))

    def max_positions(self) -> int:
        """A recurrent network writes any length."""
        return UNLIMITED


def _drop_finished(memory: Memory, rows: Tensor) -> Memory:
    """The memory for these rows, without the sentences that none of them reads any more."""
    if memory.rows is not None and rows.numel() == memory.rows.numel():
        return memory._replace(rows=rows)
    sentences, rows = torch.unique(rows, return_inverse=True)
    mask = memory.padding_mask
    return Memory(
        keys=memory.keys.index_select(0, sentences),
        values=memory.values.index_select(0, sentences),
        padding_mask=None if mask is None else mask.index_select(0, sentences),
        rows=rows,
    )


def _cache(state: Tensor, memory: Memory, past: Past) -> dict[str, Tensor | None]:
    return {"state": state, **memory._asdict(), **past._asdict()}


def _uncache(cached: dict[str, Tensor | None]) -> tuple[Tensor, Memory, Past]:
    memory, past = ({field: cached[field] for field in part._fields} for part in (Memory, Past))
    return cached["state"], Memory(**memory), Past(**past)  # type: ignore[arg-type, return-value]
