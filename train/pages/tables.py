"""The results as Markdown tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pneumo.sentences import POINT_NAMES
from train.holdout import ENSEMBLE
from train.pages.drawing import measured

Result = Mapping[str, Any]  # parsed JSON


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; every column but the first is aligned to the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def models(found: Result) -> str:
    """The ensemble and every other model: clean films, and the worst shift."""
    rows = []
    for name, model in sorted(found.items(), key=lambda item: item[0] != ENSEMBLE):
        pneumonia, classes = model["pneumonia"], model["three_class"]["metrics"]
        rows.append(
            [
                f"**{name}**" if name == ENSEMBLE else name,
                measured(pneumonia["auroc"]),
                measured(pneumonia["auroc_reweighted_for_aspect"]),
                measured(pneumonia["ece"]),
                measured(classes["accuracy"]),
                measured(classes["macro_f1"]),
                f"{model['shifts']['worst']['auroc']:.3f}" if "shifts" in model else "not measured",
            ]
        )
    head = ["model", "AUROC", "AUROC, aspect uninformative", "ECE", "three-class accuracy"]
    return table([*head, "three-class macro-F1", "AUROC, worst shift"], rows)


def candidates(found: Sequence[Result]) -> str:
    """Every run alone and the chosen set, under every condition of train.candidates."""
    conditions = list(found[0]["by_condition"])
    rows = [
        [
            each["runs"][0] if len(each["runs"]) == 1 else "**the ensemble**",
            *(f"{each['by_condition'][name]:.3f}" for name in conditions),
            f"{each['mean']:.3f}",
        ]
        for each in found
    ]
    return table(["select", *(name.replace("_", " ") for name in conditions), "mean"], rows)


def points(operating_points: Result) -> str:
    """What the ensemble's operating points cost."""
    columns = ["sensitivity", "specificity", "precision", "accuracy", "balanced_accuracy", "f1"]
    rows = [
        [
            POINT_NAMES[name],
            f"{point['threshold']:.3f}",
            *(measured(point["metrics"][column]) for column in columns),
        ]
        for name, point in operating_points.items()
    ]
    heads = [column.replace("_", " ").replace("f1", "F1") for column in columns]
    return table(["operating point", "threshold", *heads], rows)


def shifts(role: Result) -> str:
    """The ensemble under each synthetic shift."""
    found = role["models"][ENSEMBLE]["shifts"]
    rows = [
        [
            name.replace("_", " "),
            *(f"{values[key]:.3f}" for key in ("auroc", "accuracy", "ece")),
            str(role["refused_under_shift"][name]),
        ]
        for name, values in found["by_shift"].items()
    ]
    mean = [f"{found['mean'][key]:.3f}" for key in ("auroc", "accuracy", "ece")]
    head = ["shift", "AUROC", "accuracy (balanced)", "ECE", "films refused"]
    return table(head, [*rows, ["mean", *mean, ""]])
