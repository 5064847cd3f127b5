"""Results are shown when they belong to the weights in use and agree with themselves; else not."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import held_out
import pytest
from conftest import WEIGHTS
from sklearn.metrics import roc_auc_score

from pneumo.bundle import load_manifest
from pneumo.evidence.holdout import Holdout
from pneumo.evidence.results import Missing, Results, load_results, parse

FILES = ("holdout", "uncertainty", "audit", "external")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return held_out.write(tmp_path_factory.mktemp("results"))


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    shutil.copytree(written, tmp_path, dirs_exist_ok=True)
    return tmp_path


def change(path: Path, edit: Callable[[Any], object]) -> None:
    value = json.loads(path.read_text())
    edit(value)
    path.write_text(json.dumps(value))


def load(folder: Path) -> Results:
    return load_results(folder, weights=held_out.WEIGHTS)


def test_whole_results_are_read(folder: Path) -> None:
    results = load(folder)
    assert not [name for name in FILES if isinstance(getattr(results, name), Missing)]


def test_the_scores_are_those_behind_the_stored_numbers(folder: Path) -> None:
    role = held_out.role_of(folder)
    for name, model in role.models.items():
        scored = role.scored(name)
        auroc = roc_auc_score(scored.sick, scored.probability)
        assert auroc == pytest.approx(model.pneumonia["auroc"].value, abs=1e-5)


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_not_there_says_what_makes_it(folder: Path, name: str) -> None:
    (folder / f"{name}.json").unlink()
    found = getattr(load(folder), name)
    assert isinstance(found, Missing)
    assert f"{name}.json is not there" in found.sentence
    assert "python -m train." in found.sentence


@pytest.mark.parametrize("name", FILES)
def test_results_of_other_weights_are_not_shown(folder: Path, name: str) -> None:
    change(folder / f"{name}.json", lambda value: value.update(weights="others"))
    found = getattr(load(folder), name)
    assert isinstance(found, Missing)
    assert "weights others, not with invented" in found.sentence


@pytest.mark.parametrize(
    "edit",
    [
        lambda v: v.update(schema="pneumo.holdout/1"),
        lambda v: v["roles"].pop("test"),
        lambda v: v["roles"]["test"]["models"].pop("ensemble"),
        lambda v: v["roles"]["test"]["models"]["cnn3"].pop("pneumonia"),
        lambda v: v["roles"]["test"].update(patients="many"),
        lambda v: v["roles"]["test"]["scores"]["label"].pop(),
        lambda v: v["roles"]["test"]["scores"]["label"].reverse(),
        lambda v: v["roles"]["test"]["scores"]["classes"].pop("cnn3"),
    ],
    ids=["schema", "role", "ensemble", "metric", "type", "short", "truth", "model"],
)
def test_results_that_contradict_themselves_are_not_shown(
    folder: Path, edit: Callable[[Any], object]
) -> None:
    change(folder / "holdout.json", edit)
    assert isinstance(load(folder).holdout, Missing)


def test_scores_that_give_another_confusion_matrix_are_not_shown(folder: Path) -> None:
    def swap(value: Any) -> None:
        rows = value["roles"]["test"]["scores"]["classes"]["cnn3"]
        rows[0], rows[-1] = [0.0, 0.5, 0.5], [0.0, 0.5, 0.5]

    change(folder / "holdout.json", swap)
    assert isinstance(load(folder).holdout, Missing)


def test_a_damaged_file_is_not_shown(folder: Path) -> None:
    (folder / "audit.json").write_text("{")
    assert isinstance(load(folder).audit, Missing)


def test_a_film_that_rounding_put_on_the_other_side_of_a_threshold_is_put_back(
    folder: Path,
) -> None:
    def nudge(value: Any) -> None:
        # The threshold just above a score that the confusion matrix counts as flagged.
        model = value["roles"]["test"]["models"]["cnn3"]
        rows = value["roles"]["test"]["scores"]["classes"]["cnn3"]
        point = model["operating_points"]["balanced"]
        flagged = [1 - row[0] for row in rows if 1 - row[0] >= point["threshold"]]
        point["threshold"] = round(min(flagged) + 3e-6, 6)

    change(folder / "holdout.json", nudge)
    role = held_out.role_of(folder)
    expected = role.models["cnn3"].operating_points["balanced"].confusion
    threshold = role.threshold("cnn3", "balanced")
    assert role.scored("cnn3").costs(threshold).films == expected


def test_what_could_not_be_measured_is_not_a_number(folder: Path) -> None:
    value = json.loads((folder / "holdout.json").read_text())
    value["roles"]["test"]["models"]["cnn3"]["pneumonia"]["auroc"]["low"] = None
    holdout = parse(Holdout, value)
    assert math.isnan(holdout.held_out.models["cnn3"].pneumonia["auroc"].low)


@pytest.mark.weights
def test_the_shipped_results_are_of_the_shipped_weights() -> None:
    revision = load_manifest(WEIGHTS / "manifest.json").revision
    results = load_results(weights=revision)
    found = {name: getattr(results, name) for name in FILES}
    assert {n: f.sentence for n, f in found.items() if isinstance(f, Missing)} == {}
