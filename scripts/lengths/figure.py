"""How models learn, and accuracy against length: one line a model, a band of one standard deviation."""

from collections.abc import Mapping, Sequence
from typing import Any

from scripts.lengths.config import Study
from scripts.lengths.results import MEASURES, Curve, JobResult, curves, learning_curves

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")  # Okabe and Ito 2008
MARKERS = "osD^vP"
FAR = 5  # times the longest trained length: tests beyond that need a logarithmic axis


def draw(study: Study, jobs: Sequence[JobResult]) -> Any:
    """:returns: a matplotlib Figure: exact match in validation by updates, then each measure by length."""
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
        panel.plot(x, mean, color=colour, marker=MARKERS[number % len(MARKERS)], markersize=4, label=model)
        panel.fill_between(x, low, high, color=colour, alpha=0.25, linewidth=0)
