"""Figures of the jobs, put together over seeds: mean and standard deviation (of the sample, n - 1)."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fairseq_plugin.scoring.exact_match import Matches
from scripts.lengths.config import Study

CONVERGED = 0.99  # exact match on the validation part
MEASURES = ("exact_match", "token_accuracy")


@dataclass(frozen=True)
class JobResult:
    """One training.

    :param parameters: of the model, a shared matrix counted once.
    :param converged: updates to the first validation with an exact match of ``CONVERGED``; None if there was none.
    :param lengths: matches at each length of the study, in its order.
    """

    model: str
    seed: int
    parameters: int
    converged: int | None
    lengths: list[Matches]


def read_log(log: str) -> tuple[int, int | None]:
    """:returns: the parameters that a training log names, and the updates to convergence."""
    parameters = re.search(r"num\. shared model params: ([\d,]+)", log)
    assert parameters, "a training that ended well names its parameters"
    lines = [json.loads(line) for line in re.findall(r"\| valid \| (\{.*\})", log)]
    reached = [int(x["valid_num_updates"]) for x in lines if float(x["valid_exact_match"]) >= CONVERGED]
    return int(parameters[1].replace(",", "")), min(reached, default=None)


def mean_and_deviation(values: Sequence[float]) -> tuple[float, float]:
    """Over seeds; the deviation of a single value is 0."""
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


def curves(study: Study, jobs: Sequence[JobResult], measure: str) -> dict[str, list[tuple[float, float]]]:
    """Model to the mean and deviation of a measure at each length of the study."""
    return {
        model: [
            mean_and_deviation([getattr(job.lengths[i], measure) for job in jobs if job.model == model])
            for i in range(len(study.test_lengths))
        ]
        for model in study.models
    }


def as_json(study: Study, jobs: Sequence[JobResult]) -> dict[str, Any]:
    """What results.json holds."""
    return {
        "train_lengths": study.train_lengths,
        "test_lengths": study.test_lengths,
        "updates": study.updates,
        "jobs": [
            {
                "model": job.model,
                "seed": job.seed,
                "parameters": job.parameters,
                "updates_to_99": job.converged,
                **{name: [getattr(matches, name) for matches in job.lengths] for name in MEASURES},
            }
            for job in jobs
        ],
    }


def markdown(study: Study, jobs: Sequence[JobResult]) -> str:
    """Two tables: the models, and accuracy against length."""
    lines = [
        f"Updates: {study.updates}; seeds: {', '.join(map(str, study.seeds))}; "
        f"trained on lengths {study.train_lengths[0]} to {study.train_lengths[1]}.",
        "",
        "| model | parameters | updates to 99 % exact match (validation), by seed |",
        "|---|--:|---|",
    ]
    for model in study.models:
        own = [job for job in jobs if job.model == model]
        reached = ", ".join("not reached" if job.converged is None else str(job.converged) for job in own)
        lines.append(f"| {model} | {own[0].parameters:,} | {reached} |")
    names = [f"{model}: {measure.replace('_', ' ')}" for model in study.models for measure in MEASURES]
    lines += ["", f"| length | {' | '.join(names)} |", f"|--:{'|--:' * len(names)}|"]
    table = {measure: curves(study, jobs, measure) for measure in MEASURES}
    for i, length in enumerate(study.test_lengths):
        cells = [table[measure][model][i] for model in study.models for measure in MEASURES]
        lines.append(f"| {length} | {' | '.join(f'{mean:.3f} ± {deviation:.3f}' for mean, deviation in cells)} |")
    return "\n".join(lines) + "\n"
