"""Figures of the rows and of the experiments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from train.holdout import ENSEMBLE
from train.pages import drawing
from train.pages.drawing import BLUE, GREEN, INK, MUTED, VERMILION
from train.pages.stress import ROW, listed

Result = Mapping[str, Any]  # parsed JSON


def rows(found: Result, role: Result) -> Figure:
    """AUROC, re-weighted for aspect, of every row against its parameters; the ensemble a band."""
    models = role["models"]
    measure = "auroc_reweighted_for_aspect"
    names = sorted(found["rows"], key=lambda name: found["rows"][name]["parameters"])
    figure, axes = drawing.sheet(1.6 + ROW * len(names))
    whole = models[ENSEMBLE]["pneumonia"][measure]
    axes.axvspan(whole["low"], whole["high"], color=MUTED, alpha=0.15, lw=0)
    axes.axvline(whole["value"], color=INK, linewidth=1, label="the ensemble")
    for y, name in enumerate(names):
        each = models[name]["pneumonia"][measure]
        axes.plot([each["low"], each["high"]], [y, y], color=BLUE, linewidth=1.4)
        axes.plot(each["value"], y, "o", color=BLUE, markersize=5)
    millions = {name: found["rows"][name]["parameters"] / 1e6 for name in names}
    listed(axes, [f"{name}, {millions[name]:.1f} M" for name in names])
    axes.set(xlabel="AUROC, aspect uninformative", title="Rows by number of parameters")
    drawing.legend(figure, axes)
    return figure


def experiments(found: Result) -> Figure:
    """Each variant's difference to the first of its question; clear ones are filled."""
    lines = [
        (answer["name"], variant["name"], variant["difference"])
        for answer in found["answers"]
        for variant in answer.get("variants", [])
        if variant["difference"]
    ]
    figure, axes = drawing.sheet(1.4 + ROW * len(lines))
    axes.axvline(0, color=INK, linewidth=1)
    for y, (_, _, difference) in enumerate(lines):
        low, high = difference["low"], difference["high"]
        clear = low > 0 or high < 0
        colour = (GREEN if low > 0 else VERMILION) if clear else MUTED
        axes.plot([low, high], [y, y], color=colour, linewidth=1.4)
        fill = colour if clear else "white"
        axes.plot(difference["value"], y, "o", color=colour, markerfacecolor=fill, markersize=5)
    listed(axes, [f"{question}: {name}" for question, name, _ in lines])
    axes.tick_params(axis="y", labelsize=7)
    axes.set(xlabel="difference in AUROC", title="Experiments")
    return figure
