"""What a recurrence takes and gives."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

from torch import Tensor, nn

from fairseq_plugin.modules.attention import Attention, LuongAttention


class Memory(NamedTuple):
    """The encoded sentences that the decoder looks back at.

    In beam search several rows of the batch read the same sentence: sentences are stored once, ``rows`` says which
    row reads which.
    """

    keys: Tensor  # (N, S, A), what Attention.project_keys made of the values
    values: Tensor  # (N, S, C), annotations
    padding_mask: Tensor | None  # (N, S), True on padding; None where nothing is padded
    rows: Tensor | None = None  # (B,): row b reads sentence rows[b]; None when row b reads sentence b

    def per_row(self) -> "Memory":
        """The same memory with one sentence a row (B, S, ...), copied out where rows share sentences."""
        if self.rows is None:
            return self
        mask = self.padding_mask
        return Memory(
            keys=self.keys.index_select(0, self.rows),
            values=self.values.index_select(0, self.rows),
            padding_mask=None if mask is None else mask.index_select(0, self.rows),
        )


class Past(NamedTuple):
    """What the attention of one target step hands to the next, where the next one reads it. Empty at the start."""

    weights: Tensor | None = None  # (B, S), a_{t-1}
    attentional: Tensor | None = None  # (B, H), h~_{t-1}

    def reordered(self, order: Tensor) -> "Past":
        """Row b becomes what row ``order[b]`` was."""
        return Past(*(None if part is None else part.index_select(0, order) for part in self))


class RecurrenceOutput(NamedTuple):
    """Everything the target steps produced."""

    states: Tensor  # (B, T, H), s_1..s_T
    contexts: Tensor | None  # (B, T, C), c_1..c_T; None where they are not needed
    weights: Tensor  # (B, T, S), a_1..a_T
    attentional: Tensor | None = None  # (B, T, H), h~_1..h~_T; None where nothing but the states is read

    def outputs(self) -> Tensor:
        """What is read of the layer (B, T, H): the attentional vectors, else the states."""
        return self.states if self.attentional is None else self.attentional

    def past(self, attention: Attention) -> Past:
        """Copies of what the step after the last one needs: fairseq writes to the weights that the decoder returns."""
        feeding = isinstance(attention, LuongAttention) and attention.input_feeding
        return Past(
            weights=self.weights[:, -1].clone() if attention.uses_previous_weights else None,
            attentional=self.outputs()[:, -1].clone() if feeding else None,
        )


NO_PAST = Past()


class RecurrenceFunction(Protocol):
    """One way to compute s_t = GRU([y_{t-1}; c_t], s_{t-1}) with c_t = attention(s_{t-1}) for all t.

    With a :class:`LuongAttention` the order is another: see :func:`luong_loop`.
    """

    def __call__(
        self,
        cell: nn.GRUCell,
        attention: Attention,
        inputs: Tensor,
        state: Tensor,
        memory: Memory,
        past: Past = NO_PAST,
    ) -> RecurrenceOutput:
        """Run T target steps.

        :param cell: of a kind in ``cells``, with E + ``attention.fed_dim`` inputs and H units, gates in torch's order
            (r, z, n).
        :param attention: the score, softmax and weighted sum.
        :param inputs: embeddings of the previous target tokens (B, T, E).
        :param state: s_0 (B, H).
        :param memory: the encoded sentences.
        :param past: of the step before these; empty where s_0 is the decoder's first state.
        """


class PrepareFunction(Protocol):
    """What a way of decoding computes once a batch."""

    def __call__(self, cell: nn.GRUCell, attention: Attention, memory: Memory, contexts: bool) -> Memory:
        """Make the memory that the steps read.

        :param contexts: whether the steps are to give contexts.
        """


def as_it_is(cell: nn.GRUCell, attention: Attention, memory: Memory, contexts: bool) -> Memory:
    """Nothing to prepare."""
    return memory


def nothing_missing() -> str | None:
    """It can be used everywhere."""
    return None


class Recurrence(NamedTuple):
    """A way to compute the recurrence: all steps of known targets, and step by step while decoding.

    Decoding calls ``prepare`` once a batch and ``step`` with what it returned. Rows of a prepared memory may be
    reordered, repeated and dropped like those of any other. ``missing`` says why it cannot be used here; None
    where it can.
    """

    run: RecurrenceFunction
    step: RecurrenceFunction
    prepare: PrepareFunction = as_it_is
    supports: Callable[[Attention], bool] = lambda attention: True
    cells: tuple[type[nn.GRUCell], ...] = (nn.GRUCell,)
    missing: Callable[[], str | None] = nothing_missing
