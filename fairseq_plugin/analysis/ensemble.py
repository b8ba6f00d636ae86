"""Ensembles with the mean attention of the models that attend.

    p(y) = 1/n sum_i p_i(y)        over n models
    a_ts = 1/m sum_j a_jts         over the m of them that return attention

fairseq divides both sums by n: beside a model without attention, no row of the weights would sum to 1.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from fairseq.sequence_generator import EnsembleModel, EnsembleModelWithAlignment
from fairseq.tasks import FairseqTask
from torch import Tensor


class Ensemble(EnsembleModelWithAlignment):
    """What fairseq's generator decodes with."""

    def __init__(self, models: Sequence[Any]) -> None:
        super().__init__(models)
        self._alone = [EnsembleModel([model]) for model in models]
        for alone in self._alone:
            alone.has_incremental = self.has_incremental  # all step by step, or none

    def forward_decoder(
        self, tokens: Tensor, encoder_outs: Any, incremental_states: Any, temperature: float = 1.0
    ) -> tuple[Tensor, Tensor | None]:
        """Log-probabilities of the next tokens (B, V) and the weights that led to them (B, S); see fairseq."""
        made = [
            alone.forward_decoder(tokens, encoder_outs and [encoder_outs[i]], [incremental_states[i]], temperature)
            for i, alone in enumerate(self._alone)
        ]
        return log_mean([scores for scores, _ in made]), mean_of_those_there([weights for _, weights in made])


def with_mean_attention(generator: Any) -> Any:
    """A generator of fairseq's; if it decodes with several models, with an :class:`Ensemble` of them."""
    model = getattr(generator, "model", None)
    if isinstance(model, EnsembleModel) and model.models_size > 1:
        generator.model = Ensemble(list(model.models))
    return generator


def score_references(task: FairseqTask, scorer: Any, models: Sequence[Any], sample: Any) -> list[list[dict[str, Any]]]:
    """The references of a batch as hypotheses, one a sentence: fairseq's scorer for each model, and the mean of it."""
    alone = [task.inference_step(scorer, [model], sample) for model in models]
    hypotheses = []
    for of_models in zip(*alone, strict=True):
        made = [hypothesis for (hypothesis,) in of_models]
        scores = log_mean([hypothesis["positional_scores"] for hypothesis in made])  # (T,)
        weights = mean_of_those_there([hypothesis["attention"] for hypothesis in made])
        hypotheses.append([{**made[0], "score": scores.mean(), "positional_scores": scores, "attention": weights}])
    return hypotheses


def log_mean(scores: Sequence[Tensor]) -> Tensor:
    """Logarithm of the mean of probabilities, from their logarithms."""
    return torch.logsumexp(torch.stack(list(scores)), dim=0) - math.log(len(scores))


def mean_of_those_there(weights: Sequence[Tensor | None]) -> Tensor | None:
    """Mean of the tensors among ``weights``; None where there is none."""
    there = [some for some in weights if some is not None]
    return torch.stack(there).mean(dim=0) if there else None
