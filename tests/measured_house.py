"""A house of the tiny ensemble with invented results, made by the functions that make real ones."""

from __future__ import annotations

import csv
import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pneumo.bundle import Manifest, load_manifest
from train import card, holdout, publish, record
from train.data import Films
from train.metrics import Bootstrap
from train.publish import Places
from train.scores import Scores
from train.shifts import SHIFTS
from train.split import CLASSES

REPO, FILMS = "clinic/pneumo-weights", 60


def said(seed: int) -> np.ndarray:
    """Class probabilities (N, 3) that are right more often than not."""
    logits = np.random.default_rng(seed).normal(size=(FILMS, 3))
    logits[np.arange(FILMS), np.arange(FILMS) % 3] += 1.5
    return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def films() -> Films:
    """Names and labels; nobody looks at the pictures."""
    names = {"normal": "NORMAL/IM-{}.jpeg"}
    names |= {k: f"PNEUMONIA/person{{}}_{v}_1.jpeg" for k, v in KINDS.items()}
    return Films(
        paths=["train/" + names[CLASSES[i % 3]].format(100 + i) for i in range(FILMS)],
        pixels=torch.zeros(FILMS, 1, 2, 2, dtype=torch.uint8),
        aspect=torch.linspace(1.0, 1.6, FILMS)[torch.randperm(FILMS)],
        label=torch.arange(FILMS) % 3,
    )


KINDS = {"bacterial": "bacteria", "viral": "virus"}


def write_split(path: Path) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "label", "patient", "group", "role"])
        for i, name in enumerate(films().paths):
            role = list(card.PURPOSES)[i % 4]
            writer.writerow([name, CLASSES[i % 3], f"p{i // 2}", i, role])


def write_holdout(path: Path, manifest: Manifest) -> None:
    """Made by the functions that make the real one, from invented predictions."""
    thresholds = {p.name: p.threshold for p in manifest.operating_points}
    models: dict[str, Any] = {}
    for seed, name in enumerate(["ensemble", *(m.name for m in manifest.members)]):
        shifts = {
            shift: holdout.shifted(films(), said(10 + k), 0.5) for k, shift in enumerate(SHIFTS)
        }
        bootstrap = Bootstrap(films().patients, resamples=50)
        models[name] = holdout.clean(films(), said(seed), thresholds, bootstrap)
        models[name]["shifts"] = {"by_shift": shifts, **holdout.worst_and_mean(shifts)}
    role = {
        "films": dict.fromkeys(CLASSES, FILMS // 3),
        "patients": len(set(films().patients)),
        "refused": 2,
        "refused_under_shift": dict.fromkeys(SHIFTS, 1),
        "models": models,
        "scores": Scores.of(films(), {name: said(i) for i, name in enumerate(models)}).as_json(),
    }
    known = {"schema": holdout.SCHEMA, "weights": manifest.revision, "created": "2026-01-01"}
    known |= {"accuracy_under_shift_at": holdout.SHIFT_POINT, "rows": record.rows_sha256(manifest)}
    record.write(path, known | {"roles": {card.HOLD_OUT: role}})


def write_calibration(path: Path, manifest: Manifest) -> None:
    members = {
        m.name: {"calibration": m.calibration, "nll_before": 0.4321, "nll_after": 0.3456}
        for m in manifest.members
    }
    value = {
        "weights": manifest.revision,
        "members": members,
        "reliability_on_test": manifest.reliability,
    }
    record.write(path, value)


def furnish(folder: Path, weights: Path) -> Places:
    """Weights, split and results in one folder, ready to be published."""
    made = Places(folder / "weights", folder / "results", folder / "pin.json")
    shutil.copytree(weights, made.weights)
    made.results.mkdir()
    write_split(made.results / "split.csv")
    lungs = {"dice_mean": 0.9526, "dice_5th_percentile": 0.9041, "films": 522}
    record.write(made.results / "lungs.json", lungs | {"parameters": 487713})
    path = made.weights / "manifest.json"
    manifest = dataclasses.replace(
        load_manifest(path), split_sha256=record.sha256_of(made.results / "split.csv")
    )
    path.write_text(json.dumps(dataclasses.asdict(manifest), indent=1) + "\n")
    write_holdout(made.results / "holdout.json", manifest)
    write_calibration(made.results / "calibration.json", manifest)
    return made


def run(places: Places, **options: Any) -> str:
    """Publish; returns the card."""
    given = {"repo": REPO, "revision": None, "change": None, "dry_run": True} | options
    publish.publish(places, **given)
    return (places.weights / "MODEL_CARD.md").read_text()
