"""Fill README's results block from train/results/*.json, so that no number is typed by hand.

    python -m train.report            # rewrites README.md between its markers
    python -m train.report --check    # exit code 1 where README and results differ

Reads lungs.json (train.lungs) and, where they are there, holdout.json (train.evaluate --role),
calibration.json (train.calibrate) and external.json (train.external). Takes no time.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pneumo.view import POINT_NAMES

README = Path(__file__).parents[1] / "README.md"
RESULTS = Path(__file__).parent / "results"
BEGIN, END = "<!-- results:begin -->", "<!-- results:end -->"
ENSEMBLE = "ensemble"
HELD_OUT = "test"  # the role that nothing was fitted on


def load(name: str) -> Any:
    """One results file; None where it has not been made."""
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else None


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; every column but the first is aligned to the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def measured(metric: dict[str, float]) -> str:
    """A value with its interval."""
    return f"{metric['value']:.3f} ({metric['low']:.3f}-{metric['high']:.3f})"


def models_table(models: dict[str, Any]) -> str:
    """The ensemble and its members on clean films, and their worst shift."""
    rows = []
    for name, model in sorted(models.items(), key=lambda item: item[0] != ENSEMBLE):
        pneumonia, classes = model["pneumonia"], model["three_class"]["metrics"]
        rows.append(
            [
                f"**{name}**" if name == ENSEMBLE else name,
                measured(pneumonia["auroc"]),
                measured(pneumonia["auroc_reweighted_for_aspect"]),
                measured(pneumonia["ece"]),
                measured(classes["accuracy"]),
                measured(classes["macro_f1"]),
                f"{model['shifts']['worst']['auroc']:.3f}",
            ]
        )
    head = ["model", "AUROC", "AUROC, aspect uninformative", "ECE", "three-class accuracy"]
    return table([*head, "three-class macro-F1", "AUROC, worst shift"], rows)


def points_table(points: dict[str, Any]) -> str:
    """What the ensemble's operating points cost."""
    columns = ["sensitivity", "specificity", "precision", "accuracy", "balanced_accuracy", "f1"]
    rows = [
        [
            POINT_NAMES[name],
            f"{point['threshold']:.3f}",
            *(measured(point["metrics"][column]) for column in columns),
        ]
        for name, point in points.items()
    ]
    return table(
        ["operating point", "threshold", *(c.replace("_", " ") for c in columns)], rows
    ).replace("| f1 |", "| F1 |")


def shifts_table(role: dict[str, Any]) -> str:
    """The ensemble under each synthetic shift."""
    shifts = role["models"][ENSEMBLE]["shifts"]
    rows = [
        [
            name.replace("_", " "),
            *(f"{values[key]:.3f}" for key in ("auroc", "accuracy", "ece")),
            str(role["refused_under_shift"][name]),
        ]
        for name, values in shifts["by_shift"].items()
    ]
    mean = [f"{shifts['mean'][key]:.3f}" for key in ("auroc", "accuracy", "ece")]
    head = ["shift", "AUROC", "accuracy (balanced)", "ECE", "films refused"]
    return table(head, [*rows, ["mean", *mean, ""]])


def confusion_table(three_class: dict[str, Any]) -> str:
    """Films by truth (rows) and by verdict (columns)."""
    names = ["normal", "bacterial-type", "viral-type"]
    rows = [
        [name, *map(str, counts)]
        for name, counts in zip(names, three_class["confusion"], strict=True)
    ]
    return table(["film is, and is read as", *names], rows)


def held_out(holdout: dict[str, Any], calibration: dict[str, Any]) -> str:
    """Everything measured on held-out patients. Ends the program where results do not match."""
    if holdout["weights"] != calibration["weights"]:
        raise SystemExit(
            "holdout.json and calibration.json are of different weights; evaluate again."
        )
    role = holdout["roles"][HELD_OUT]
    ensemble = role["models"][ENSEMBLE]
    films = sum(role["films"].values())
    temperatures = ", ".join(
        f"{name} {member['calibration']['temperature']:.2f} ({member['calibration']['bias']:+.2f})"
        for name, member in calibration["members"].items()
    )
    intro = (
        f"Weights `{holdout['weights']}`, on {films} films ({role['films']['normal']} normal, "
        f"{role['films']['bacterial']} bacterial, {role['films']['viral']} viral) of "
        f"{role['patients']} held-out patients of the training folder; {role['refused']} more were "
        "refused. In brackets: 95 % bootstrap intervals over patients. *Aspect uninformative*: "
        "films re-weighted so that width / height says nothing about the label. A score above 0.99 "
        "on a hold-out of this data set is a warning and no success: the official test set is "
        "shifted, and is scored apart."
    )
    return "\n\n".join(
        [
            intro,
            models_table(role["models"]),
            "The ensemble at each operating point (thresholds from role `calibrate`):",
            points_table(ensemble["operating_points"]),
            "The ensemble under synthetic shifts:",
            shifts_table(role),
            "Patterns (films):",
            confusion_table(ensemble["three_class"]),
            f"Temperature and bias of the log-odds: {temperatures}.",
        ]
    )


def foreign(external: dict[str, Any]) -> str:
    """What the ensemble is worth on adults: said as plainly as its good numbers."""
    every, strict = external["groups"]["all"], external["groups"]["strict"]
    worth, strictly = (
        "{value:.2f} ({low:.2f}-{high:.2f})".format(**group["probability"]["auroc"])
        for group in (every, strict)
    )
    return (
        f"On {every['films']} frontal films of another hospital, nearly all adults, the ensemble "
        f"is of no use: AUROC {worth}, or {strictly} on the {strict['films']} whose labels "
        f"radiologists confirmed. The gate refused {every['refused']['hits']} of them."
    )


def block() -> str:
    """The results as Markdown."""
    lungs, holdout, calibration = load("lungs"), load("holdout"), load("calibration")
    external = load("external")
    parts = []
    if holdout and calibration:
        parts.append(held_out(holdout, calibration))
    if external:
        parts.append(foreign(external))
    if lungs:
        parts.append(
            f"Lung masks: Dice {lungs['dice_mean']:.3f} (5th percentile "
            f"{lungs['dice_5th_percentile']:.3f}) on {lungs['films']} films of held-out patients, "
            f"{lungs['parameters'] / 1e6:.1f} M parameters."
        )
    return "\n\n".join([*parts, "<sub>Generated by `make report` from `train/results/`.</sub>"])


def fill(text: str) -> str:
    """README's text with a fresh results block. Raises ValueError without exactly one block."""
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise ValueError(f"README needs one {BEGIN} and one {END} after it")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}\n{block()}\n{END}{after}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--check", action="store_true", help="change nothing; exit 1 on a difference"
    )
    check = parser.parse_args().check
    text = README.read_text()
    fresh = fill(text)
    if check:
        sys.exit("README.md is stale; run make report" if fresh != text else 0)
    README.write_text(fresh)


if __name__ == "__main__":
    main()
