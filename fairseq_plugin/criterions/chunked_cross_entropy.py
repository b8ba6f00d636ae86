"""The criterion ``chunked_cross_entropy``: fairseq's cross-entropy, plain or label-smoothed, in less time and memory.

Padding positions are dropped before the output layer. Loss and gradients are computed a few rows at a time, and no
B x T x V tensor of logits is kept. Loss, logging outputs and gradients equal those of fairseq's
``label_smoothed_cross_entropy``. Without ``--label-smoothing`` the loss is that of ``cross_entropy``. ``nll_loss`` is
logged beside it all the same; ``cross_entropy`` logs it with ``--sentence-avg``.

With logits l = W x + b, p = softmax(l), target y, label smoothing eps and eps_i = eps / (V - 1):

    nll  = log sum_v exp l_v - l_y
    loss = (1 - eps - eps_i) nll + eps_i sum_v (log sum_v exp l_v - l_v)
    dl   = p - (1 - eps - eps_i) onehot(y) - eps_i

The gradients are computed in the forward pass, where the logits are at hand, and scaled in the backward pass. fairseq's
label_smoothed_cross_entropy computes the same loss (Szegedy et al. 2016, arXiv 1512.00567, section 7).
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from fairseq.criterions import FairseqCriterion, register_criterion
from fairseq.criterions.label_smoothed_cross_entropy import LabelSmoothedCrossEntropyCriterion
from fairseq.dataclass import FairseqDataclass
from fairseq.tasks import FairseqTask
from omegaconf import II
from torch import Tensor

from data_gen.errors import UserError
from fairseq_plugin.modules.precision import current_precision
from fairseq_plugin.modules.products import first_order, planned, weight_gradient
from fairseq_plugin.program import reports_user_errors

# Logits held at a time: 20 MB in float32.
CHUNK_LOGITS = 5_000_000


class Loss(NamedTuple):
    """Sums over all rows."""

    loss: Tensor
    nll: Tensor


def chunked_cross_entropy(
    features: Tensor, weight: Tensor, bias: Tensor | None, target: Tensor, *, label_smoothing: float = 0.0
) -> Loss:
    """Summed loss of the output layer over N rows; only ``loss`` carries gradients.

    :param features: (N, H).
    :param weight: output matrix (V, H).
    :param bias: (V,).
    :param target: (N,), symbols.
    :param label_smoothing: eps, from 0 to below 1.
    """
    return Loss(*_ChunkedLoss.apply(features, weight, bias, target, label_smoothing))  # type: ignore[no-untyped-call]


class _Gradients:
    """Sums of the gradients of features, weight and bias over the chunks seen so far, as far as they are wanted."""

    def __init__(
        self, features: Tensor, weight: Tensor, bias: Tensor | None, chunk: int, wanted: tuple[bool, ...]
    ) -> None:
        self.features = torch.empty_like(features) if wanted[0] else None
        self._buffers = None if self.features is None else iter(torch.split(self.features, chunk))
        self._to_features = planned(weight.t(), features.new_empty(chunk, weight.size(0))) if wanted[0] else None
        self.weight: Tensor | None = None
        self._wants_weight = wanted[1]
        self.bias = features.new_zeros(bias.shape) if bias is not None and wanted[2] else None

    def add(self, features: Tensor, to_logits: Tensor) -> None:
        """Take in the next chunk: its features (n, H) and the gradient of its logits (n, V)."""
        if self._buffers is not None and self._to_features is not None:
            self._to_features(to_logits, out=next(self._buffers))
        if self._wants_weight:
            self.weight = weight_gradient(to_logits, features, self.weight)
        if self.bias is not None:
            self.bias += to_logits.sum(dim=0)

    def scaled(self, factor: Tensor, dtypes: tuple[torch.dtype, ...]) -> tuple[Tensor | None, ...]:
        """The gradients times the gradient of the loss."""
        sums = (self.features, self.weight, self.bias)
        return tuple(None if s is None else (s * factor).to(dtype) for s, dtype in zip(sums, dtypes, strict=True))


def _loss_and_slope(logits: Tensor, expected: Tensor, label_smoothing: float, *, slope: bool) -> tuple[Tensor, Tensor]:
    """Summed loss and nll of a few rows (n, V) and their symbols (n, 1); with ``slope`` the logits become dl.

    They are overwritten in any case.
    """
    symbols = logits.size(1)
    others = label_smoothing / (symbols - 1) if label_smoothing else 0.0
    logits.sub_(logits.amax(dim=1, keepdim=True))
    given, all_logits = logits.gather(1, expected), logits.sum() if others else 0.0
    total = logits.exp_().sum(dim=1, keepdim=True)  # (n, 1)
    normaliser = total.log()
    nll = (normaliser - given).sum()
    loss = nll * (1.0 - label_smoothing - others)
    if others:
        loss += others * (symbols * normaliser.sum() - all_logits)
    if slope:
        logits.mul_(total.reciprocal())
        if others:
            logits.sub_(others)
        logits.scatter_add_(1, expected, logits.new_full(expected.shape, label_smoothing + others - 1.0))
    return loss, nll


class _ChunkedLoss(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, features: Tensor, weight: Tensor, bias: Tensor | None, target: Tensor, label_smoothing: float
    ) -> tuple[Tensor, Tensor]:
        exact = torch.promote_types(features.dtype, torch.float32)
        rows = features.to(exact)
        symbols, wanted = weight.size(0), any(ctx.needs_input_grad)
        loss, nll = rows.new_zeros(()), rows.new_zeros(())
        size = min(max(1, CHUNK_LOGITS // symbols), max(1, rows.size(0)))
        gradients = _Gradients(rows, weight, bias, size, ctx.needs_input_grad[:3])
        to_logits, exact_bias = planned(weight, rows[:size]), None if bias is None else bias.to(exact)
        buffer = rows.new_empty(size, symbols)
        for chunk, expected in zip(torch.split(rows, size), torch.split(target.unsqueeze(1), size), strict=True):
            logits = to_logits(chunk, exact_bias, out=buffer[: len(chunk)])  # (n, V)
            chunk_loss, chunk_nll = _loss_and_slope(logits, expected, label_smoothing, slope=wanted)
            loss += chunk_loss
            nll += chunk_nll
            if wanted:
                gradients.add(chunk, logits)
        ctx.gradients = gradients
        ctx.dtypes = (features.dtype, weight.dtype, torch.float32 if bias is None else bias.dtype)
        ctx.precision = current_precision()
        ctx.mark_non_differentiable(nll)
        return loss, nll

    @staticmethod
    @first_order("use --criterion cross_entropy")
    def backward(ctx: Any, to_loss: Tensor, to_nll: Tensor) -> tuple[Tensor | None, ...]:
        return (*ctx.gradients.scaled(to_loss, ctx.dtypes), None, None)


@dataclass
class ChunkedCrossEntropyConfig(FairseqDataclass):
    """Options of ``--criterion chunked_cross_entropy``."""

    label_smoothing: float = field(default=0.0, metadata={"help": "share of the target given to all other symbols"})
    sentence_avg: bool = II("optimization.sentence_avg")


@register_criterion("chunked_cross_entropy", dataclass=ChunkedCrossEntropyConfig)
class ChunkedCrossEntropyCriterion(FairseqCriterion):
    """Cross-entropy for models with a decoder that takes a ``head``, as the decoder of this plugin does."""

    @reports_user_errors
    def __init__(self, task: FairseqTask, sentence_avg: bool, label_smoothing: float) -> None:
        super().__init__(task)
        if not 0.0 <= label_smoothing < 1.0:
            raise UserError(f"--label-smoothing must be at least 0 and below 1, but is {label_smoothing}")
        self.sentence_avg = sentence_avg
        self.label_smoothing = label_smoothing

    @reports_user_errors
    def forward(self, model: Any, sample: dict[str, Any], reduce: bool = True) -> tuple[Any, int, dict[str, Any]]:
        """Loss summed over all true target positions, the denominator of the gradient, and what to log.

        :raises UserError: the model does not let its output layer be computed in pieces.
        """
        if not hasattr(getattr(model, "decoder", None), "output_weights"):
            raise UserError(
                f"--criterion chunked_cross_entropy does not know the output layer of {type(model).__name__}: "
                "use --criterion cross_entropy or label_smoothed_cross_entropy"
            )
        target = model.get_targets(sample, None)  # (B, T)
        is_true = target.ne(self.padding_idx)

        def loss_of(features: Tensor, weight: Tensor, bias: Tensor | None) -> Loss:
            return chunked_cross_entropy(
                features[is_true], weight, bias, target[is_true], label_smoothing=self.label_smoothing
            )

        # Inside the model's own forward, so that distributed wrappers see every parameter they wait for.
        (loss, nll), _ = model(**sample["net_input"], head=loss_of)
        sample_size = sample["target"].size(0) if self.sentence_avg else sample["ntokens"]
        logging_output = {
            "loss": loss.data,
            "nll_loss": nll,
            "ntokens": sample["ntokens"],
            "nsentences": sample["target"].size(0),
            "sample_size": sample_size,
        }
        return loss, sample_size, logging_output

    @staticmethod
    def reduce_metrics(logging_outputs: list[dict[str, Any]]) -> None:
        """Log the loss, ``nll_loss`` and the perplexity that follows from it, as fairseq's criterion does."""
        LabelSmoothedCrossEntropyCriterion.reduce_metrics(logging_outputs)

    @staticmethod
    def logging_outputs_can_be_summed() -> bool:
        """All logged values are sums."""
        return True
