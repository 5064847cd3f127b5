"""What each figure shows, in words: for README's readers who do not see it. Numbers from JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pneumo.sentences import PATTERN_NAMES, POINT_NAMES
from train.holdout import ENSEMBLE
from train.pages.drawing import measured
from train.pages.figures import HELD_OUT
from train.scores import Scores
from train.split import CLASSES

Result = Mapping[str, Any]  # parsed JSON


def captions(
    holdout: Result,
    calibration: Result,
    *,
    uncertainty: Result | None = None,
    audit: Result | None = None,
) -> dict[str, str]:
    """One text for every figure that ``figures.drawings`` draws from the same results."""
    role = holdout["roles"][HELD_OUT]
    point = holdout["accuracy_under_shift_at"]
    made = {
        "reliability": reliability(role),
        "roc": roc(role),
        "precision_recall": precision_recall(role),
        "confusion": confusion(role),
        "shifts": shifts(role, list(calibration["members"]), point),
    }
    if uncertainty is not None:
        made["risk_coverage"] = risk_coverage(uncertainty)
    if audit is not None:
        made["shortcuts"] = shortcuts(audit)
    return made


def reliability(role: Result) -> str:
    found, bins = role["models"][ENSEMBLE]["pneumonia"], role["models"][ENSEMBLE]["reliability"]
    worst = max(bins, key=lambda b: abs(b["share_pneumonia"] - b["mean_probability"]))
    return (
        f"Reliability diagram of the ensemble: the share of held-out films with pneumonia against "
        f"the probability they were given, in {len(bins)} bins, beside the diagonal. ECE "
        f"{measured(found['ece'])}. Farthest from the diagonal: films given "
        f"{worst['mean_probability']:.2f} on average, of which {worst['share_pneumonia']:.2f} were "
        f"pneumonia. Below, films by probability: {_at_the_ends(role)}."
    )


def _at_the_ends(role: Result) -> str:
    probability = Scores.from_json(role["scores"]).probability(ENSEMBLE)
    low, high = int((probability < 0.1).sum()), int((probability >= 0.9).sum())
    return f"{low} below 0.1, {high} from 0.9, {len(probability) - low - high} between"


def roc(role: Result) -> str:
    model = role["models"][ENSEMBLE]
    points = "; ".join(
        "{} {:.3f} and {:.3f}".format(
            POINT_NAMES[name],
            *(point["metrics"][rate]["value"] for rate in ("sensitivity", "specificity")),
        )
        for name, point in model["operating_points"].items()
    )
    return (
        f"ROC curve of the ensemble on held-out films, whole and its upper left corner: area "
        f"{measured(model['pneumonia']['auroc'])}. Sensitivity and specificity of the operating "
        f"points: {points}."
    )


def precision_recall(role: Result) -> str:
    model, sick = role["models"][ENSEMBLE], Scores.from_json(role["scores"]).sick
    points = "; ".join(
        f"{POINT_NAMES[name]} {point['metrics']['precision']['value']:.3f}"
        for name, point in model["operating_points"].items()
    )
    return (
        f"Precision against sensitivity of the ensemble: average precision "
        f"{measured(model['pneumonia']['auprc'])}, where {sick.mean():.3f} of the films are "
        f"pneumonia. Precision of the operating points: {points}."
    )


def confusion(role: Result) -> str:
    counts = role["models"][ENSEMBLE]["three_class"]["confusion"]
    names = [PATTERN_NAMES[name].lower() for name in CLASSES]
    rows = "; ".join(
        f"of {sum(row)} {name} films "
        + ", ".join(f"{films} as {other}" for films, other in zip(row, names, strict=True))
        for name, row in zip(names, counts, strict=True)
    )
    return f"What held-out films are, and what the ensemble reads them as: {rows}."


def shifts(role: Result, members: list[str], point: str) -> str:
    models = role["models"]
    worst = {name: models[name]["shifts"]["worst"]["accuracy"] for name in (ENSEMBLE, *members)}
    mean = {name: models[name]["shifts"]["mean"]["accuracy"] for name in worst}
    clean = models[ENSEMBLE]["operating_points"][point]["metrics"]["accuracy"]["value"]
    best = max(members, key=lambda name: mean[name])
    return (
        f"Accuracy at the {point} point of the ensemble and its {len(members)} members under "
        f"synthetic shifts. The ensemble: {clean:.3f} unshifted, {mean[ENSEMBLE]:.3f} on average, "
        f"{worst[ENSEMBLE]:.3f} under the worst shift. The best member on average, {best}: "
        f"{mean[best]:.3f}, and {worst[best]:.3f} under its worst."
    )


def risk_coverage(uncertainty: Result) -> str:
    clean = uncertainty["conditions"]["clean"]
    ranked = clean["referring_by"]["disagreement"]["accuracy_kept_by_share_referred"]
    kept = ", ".join(
        f"{measured(accuracy)} when {100 * float(share):.0f} % are"
        for share, accuracy in ranked.items()
    )
    rule = clean["shipped_rule"][uncertainty["operating_point"]]
    return (
        f"Wrong verdicts among the films kept, against the share kept. Accuracy "
        f"{1 - clean['wrong']['value']:.3f} when none are referred; by disagreement, {kept}. The "
        f"shipped rule refers {rule['referred']['value']:.3f} of the films and keeps "
        f"{rule['wrong_among_kept']['value']:.3f} wrong."
    )


def shortcuts(audit: Result) -> str:
    changes = {
        f"{nuisance} ({change['words']})".replace("_", " "): {
            model: effect["mean_absolute_change"]["value"]
            for model, effect in change["models"].items()
        }
        for nuisance, found in audit["nuisances"].items()
        for change in found["altered"].values()
        if change["models"]
    }
    worst = max(changes, key=lambda name: changes[name][ENSEMBLE])
    each = ", ".join(f"{m.replace('_', ' ')} {v:.3f}" for m, v in changes[worst].items())
    typical = float(np.median([change[ENSEMBLE] for change in changes.values()]))
    return (
        f"How far the probability moves on average when one nuisance is altered, in {len(changes)} "
        f"ways. For the ensemble the median is {typical:.3f}. What moves it most, {worst}: {each}."
    )


def gallery(shown: Result) -> str:
    films = " ".join(
        f"{film['file']}: {film['percent']} %, {film['decision'].lower()}. {film['evidence']}"
        for film in shown["films"]
    )
    return f"Sample films, each beside itself with its evidence drawn over it. {films}"
