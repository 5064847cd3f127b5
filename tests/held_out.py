"""Invented results of the Evidence tab's kind, made by the functions that make real ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from conftest import ROOT

from pneumo.evidence.holdout import Role
from pneumo.evidence.results import Missing, load_results
from train import metrics, record
from train.metrics import Bootstrap, Floats
from train.split import CLASSES

WEIGHTS = "invented"
RESULTS = ROOT / "train" / "results"
PATIENTS, FILMS = 90, 200
THRESHOLDS = {"screening": 0.2, "balanced": 0.5, "assisted": 0.45, "rule_in": 0.8}
MODELS = {"ensemble": 2.4, "resnet18-crop-0": 2.0, "cnn3": 1.0}  # how far the classes lie apart


def people() -> tuple[list[str], np.ndarray]:
    """A patient's name and a class for each film; all films of a patient are of one class."""
    generator = np.random.default_rng(3)
    person = np.sort(generator.integers(PATIENTS, size=FILMS))
    kind = generator.choice(3, size=PATIENTS, p=[0.3, 0.45, 0.25])
    return [f"p{n:03d}" for n in person], kind[person]


def classes(apart: float, seed: int) -> Floats:
    """Class probabilities (N, 3) of one model, rounded as they are stored."""
    _, label = people()
    generator = np.random.default_rng(seed)
    odds = np.where(label > 0, apart, -apart) + 1.4 * generator.standard_normal(FILMS)
    sick, kind = 1 / (1 + np.exp(-odds)), generator.beta(2, 2, size=FILMS)
    return np.round(np.stack([1 - sick, sick * kind, sick * (1 - kind)], axis=1), 5)


def measured(said: Floats, bootstrap: Bootstrap) -> dict[str, Any]:
    """One model, as train.holdout measures it."""
    _, label = people()
    sick, probability = label > 0, 1 - said[:, 0]
    shift = {"auroc": 0.9, "accuracy": 0.8, "ece": 0.05}
    return {
        "pneumonia": metrics.of_probability(sick, probability, bootstrap),
        "operating_points": {
            name: metrics.at_threshold(sick, probability, threshold, bootstrap)
            for name, threshold in THRESHOLDS.items()
        },
        "three_class": metrics.of_classes(label, said, CLASSES, bootstrap),
        "reliability": metrics.reliability_curve(sick, probability),
        "shifts": {"by_shift": {"blur": shift, "noise": {**shift, "accuracy": 0.7}}},
    }


def write(folder: Path, *, weights: str = WEIGHTS) -> Path:
    """A results folder: an invented hold-out, and the shipped files under other weights."""
    names, label = people()
    said = {name: classes(apart, seed) for seed, (name, apart) in enumerate(MODELS.items())}
    bootstrap = Bootstrap(names)
    role = {
        "films": {name: int((label == i).sum()) for i, name in enumerate(CLASSES)},
        "patients": len(set(names)),
        "refused": 0,
        "refused_under_shift": {"blur": 0, "noise": 1},
        "models": {name: measured(each, bootstrap) for name, each in said.items()},
        "scores": {
            "patient": np.unique(names, return_inverse=True)[1].tolist(),
            "label": label.tolist(),
            "classes": {name: each.tolist() for name, each in said.items()},
        },
    }
    known = {"weights": weights, "accuracy_under_shift_at": "balanced"}
    record.write(
        folder / "holdout.json", {"schema": "pneumo.holdout/2", **known, "roles": {"test": role}}
    )
    for name in ("uncertainty", "audit", "external"):
        stored = json.loads((RESULTS / f"{name}.json").read_text())
        record.write(folder / f"{name}.json", stored | {"weights": weights})
    return folder


def stored(folder: Path, model: str) -> Any:
    """One model of the hold-out as plain JSON: what the page is held against."""
    return json.loads((folder / "holdout.json").read_text())["roles"]["test"]["models"][model]


def role_of(folder: Path) -> Role:
    holdout = load_results(folder, weights=WEIGHTS).holdout
    assert not isinstance(holdout, Missing), holdout.sentence
    return holdout.held_out
