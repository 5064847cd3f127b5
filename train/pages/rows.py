"""What each row is and costs, what it is worth, and what its dropout knows: Markdown tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from train.holdout import ENSEMBLE
from train.pages import tables
from train.pages.drawing import measured
from train.pages.figures import HELD_OUT
from train.systems import SYSTEMS

Result = Mapping[str, Any]  # parsed JSON
POINT = "balanced"
REPORTED = {  # what such systems reported of themselves, in few letters
    "auroc": "AUROC",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "f1": "F1",
    "three_class_accuracy": "three-class accuracy",
    "three_class_macro_f1": "three-class macro-F1",
}


def of_rows(rows: Result, holdout: Result) -> list[str]:
    """What each row is and costs, what it is worth, and what its dropout knows."""
    models = holdout["roles"][HELD_OUT]["models"]
    return [
        "One network each, trained on role `fit` by the commands above, calibrated and judged by "
        "itself; the app's Compare tab asks them all. Minutes are of one or two cores, as said; "
        f"milliseconds are one film's forward pass on {rows['threads']} threads. The map of "
        "evidence is taken at the last feature map, whose grid is given.",
        tables.table(
            ["row", "what it is", "parameters", "MB", "px", "epochs", "minutes", "ms",
             "Grad-CAM grid", "temperature, bias"],
            [_price(name, row) for name, row in rows["rows"].items()],
        ),
        "Each by itself, with `--data DIR`; what to expect is the AUROC on `select`, re-weighted "
        "for aspect:",
        tables.table(
            ["row", "command", "expect"],
            [_again(name, row["trained"]) for name, row in rows["rows"].items()],
        ),
        f"On {sum(holdout['roles'][HELD_OUT]['films'].values())} held-out films, beside what "
        "such systems reported of themselves on the official test folder, with splits, "
        "checkpoints and thresholds chosen each in their way: the two sides were measured on "
        "different films and cannot be subtracted.",
        tables.table(
            ["row", "AUROC", "AUROC, aspect uninformative", f"sensitivity, {POINT}",
             f"specificity, {POINT}", "three-class accuracy", "such systems reported"],
            [_worth(name, models[name]) for name in [ENSEMBLE, *rows["rows"]]],
        ),
        "**Monte Carlo dropout.** Networks that drop units before the head are asked "
        f"{_passes(rows)} times with units dropped; their draws' disagreement (mutual information) "
        f"is held against their wrong verdicts at the {POINT} point.",
        tables.table(
            ["row", "AUROC of the mean", "ECE of the mean", "mean spread of draws",
             "wrong verdicts", "AUROC of disagreement for wrong verdicts"],
            [_draws(name, row) for name, row in rows["rows"].items() if row["monte_carlo_dropout"]],
        ),
    ]  # fmt: skip


def _price(name: str, row: Result) -> list[str]:
    trained, grid = row["trained"], row["grad_cam"]
    calibration = row["calibration"]
    unknown = "not kept"
    cores = f" on {trained['threads']} core{'s' * (trained['threads'] > 1)}" if trained else ""
    return [
        f"`{name}`",
        row["title"],
        f"{row['parameters'] / 1e6:.2f} M",
        f"{row['megabytes']:.1f}",
        str(row["size_px"]),
        str(trained["epochs"]) if trained else unknown,
        f"{trained['minutes']:.0f}{cores}" if trained else unknown,
        f"{row['milliseconds']:.1f}",
        " x ".join(str(n) for n in (grid["channels"], *grid["grid"])),
        f"{calibration['temperature']:.2f}, {calibration['bias']:+.2f}",
    ]


def _again(name: str, trained: Result | None) -> list[str]:
    if trained is None:
        return [f"`{name}`", "in the chain above; its record was not kept", "see the hold-out"]
    return [f"`{name}`", f"`{trained['command']}`", f"{trained['auroc_reweighted_on_select']:.3f}"]


def _worth(name: str, model: Result) -> list[str]:
    at = model["operating_points"][POINT]["metrics"]
    return [
        f"**{name}**" if name == ENSEMBLE else f"`{name}`",
        measured(model["pneumonia"]["auroc"]),
        measured(model["pneumonia"]["auroc_reweighted_for_aspect"]),
        measured(at["sensitivity"]),
        measured(at["specificity"]),
        measured(model["three_class"]["metrics"]["accuracy"]),
        reported(name),
    ]


def reported(name: str) -> str:
    """What such systems reported, in words; that nobody did, where nobody did."""
    known = SYSTEMS[name].reported if name in SYSTEMS else {}
    return ", ".join(f"{REPORTED[k]} {v:.3f}" for k, v in known.items()) or "nothing comparable"


def _draws(name: str, row: Result) -> list[str]:
    found = row["monte_carlo_dropout"]
    wrong = found["auroc_of_disagreement_for_wrong"]
    return [
        f"`{name}`",
        measured(found["auroc"]),
        measured(found["ece"]),
        f"{found['spread_mean']:.3f}",
        str(found["wrong"]),
        measured(wrong) if wrong else "no wrong verdict",
    ]


def _passes(rows: Result) -> int:
    return next(
        row["monte_carlo_dropout"]["passes"]
        for row in rows["rows"].values()
        if row["monte_carlo_dropout"]
    )
