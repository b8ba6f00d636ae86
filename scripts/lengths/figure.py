"""Accuracy against length, one line a model, a band of one standard deviation, the training lengths shaded."""

from typing import Any

from scripts.lengths.config import Study

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")  # Okabe and Ito 2008
MARKERS = "osD^vP"


def draw(study: Study, curves: dict[str, dict[str, list[tuple[float, float]]]]) -> Any:
    """:param curves: measure to what ``results.curves`` returns. :returns: a matplotlib Figure."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.8), layout="constrained")
    panels = figure.subplots(1, len(curves), sharey=True, squeeze=False)[0]
    for panel, (measure, models) in zip(panels, curves.items(), strict=True):
        panel.axvspan(*study.train_lengths, color="0.9", label="training lengths", zorder=0)
        for number, (model, points) in enumerate(models.items()):
            order = sorted(range(len(points)), key=study.test_lengths.__getitem__)
            x = [study.test_lengths[i] for i in order]
            mean = [points[i][0] for i in order]
            low = [max(0.0, points[i][0] - points[i][1]) for i in order]
            high = [min(1.0, points[i][0] + points[i][1]) for i in order]
            colour = COLOURS[number % len(COLOURS)]
            panel.plot(x, mean, color=colour, marker=MARKERS[number % len(MARKERS)], markersize=4, label=model)
            panel.fill_between(x, low, high, color=colour, alpha=0.25, linewidth=0)
        panel.set(xlabel="sequence length", title=measure.replace("_", " "), ylim=(-0.03, 1.03))
        panel.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("accuracy (share)")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    return figure
