"""The model card: prose from ``model_card.md.jinja``, every number from train/results/*.json.

Nothing is typed by hand and nothing depends on the clock, so the same results give the same card.
A section whose results file is not there is left out. Results of other weights end the program.
"""

from __future__ import annotations

import csv
import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
from huggingface_hub import EvalResult, ModelCard, ModelCardData

from pneumo.bundle import MANIFEST, Manifest, load_manifest
from pneumo.calibration import Interval
from train import record
from train.holdout import ENSEMBLE

MODEL_NAME = "Pneumo weights"
CARD = "MODEL_CARD.md"
TEMPLATE = Path(__file__).with_name("model_card.md.jinja")
HOLD_OUT = "test"  # the role's name in the split; the official test folder is another thing
NORMAL = "normal"

PROVENANCE = {
    "resnet18": "resnet18: ImageNet weights of torchvision (BSD-3-Clause), recovered in part: the "
    "stem to layer3 and the downsampling of layer4; the 3x3 convolutions of layer4 and the head "
    "began at random.",
    "mobilenet_v2": "mobilenet_v2: ImageNet weights of Google's MobileNetV2 1.0 (Apache-2.0), "
    "complete, from a model that keeps them in 8 bits with its BatchNorm folded; the head began at "
    "random.",
    "densenet121": "densenet121: from scratch.",
}
PURPOSES = {
    "fit": "training the members",
    "select": "early stopping and the choice of settings",
    "calibrate": "temperatures, thresholds, limits",
    HOLD_OUT: "the numbers below (hold-out)",
}
# Measured where somebody has run them: official_test.json by train.evaluate --split test, the
# others by the command of their name. Each has its section in the template.
OPTIONAL = ("official_test", "external", "audit", "uncertainty")


@dataclass(frozen=True)
class Results:
    """What was measured with exactly the weights of a manifest."""

    manifest: Manifest
    holdout: dict[str, Any]  # role "test" of holdout.json
    accuracy_under_shift_at: str
    calibration: dict[str, Any]
    lungs: dict[str, Any]
    roles: list[dict[str, Any]]
    optional: dict[str, dict[str, Any] | None]  # by name; None where it was not measured
    versions: list[dict[str, str]]

    @property
    def ensemble(self) -> dict[str, Any]:
        measured: dict[str, Any] = self.holdout["models"][ENSEMBLE]
        return measured


def load_results(folder: Path, manifest: Manifest) -> Results:
    """Read train/results. Ends the program when a file is missing or is about other weights."""
    holdout = _of_these_weights(folder / "holdout.json", manifest)
    if HOLD_OUT not in holdout["roles"]:
        raise SystemExit(
            f"holdout.json lacks role {HOLD_OUT}; run python -m train.evaluate --role."
        )
    split = folder / "split.csv"
    if record.sha256_of(split) != manifest.split_sha256:
        raise SystemExit(f"{split} is not the split these weights were made from.")
    return Results(
        manifest=manifest,
        holdout=holdout["roles"][HOLD_OUT],
        accuracy_under_shift_at=holdout["accuracy_under_shift_at"],
        calibration=_of_these_weights(folder / "calibration.json", manifest),
        lungs=json.loads((folder / "lungs.json").read_text()),
        roles=role_counts(split),
        optional={
            name: _of_these_weights(path, manifest) if path.exists() else None
            for name in OPTIONAL
            for path in [folder / f"{name}.json"]
        },
        versions=json.loads((folder / "versions.json").read_text()),
    )


def _of_these_weights(path: Path, manifest: Manifest) -> dict[str, Any]:
    if not path.exists():
        raise SystemExit(f"{path} is missing; measure the weights before publishing them.")
    result: dict[str, Any] = json.loads(path.read_text())
    if result["weights"] != manifest.revision:
        raise SystemExit(
            f"{path} was measured with weights {result['weights']}, not {manifest.revision}."
        )
    return result


def role_counts(split: Path) -> list[dict[str, Any]]:
    """Films by class and patients of every role of the split."""
    with split.open(newline="") as file:
        rows = list(csv.DictReader(file))
    counts = []
    for role, purpose in PURPOSES.items():
        films = [row for row in rows if row["role"] == role]
        labels = [row["label"] for row in films]
        counts.append(
            {
                "name": role,
                "films": len(films),
                **{name: labels.count(name) for name in (NORMAL, "bacterial", "viral")},
                "patients": len({row["patient"] for row in films}),
                "purpose": purpose,
            }
        )
    return counts


def eval_results(results: Results) -> list[EvalResult]:
    """The hold-out numbers of the ensemble in the Hub's own form."""
    points, pneumonia = results.ensemble["operating_points"], results.ensemble["pneumonia"]
    classes = results.ensemble["three_class"]["metrics"]
    named = {
        ("roc_auc", "AUROC, pneumonia"): pneumonia["auroc"],
        ("expected_calibration_error", "ECE, 15 equal-mass bins"): pneumonia["ece"],
        ("accuracy", "Accuracy, balanced point"): points["balanced"]["metrics"]["accuracy"],
        ("recall", "Sensitivity, screening point"): points["screening"]["metrics"]["sensitivity"],
        ("specificity", "Specificity, screening point"): points["screening"]["metrics"][
            "specificity"
        ],
        ("accuracy", "Accuracy, three classes"): classes["accuracy"],
        ("f1", "Macro-F1, three classes"): classes["macro_f1"],
    }
    return [
        EvalResult(
            task_type="image-classification",
            dataset_type="kermany-2018-chest-xray",
            dataset_name="Kermany et al. 2018, patient-wise hold-out of the train folder",
            dataset_split="hold-out of train",
            metric_type=kind,
            metric_name=name,
            metric_value=measured["value"],
        )
        for (kind, name), measured in named.items()
    ]


def decimal(value: float) -> str:
    """A number to three decimals."""
    return f"{value:.3f}"


def measured(metric: Mapping[str, float | None] | Interval) -> str:
    """A metric with its interval; one that could not be measured says so."""
    if isinstance(metric, Interval):
        metric = dataclasses.asdict(metric)
    value, low, high = metric["value"], metric["low"], metric["high"]
    if value is None or low is None or high is None:
        return "not measurable"
    return f"{decimal(value)} ({decimal(low)} to {decimal(high)})"


def words(name: str) -> str:
    """A key of the results as it is read: rule_in, rule in."""
    return name.replace("_", " ")


def body(results: Results) -> str:
    """The card's text. A name the template does not find is an error, never a blank."""
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, autoescape=False, keep_trailing_newline=True
    )
    environment.filters |= {"decimal": decimal, "measured": measured, "words": words}
    manifest, ensemble = results.manifest, results.ensemble
    recalls = ensemble["three_class"]["metrics"]
    shifts = ensemble.get("shifts", {}).get("by_shift", {})
    architectures = dict.fromkeys(member.architecture for member in manifest.members)
    return environment.from_string(TEMPLATE.read_text()).render(
        model_name=MODEL_NAME,
        manifest=manifest,
        members=manifest.members,
        provenance=[PROVENANCE[name] for name in architectures],
        lungs=results.lungs,
        roles=results.roles,
        holdout=results.holdout,
        ensemble=ensemble,
        calibration=results.calibration,
        accuracy_under_shift_at=results.accuracy_under_shift_at,
        **results.optional,
        weakest_class=min(manifest.classes, key=lambda c: recalls[f"recall_{c}"]["value"]),
        worst_shift=min(shifts, key=lambda s: shifts[s]["auroc"], default=""),
        prevalence=f"{100 * manifest.training_prevalence:.0f} %",
        versions=results.versions,
    )


def model_card(results: Results) -> ModelCard:
    """The whole card with its metadata."""
    data = ModelCardData(
        language="en",
        license="cc-by-4.0",
        library_name="pneumo",
        pipeline_tag="image-classification",
        tags=["chest-x-ray", "paediatric", "pneumonia", "calibration", "research-only"],
        model_name=MODEL_NAME,
        eval_results=eval_results(results),
    )
    return ModelCard(f"---\n{data.to_yaml()}\n---\n{body(results)}")


def write_card(weights: Path, results: Path) -> Path:
    """Write weights/MODEL_CARD.md anew; returns its path. Ends the program as load_results does."""
    card = model_card(load_results(results, load_manifest(weights / MANIFEST)))
    path = weights / CARD
    path.write_text(str(card))
    return path
