"""Every member and the ensemble on held-out roles, clean and under each synthetic shift."""

from __future__ import annotations

import dataclasses
import datetime
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pneumo.bundle import Member
from pneumo.comparison import Comparison
from pneumo.networks import Network
from pneumo.reader import Reader
from train import metrics, record
from train.data import Films, load_role
from train.ensemble import Contender, outputs, suitable
from train.metrics import Bootstrap, Floats
from train.scores import Scores
from train.selection import aspect_weights
from train.shifts import SHIFTS
from train.split import CLASSES

SCHEMA = "pneumo.holdout/2"
ENSEMBLE = "ensemble"
SHIFT_POINT = "balanced"  # the operating point whose accuracy is followed under shift
Said = dict[str, Floats]  # per model, class probabilities (N, K)


def contenders(reader: Reader) -> list[Contender]:
    """The shipped members."""
    pairs = zip(reader.manifest.members, reader.members, strict=True)
    return [contender(member, network) for member, network in pairs]


def contender(member: Member, network: Network) -> Contender:
    return Contender(member.name, member.architecture, member.geometry, member.size_px, network)


def thresholds_of(reader: Reader) -> dict[str, dict[str, float]]:
    """Thresholds per model, all chosen on ``calibrate``; a member and a row have their own."""
    path = record.RESULTS / "calibration.json"
    saved = json.loads(path.read_text()) if path.exists() else {}
    if saved.get("weights") != reader.manifest.revision:
        raise SystemExit(f"{path} belongs to other weights; run python -m train.calibrate first.")
    own = {name: member["thresholds"] for name, member in saved["members"].items()}
    bound = {ENSEMBLE: reader.manifest.operating_points}
    bound |= {row.member.name: row.operating_points for row in reader.manifest.rows}
    return own | {name: {p.name: p.threshold for p in points} for name, points in bound.items()}


def predictions(comparison: Comparison, films: Films) -> tuple[Said, Films, int]:
    """Class probabilities of every model, the films they stand for, and how many were refused."""
    reader = comparison.reader
    chosen = suitable(reader.lung_network, films)

    def said(member: Member, network: Network) -> Floats:
        return member.calibration.classes(outputs(contender(member, network), chosen).logits)

    pairs = zip(reader.manifest.members, reader.members, strict=True)
    members = {member.name: said(member, network) for member, network in pairs}
    together = np.mean(list(members.values()), axis=0)
    rows = {row.member.name: said(row.member, network) for row, network in comparison.rows}
    return {ENSEMBLE: together, **members, **rows}, chosen.films, len(chosen.refused)


def truth(films: Films) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    label = np.asarray(films.label.numpy(), dtype=np.int64)
    return label, label > 0


def clean(
    films: Films, classes: Floats, thresholds: dict[str, float], bootstrap: Bootstrap
) -> dict[str, object]:
    """All metrics of one model."""
    label, sick = truth(films)
    probability = 1 - classes[:, 0]
    reweighted = bootstrap.measure(metrics.auroc(sick, probability), weight=aspect_weights(films))
    return {
        "pneumonia": {
            **metrics.of_probability(sick, probability, bootstrap),
            "auroc_reweighted_for_aspect": reweighted,
        },
        "operating_points": {
            name: metrics.at_threshold(sick, probability, threshold, bootstrap)
            for name, threshold in thresholds.items()
        },
        "three_class": metrics.of_classes(label, classes, CLASSES, bootstrap),
        "reliability": metrics.reliability_curve(sick, probability),
    }


def shifted(films: Films, classes: Floats, threshold: float) -> dict[str, float]:
    """AUROC, accuracy and ECE of one model, without intervals: shifts are compared in pairs."""
    _, sick = truth(films)
    probability = 1 - classes[:, 0]
    one = np.ones((1, len(sick)))
    right = (probability >= threshold) == sick
    return {
        "auroc": float(metrics.auroc(sick, probability)(one)[0]),
        "accuracy": float(right.mean()),
        "ece": float(metrics.ece(sick, probability)(one)[0]),
    }


def worst_and_mean(by_shift: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """Over the shifts: the lowest AUROC and accuracy, the highest ECE, and the means."""
    values = {k: [s[k] for s in by_shift.values()] for k in ("auroc", "accuracy", "ece")}
    return {
        "worst": {k: max(v) if k == "ece" else min(v) for k, v in values.items()},
        "mean": {k: float(np.mean(v)) for k, v in values.items()},
    }


def measure_role(
    comparison: Comparison, films: Films, thresholds: dict[str, dict[str, float]]
) -> dict[str, object]:
    """Everything measured on one role."""
    said, kept, refused = predictions(comparison, films)
    bootstrap = Bootstrap(kept.patients)
    models = {
        name: clean(kept, classes, thresholds[name], bootstrap) for name, classes in said.items()
    }
    under: dict[str, dict[str, dict[str, float]]] = {name: {} for name in said}
    refused_under = {}
    for shift, change in SHIFTS.items():
        print(f"  {shift}", flush=True)
        moved = dataclasses.replace(films, pixels=change(films.pixels))
        changed, left, refused_under[shift] = predictions(comparison, moved)
        for name, classes in changed.items():
            under[name][shift] = shifted(left, classes, thresholds[name][SHIFT_POINT])
    return {
        "films": {name: int((kept.label == i).sum()) for i, name in enumerate(CLASSES)},
        "patients": len(set(kept.patients)),
        "refused": refused,
        "refused_under_shift": refused_under,
        "models": {
            name: {
                **measured,
                "shifts": {"by_shift": under[name], **worst_and_mean(under[name])},
            }
            for name, measured in models.items()
        },
        "scores": Scores.of(kept, said).as_json(),
    }


def measure_roles(reader: Reader, data: Path, roles: Sequence[str]) -> None:
    """Write train/results/holdout.json."""
    thresholds, comparison = thresholds_of(reader), Comparison(reader)
    result: dict[str, object] = {}
    for role in roles:
        print(role, flush=True)
        result[role] = measure_role(comparison, load_role(data, role), thresholds)
    record.write(
        record.RESULTS / "holdout.json",
        {
            "schema": SCHEMA,
            "weights": reader.manifest.revision,
            "rows": record.rows_sha256(reader.manifest),
            "created": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "accuracy_under_shift_at": SHIFT_POINT,
            "roles": result,
        },
    )
    print(f"wrote {record.RESULTS / 'holdout.json'}")
