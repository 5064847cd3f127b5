"""Figures of the verdicts on held-out films: parsed results in, a matplotlib figure out.

``drawings`` names every figure that some results allow; ``train.report`` writes them to
train/results/figures/.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pneumo.sentences import PATTERN_NAMES, POINT_NAMES
from train import metrics
from train.holdout import ENSEMBLE
from train.pages import curves, drawing, stress, trials
from train.pages.curves import GRID
from train.pages.drawing import BLUE, GREEN, INK, MUTED, ORANGE, PURPLE, VERMILION, measured
from train.scores import Scores
from train.shares import share
from train.split import CLASSES

HELD_OUT = "test"  # the role that nothing was fitted on
POINT_MARKS = {
    "screening": ("o", ORANGE),
    "balanced": ("s", GREEN),
    "assisted": ("D", PURPLE),
    "rule_in": ("^", VERMILION),
}
CORNER = 0.16  # of both axes: the part of the ROC that is shown enlarged
BARS = 20  # of the histogram
DARK = 0.65  # share from which white is easier to read on its blue than ink
Result = Mapping[str, Any]  # parsed JSON


def drawings(
    holdout: Result,
    calibration: Result,
    *,
    uncertainty: Result | None = None,
    audit: Result | None = None,
    rows: Result | None = None,
    experiments: Result | None = None,
) -> dict[str, Callable[[], Figure]]:
    """What can be drawn from these results, by name."""
    role, members = holdout["roles"][HELD_OUT], list(calibration["members"])
    made: dict[str, Callable[[], Figure]] = {
        "reliability": partial(reliability, role),
        "roc": partial(roc, role),
        "precision_recall": partial(precision_recall, role),
        "confusion": partial(confusion, role),
        "shifts": partial(stress.shifts, role, members, holdout["accuracy_under_shift_at"]),
    }
    if uncertainty is not None:
        made["risk_coverage"] = partial(stress.risk_coverage, uncertainty)
    if audit is not None:
        made["shortcuts"] = partial(stress.shortcuts, audit)
    if rows is not None:
        made["rows"] = partial(trials.rows, rows, role)
    if experiments is not None:
        made["experiments"] = partial(trials.experiments, experiments)
    return made


def reliability(role: Result) -> Figure:
    """How often films were pneumonia against the probability they were given, and their number."""
    scores, found = Scores.from_json(role["scores"]), role["models"][ENSEMBLE]["pneumonia"]
    probability, bootstrap = scores.probability(ENSEMBLE), scores.bootstrap()
    figure = Figure(figsize=(drawing.WIDTH, 5.2))
    curve, count = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    curve.plot([0, 1], [0, 1], color=MUTED, linestyle="--", linewidth=1, label="perfect")
    number = metrics.equal_mass(probability, metrics.ECE_BINS)
    for inside in (number == b for b in range(metrics.ECE_BINS) if (number == b).any()):
        part = share(scores.sick, scores.patients, bootstrap, among=inside)
        middle = probability[inside].mean()
        curve.plot([middle, middle], [part.low, part.high], color=BLUE, linewidth=1.2)
        curve.plot(middle, part.value, color=BLUE, marker="o", markersize=5)
    curve.set(ylabel="share with pneumonia", ylim=(-0.02, 1.02), title="Reliability")
    facts = f"ECE {measured(found['ece'])}\nBrier {measured(found['brier'])}"
    curve.text(0.97, 0.04, facts, transform=curve.transAxes, ha="right", fontsize=9)
    each = f"{metrics.ECE_BINS} bins of about {len(probability) / metrics.ECE_BINS:.0f} films"
    curve.text(0.02, 0.87, f"{each},\n95 % intervals over patients", fontsize=9)
    count.hist(probability, bins=np.linspace(0, 1, BARS + 1).tolist(), color=MUTED)
    count.set(xlabel="probability of pneumonia", ylabel="films", yscale="log", xlim=(-0.02, 1.02))
    return figure


def roc(role: Result) -> Figure:
    """Sensitivity against false alarms, whole and its corner, with the operating points."""
    scores, model = Scores.from_json(role["scores"]), role["models"][ENSEMBLE]
    found = curves.roc(scores.sick, scores.probability(ENSEMBLE), scores.bootstrap())
    figure, axes = drawing.sheet(5.4)
    corner = axes.inset_axes((0.36, 0.22, 0.6, 0.6))
    for view in (axes, corner):
        view.fill_between(GRID, found.low, found.high, step="post", color=BLUE, alpha=0.2, lw=0)
        view.plot(found.x, found.y, color=BLUE, linewidth=1.6)
        for name, point in model["operating_points"].items():
            rates = {k: point["metrics"][k]["value"] for k in ("sensitivity", "specificity")}
            words = "{}: sensitivity {sensitivity:.3f}, specificity {specificity:.3f}"
            label = words.format(POINT_NAMES[name], **rates)
            _mark(view, name, 1 - rates["specificity"], rates["sensitivity"], label)
    axes.set(xlabel="1 - specificity", ylabel="sensitivity", title="ROC", aspect="equal")
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    corner.set(xlim=(-0.004, CORNER), ylim=(1 - CORNER, 1.004), aspect="equal")
    corner.tick_params(labelsize=8)
    axes.indicate_inset_zoom(corner, edgecolor=MUTED)
    area = f"AUROC {measured(model['pneumonia']['auroc'])}"
    axes.text(0.98, 0.03, f"{area}\n95 % band over patients", ha="right", fontsize=9)
    drawing.legend(figure, axes)
    return figure


def precision_recall(role: Result) -> Figure:
    """Precision against sensitivity, with the operating points and the share of pneumonia."""
    scores, model = Scores.from_json(role["scores"]), role["models"][ENSEMBLE]
    found = curves.precision_recall(scores.sick, scores.probability(ENSEMBLE), scores.bootstrap())
    base = float(scores.sick.mean())
    figure, axes = drawing.sheet(4.6)
    axes.fill_between(GRID, found.low, found.high, step="pre", color=BLUE, alpha=0.2, lw=0)
    axes.plot(found.x, found.y, color=BLUE, linewidth=1.6, drawstyle="steps-pre")
    axes.axhline(base, color=MUTED, linestyle="--", linewidth=1)
    axes.text(0, base, "every film called pneumonia", va="bottom", fontsize=9)
    for name, point in model["operating_points"].items():
        rates = {k: point["metrics"][k]["value"] for k in ("precision", "sensitivity")}
        words = "{}: precision {precision:.3f}, sensitivity {sensitivity:.3f}"
        label = words.format(POINT_NAMES[name], **rates)
        _mark(axes, name, rates["sensitivity"], rates["precision"], label)
    floor = min(base, float(found.low.min()))
    axes.set(xlabel="sensitivity", ylabel="precision", title="Precision and sensitivity")
    axes.set(xlim=(-0.01, 1.01), ylim=(floor - 0.02, 1.005))
    area = f"average precision {measured(model['pneumonia']['auprc'])}"
    axes.text(0, base + 0.3 * (1 - base), f"{area}\n95 % band over patients", fontsize=9)
    drawing.legend(figure, axes)
    return figure


def confusion(role: Result) -> Figure:
    """Films by what they are (rows) and what they are read as (columns), with row shares."""
    three = role["models"][ENSEMBLE]["three_class"]
    counts = np.array(three["confusion"])  # (K, K)
    shares = counts / counts.sum(axis=1, keepdims=True)
    names = [PATTERN_NAMES[name] for name in CLASSES]
    figure, axes = drawing.sheet(4.6)
    axes.imshow(shares, cmap=colormaps["Blues"], vmin=0, vmax=1)
    for (row, column), films in np.ndenumerate(counts):
        part = shares[row, column]
        ink = "white" if part > DARK else INK
        axes.text(column, row, f"{films}", color=ink, ha="center", va="bottom", fontsize=15)
        axes.text(column, row + 0.06, f"{part:.0%}".replace("%", " %"), color=ink, ha="center",
                  va="top")  # fmt: skip
    axes.set(xlabel="read as", ylabel="film is", title="Three patterns")
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks(range(len(names)), names, rotation=90, va="center")
    axes.grid(visible=False)
    axes.tick_params(length=0)
    found = three["metrics"]
    figure.supxlabel(
        "films, and their share of the row\n"
        f"accuracy {measured(found['accuracy'])}, macro-F1 {measured(found['macro_f1'])}",
        fontsize=9,
    )
    return figure


def _mark(axes: Axes, point: str, x: float, y: float, label: str) -> None:
    marker, colour = POINT_MARKS[point]
    axes.plot(x, y, marker, color=colour, markeredgecolor=INK, markersize=7, ls="", label=label)
