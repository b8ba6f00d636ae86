"""The criterion ``chunked_cross_entropy``: fairseq's cross-entropy, plain or label-smoothed, in less time and memory.

Padding positions are dropped before the output layer, and no B x T x V tensor of logits is kept. Loss, logging outputs
and gradients equal those of fairseq's ``label_smoothed_cross_entropy``. Without ``--label-smoothing`` the loss is that
of ``cross_entropy``. ``nll_loss`` is logged beside it all the same; ``cross_entropy`` logs it with ``--sentence-avg``.
"""

from dataclasses import dataclass, field
from typing import Any

from fairseq.criterions import FairseqCriterion, register_criterion
from fairseq.criterions.label_smoothed_cross_entropy import LabelSmoothedCrossEntropyCriterion
from fairseq.dataclass import FairseqDataclass
from fairseq.tasks import FairseqTask
from omegaconf import II
from torch import Tensor

from data_gen.errors import UserError
from fairseq_plugin.cli_errors import reports_user_errors
from fairseq_plugin.criterions.chunked_loss import Loss, chunked_cross_entropy


@dataclass
class ChunkedCrossEntropyConfig(FairseqDataclass):
    """Options of ``--criterion chunked_cross_entropy``."""

    label_smoothing: float = field(default=0.0, metadata={"help": "share of the target given to all other symbols"})
    sentence_avg: bool = II("optimization.sentence_avg")


@register_criterion("chunked_cross_entropy", dataclass=ChunkedCrossEntropyConfig)
class ChunkedCrossEntropyCriterion(FairseqCriterion):
    """Cross-entropy for models whose decoder takes a ``head``, as this plugin's does."""

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
