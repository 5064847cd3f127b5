"""The curves over all thresholds, with the operating points and the threshold chosen marked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pneumo.evidence import figures
from pneumo.evidence.curves import Costs, Scored
from pneumo.evidence.exhibits import exhibit
from pneumo.evidence.figures import QUARTERS, Axis, Line, Mark, Pair
from pneumo.evidence.holdout import Role
from pneumo.evidence.tables import percentage, share_cell, table, with_interval
from pneumo.view import POINT_NAMES

SHAPES = ("diamond", "square", "triangle", "circle")  # of the operating points, in their order
HERE = "cross"  # the threshold chosen
CORNERS = (0.1, 0.2, 0.5)  # how much of each axis an enlargement may show


def roc(role: Role, name: str, scored: Scored, costs: Costs) -> str:
    """Sensitivity against false alarms."""
    model = role.models[name]
    auroc = with_interval(model.pneumonia["auroc"])
    marks = [
        Mark(1 - p.metrics["specificity"].value, p.metrics["sensitivity"].value, shape)
        for shape, p in zip(SHAPES, model.operating_points.values(), strict=False)
    ]
    here = Mark(1 - costs.specificity.value, costs.sensitivity.value, HERE)
    drawn = _whole_and_corner(
        f"ROC curve of {name}, AUROC {auroc}",
        ("flagged of those without pneumonia", "flagged of those with it"),
        lines=[Line([(0, 0), (1, 1)], "dotted"), Line(np.stack(scored.roc(), axis=1), "solid")],
        marks=[*marks, here],
        ideal=(0, 1),
    )
    points = table(
        "Operating points",
        ["marked", "flags from", "sensitivity", "specificity"],
        [
            _point_row(shape, point, scored, role.threshold(name, point))
            for shape, point in zip(SHAPES, model.operating_points, strict=False)
        ],
    )
    return exhibit(
        "ROC curve",
        drawn,
        f"AUROC {auroc}. The dotted line is guessing; {figures.mark_key(HERE)} is the threshold "
        "chosen above.",
        points,
    )


def precision_recall(role: Role, name: str, scored: Scored, costs: Costs) -> str:
    """Precision against sensitivity, at the hold-out's own mix of films."""
    model, mix = role.models[name], role.prevalence
    marks = [
        Mark(p.metrics["sensitivity"].value, p.metrics["precision"].value, shape)
        for shape, p in zip(SHAPES, model.operating_points.values(), strict=False)
    ]
    here = Mark(costs.sensitivity.value, costs.predictive(mix)[0].value, HERE)
    precision = with_interval(model.pneumonia["auprc"])
    drawn = _whole_and_corner(
        f"Precision-recall curve of {name}, average precision {precision}",
        ("sensitivity (recall)", "with pneumonia of those flagged (precision)"),
        lines=[
            Line([(0, mix), (1, mix)], "dotted"),
            Line(np.stack(scored.precision_recall(), axis=1), "solid"),
        ],
        marks=[*marks, here],
        ideal=(1, 1),
    )
    return exhibit(
        "Precision and recall",
        drawn,
        f"Average precision {precision}; marks as above.",
        f"This curve holds only where {percentage(mix)} show pneumonia, as among these films: the "
        "dotted line is flagging every child. Where pneumonia is rarer, precision falls; the "
        "predictive values above say how far.",
    )


def _whole_and_corner(
    words: str,
    labels: tuple[str, str],
    *,
    lines: Sequence[Line],
    marks: Sequence[Mark],
    ideal: Pair,
) -> str:
    """The whole square, and beside it the corner that all operating points lie in."""
    whole = figures.plot(words, Axis(labels[0]), Axis(labels[1]), lines=lines, marks=marks)
    named = [m for m in marks if m.shape != HERE]
    for size in CORNERS:
        if all(max(abs(m.x - ideal[0]), abs(m.y - ideal[1])) <= size for m in named):
            x, y = (_near(end, size, label) for end, label in zip(ideal, labels, strict=True))
            enlarged = f"The same, its best corner enlarged {1 / size:g} times"
            return whole + figures.plot(enlarged, x, y, lines=lines, marks=marks)
    return whole


def _near(end: float, size: float, label: str) -> Axis:
    low, high = (end, end + size) if end == QUARTERS[0] else (end - size, end)
    return Axis(label, low, high, (round(low, 3), round((low + high) / 2, 3), high))


def _point_row(shape: str, name: str, scored: Scored, threshold: float) -> list[str]:
    costs = scored.costs(threshold)
    return [
        figures.mark_key(shape) + POINT_NAMES[name],
        percentage(threshold),
        share_cell(costs.sensitivity),
        share_cell(costs.specificity),
    ]
