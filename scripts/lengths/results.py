"""Figures of the jobs, put together over seeds: mean and standard deviation (of the sample, n - 1).

The picture shows how models learn, and accuracy against length: one line a model, a band of one standard deviation.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from scripts.common import markdown_table
from scripts.lengths.study import JobResult, Study

CARRIED = 0.95  # exact match, of every seed, up to which a model is said to carry
MEASURES = ("exact_match", "token_accuracy")
Curve = list[tuple[float, float]]
"""Mean and deviation at each point."""


def mean_and_deviation(values: Sequence[float]) -> tuple[float, float]:
    """Over seeds; the deviation of a single value is 0."""
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


def curves(study: Study, jobs: Sequence[JobResult], measure: str) -> dict[str, Curve]:
    """Model to the mean and deviation of a measure at each length of the study."""
    return {
        model: [
            mean_and_deviation([getattr(job.lengths[i], measure) for job in jobs if job.model == model])
            for i in range(len(study.test_lengths))
        ]
        for model in study.models
    }


def learning_curves(study: Study, jobs: Sequence[JobResult]) -> tuple[list[int], dict[str, Curve]]:
    """Updates of the validations that all trainings made, and model to the exact match in them."""
    updates = sorted(set.intersection(*({at for at, _ in job.validations} for job in jobs)))
    tables = [(job.model, dict(job.validations)) for job in jobs]
    return updates, {
        model: [mean_and_deviation([table[at] for name, table in tables if name == model]) for at in updates]
        for model in study.models
    }


def carries(study: Study, jobs: Sequence[JobResult], model: str) -> int | None:
    """The longest test length up to which every seed has an exact match of ``CARRIED``; None if there is none."""
    reached = None
    for length, i in sorted((length, i) for i, length in enumerate(study.test_lengths)):
        if any(job.lengths[i].exact_match < CARRIED for job in jobs if job.model == model):
            break
        reached = length
    return reached


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
                "validations": job.validations,
                **{name: [getattr(matches, name) for matches in job.lengths] for name in MEASURES},
            }
            for job in jobs
        ],
    }


def markdown(study: Study, jobs: Sequence[JobResult]) -> str:
    """Three tables: the models, and each measure against length."""
    lines = [
        f"Updates: {study.updates}; seeds: {', '.join(map(str, study.seeds))}; "
        f"trained on lengths {study.train_lengths[0]} to {study.train_lengths[1]}.",
        "",
    ]
    head, rows = ["model", "parameters", "updates to 99 % exact match (validation), by seed", "carries to length"], []
    for model in study.models:
        own = [job for job in jobs if job.model == model]
        reached = ", ".join("not reached" if job.converged is None else str(job.converged) for job in own)
        rows.append([model, f"{own[0].parameters:,}", reached, str(carries(study, jobs, model) or "none")])
    lines += [markdown_table(head, rows, "lrlr")]
    lines += ["", f"Carries: the longest test length up to which every seed has an exact match of at least {CARRIED}."]
    for measure in MEASURES:
        curve = curves(study, jobs, measure)
        rows = []
        for i, length in enumerate(study.test_lengths):
            cells = [curve[model][i] for model in study.models]
            rows.append([str(length), *(f"{mean:.3f} ± {deviation:.3f}" for mean, deviation in cells)])
        head = [f"{measure.replace('_', ' ')} at length", *study.models]
        lines += ["", markdown_table(head, rows, "r" * len(head))]
    return "\n".join(lines) + "\n"


COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")  # Okabe and Ito 2008
MARKERS = "osD^vP"
LABELS = {"none": "fixed summary"}  # models that the legend calls as the documents do
FAR = 5  # times the longest trained length: tests beyond that need a logarithmic axis


def draw(study: Study, jobs: Sequence[JobResult]) -> Any:
    """Draw the curves.

    :returns: a matplotlib Figure: exact match in validation by updates, then each measure by length.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11.5, 3.8), layout="constrained")
    learning, *panels = figure.subplots(1, 1 + len(MEASURES), sharey=True)
    _draw_lines(learning, *learning_curves(study, jobs))
    learning.set(xlabel="updates", ylabel="share", title="exact match in validation", ylim=(-0.03, 1.03))
    for panel, measure in zip(panels, MEASURES, strict=True):
        panel.axvspan(*study.train_lengths, color="0.9", label="trained lengths", zorder=0)
        _draw_lines(panel, study.test_lengths, curves(study, jobs, measure))
        panel.set(xlabel="sequence length", title=measure.replace("_", " "))
        if max(study.test_lengths) > FAR * study.train_lengths[1]:
            panel.set_xscale("log")
    for panel in (learning, *panels):
        panel.spines[["top", "right"]].set_visible(False)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    return figure


def _draw_lines(panel: Any, places: Sequence[int], models: Mapping[str, Curve]) -> None:
    order = sorted(range(len(places)), key=places.__getitem__)
    x = [places[i] for i in order]
    for number, (model, points) in enumerate(models.items()):
        mean = [points[i][0] for i in order]
        low = [max(0.0, points[i][0] - points[i][1]) for i in order]
        high = [min(1.0, points[i][0] + points[i][1]) for i in order]
        colour = COLOURS[number % len(COLOURS)]
        over = len(models) - 1 - number  # lines that are drawn over this one: it is wider, and seen below them
        size, marker = 3.5 + 1.3 * over, MARKERS[number % len(MARKERS)]
        style = {"linewidth": 1.2 + 0.8 * over, "marker": marker, "markersize": size, "label": LABELS.get(model, model)}
        panel.plot(x, mean, color=colour, **style)
        panel.fill_between(x, low, high, color=colour, alpha=0.25, linewidth=0)
