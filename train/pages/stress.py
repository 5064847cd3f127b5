"""Figures of the ensemble under stress: shifted films, altered nuisances, doubtful films."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from train.holdout import ENSEMBLE
from train.pages import drawing
from train.pages.drawing import BLUE, COLOURS, GREEN, INK, MARKERS, MUTED, ORANGE, VERMILION

ROW = 0.27  # inches: a line of text with air
REFERRALS = {
    "disagreement": ("by disagreement of the members", BLUE, "-"),
    "distance_to_threshold": ("by distance to the threshold", VERMILION, "--"),
    "random": ("at random", MUTED, ":"),
    "perfect": ("every wrong verdict first", GREEN, "-."),
}
Result = Mapping[str, Any]  # parsed JSON


def shifts(role: Result, members: Sequence[str], point: str) -> Figure:
    """Accuracy at one operating point, unshifted and under each shift, member by member."""
    models = role["models"]
    names = list(models[ENSEMBLE]["shifts"]["by_shift"])
    figure, axes = drawing.sheet(2.0 + ROW * (len(names) + 2 + len(members) / 2))
    looks = zip(members, itertools.cycle(MARKERS), itertools.cycle(COLOURS), strict=False)
    for name, marker, colour in [*looks, (ENSEMBLE, "|", INK)]:
        found = models[name]
        clean = found["operating_points"][point]["metrics"]["accuracy"]["value"]
        under = [found["shifts"]["by_shift"][shift]["accuracy"] for shift in names]
        values = [clean, *under, found["shifts"]["mean"]["accuracy"]]
        size, edge = (14, 3) if name == ENSEMBLE else (6, 1)
        axes.plot(values, range(len(values)), marker, color=colour, fillstyle="none", ls="",
                  markersize=size, markeredgewidth=edge, label=name)  # fmt: skip
    rows = ["unshifted", *(name.replace("_", " ") for name in names), "mean of the shifts"]
    listed(axes, rows)
    axes.set(xlabel=f"accuracy at the {point.replace('_', ' ')} point", title="Synthetic shifts")
    axes.xaxis.set_major_formatter(drawing.percents())
    drawing.legend(figure, axes, columns=2)
    return figure


def risk_coverage(uncertainty: Result) -> Figure:
    """Wrong verdicts among the films kept, when the least certain are referred."""
    clean = uncertainty["conditions"]["clean"]
    figure, axes = drawing.sheet(4.9)
    for name, (words, colour, style) in REFERRALS.items():
        curve = clean["referring_by"][name]["curve"]
        kept, wrong = ([step[key] for step in curve] for key in ("coverage", "risk"))
        axes.plot(kept, wrong, color=colour, linestyle=style, linewidth=1.6, label=words)
    point = uncertainty["operating_point"]
    rule = clean["shipped_rule"][point]
    x, y = 1 - rule["referred"]["value"], rule["wrong_among_kept"]
    axes.plot([x, x], [y["low"], y["high"]], color=INK, linewidth=1)
    axes.plot(
        x, y["value"], "o", color=ORANGE, markeredgecolor=INK, ls="", label="the shipped rule"
    )
    axes.set(
        xlabel="films kept", ylabel="wrong among the films kept", title="Referring the doubtful"
    )
    axes.xaxis.set_major_formatter(drawing.percents())
    axes.yaxis.set_major_formatter(drawing.percents())
    axes.set_ylim(bottom=0)
    drawing.legend(figure, axes)
    return figure


def shortcuts(audit: Result) -> Figure:
    """Mean absolute change of the probability when a nuisance is altered, by geometry."""
    models = [ENSEMBLE, *(name for name in audit["auroc_unaltered"] if name != ENSEMBLE)]
    altered = [
        (nuisance, name, change["models"])
        for nuisance, found in audit["nuisances"].items()
        for name, change in found["altered"].items()
        if change["models"]  # empty where every altered film was refused
    ]
    figure, axes = drawing.sheet(1.7 + 1.15 * ROW * len(altered))
    for place, (model, marker, colour) in enumerate(
        zip(models, MARKERS, (INK, *COLOURS), strict=False)
    ):
        offset = 0.22 * (place - (len(models) - 1) / 2)
        for row, (_, _, effects) in enumerate(altered):
            change = effects[model]["mean_absolute_change"]
            y, label = row + offset, model.replace("_", " ") if row == 0 else None
            axes.plot([change["low"], change["high"]], [y, y], color=colour, linewidth=1.2)
            axes.plot(change["value"], y, marker, color=colour, markersize=4.5, ls="", label=label)
    listed(axes, [f"{nuisance}: {name}".replace("_", " ") for nuisance, name, _ in altered])
    axes.set(xlabel="mean absolute change\nof the probability", title="Shortcut audit")
    axes.set_xlim(left=-0.004)
    drawing.legend(figure, axes, columns=len(models))
    return figure


def listed(axes: Axes, rows: Sequence[str]) -> None:
    """One row of the axes for each name, from the top."""
    axes.set_yticks(range(len(rows)), rows)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
