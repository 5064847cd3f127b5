"""The hold-out on disk: scores that name nobody and give the metrics beside them."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import EXAMPLES, ROOT
from measured_house import films, said
from sklearn.metrics import roc_auc_score

from pneumo.comparison import Comparison
from pneumo.geometry import canonical
from pneumo.radiograph import decode
from pneumo.reader import Reader
from train import holdout, record
from train.data import Films, to_uint8
from train.metrics import Bootstrap
from train.scores import Scores

MODELS = ("ensemble", "tiny-0", "tiny-1", "tiny-known", "tiny-alone")
PATHS = {
    "normal-1.png": "train/NORMAL/IM-0115-0001.jpeg",
    "normal-2.png": "train/NORMAL/IM-0117-0001.jpeg",
    "bacterial-1.png": "train/PNEUMONIA/person1_bacteria_1.jpeg",
    "bacterial-2.png": "train/PNEUMONIA/person1_bacteria_2.jpeg",
    "viral-1.png": "train/PNEUMONIA/person9_virus_1.jpeg",
}


@pytest.fixture(scope="module")
def composites() -> Films:
    """Sample films under the names that real ones have; two of them of one child."""
    decoded = [decode((EXAMPLES / name).read_bytes()) for name in PATHS]
    return Films(
        paths=list(PATHS.values()),
        pixels=torch.cat([to_uint8(canonical(f.pixels)) for f in decoded]),
        aspect=torch.tensor([f.aspect for f in decoded]),
        label=torch.tensor([0, 0, 1, 1, 2]),
    )


@pytest.fixture(scope="module")
def role(tiny_reader: Reader, composites: Films) -> dict[str, Any]:
    thresholds = {name: {"balanced": 0.5} for name in MODELS}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(holdout, "SHIFTS", {"noise": holdout.SHIFTS["noise"]})
        measured = holdout.measure_role(Comparison(tiny_reader), composites, thresholds)
    stored: dict[str, Any] = json.loads(record.layout(record.plain(measured)))
    return stored


def test_the_scores_name_no_film_and_no_patient(role: dict[str, Any], composites: Films) -> None:
    text = json.dumps(role["scores"])
    for name in (*composites.paths, *composites.patients, "person", "IM-", "jpeg"):
        assert Path(name).stem not in text
    assert set(role["scores"]) == {"patient", "label", "classes"}


def test_two_films_of_one_child_share_a_number(role: dict[str, Any]) -> None:
    normal, other, *pneumonia = role["scores"]["patient"]
    assert pneumonia[0] == pneumonia[1]
    assert len({normal, other, *pneumonia}) == 4 == role["patients"]


def test_every_model_has_the_scores_of_every_film(role: dict[str, Any]) -> None:
    classes = role["scores"]["classes"]
    assert classes.keys() == role["models"].keys() == set(MODELS)
    assert role["scores"]["label"] == [0, 0, 1, 1, 2]
    for rows in classes.values():
        assert np.sum(rows, axis=1) == pytest.approx(np.ones(5), abs=2e-5)
    members = np.mean([classes["tiny-0"], classes["tiny-1"]], axis=0)
    assert np.array(classes["ensemble"]) == pytest.approx(members, abs=1e-5)


def test_the_scores_give_the_auroc_that_stands_beside_them(role: dict[str, Any]) -> None:
    scores = Scores.from_json(role["scores"])
    for name, model in role["models"].items():
        expected = roc_auc_score(scores.label > 0, scores.probability(name))
        assert model["pneumonia"]["auroc"]["value"] == pytest.approx(expected, abs=1e-6)


def test_stored_patients_are_drawn_as_the_named_ones_are() -> None:
    scores = Scores.of(films(), {"ensemble": said(0)})
    read = Scores.from_json(json.loads(json.dumps(scores.as_json())))
    np.testing.assert_array_equal(read.bootstrap().weights, Bootstrap(films().patients).weights)


def test_scores_of_unequal_length_are_refused() -> None:
    value = Scores.of(films(), {"ensemble": said(0)}).as_json() | {"patient": [0, 1]}
    with pytest.raises(ValueError, match="unequal length"):
        Scores.from_json(value)


@dataclasses.dataclass(frozen=True)
class Found:
    name: str
    share: float


def test_results_on_disk_are_plain_json_with_long_lists_on_one_line(tmp_path: Path) -> None:
    value = {
        "rows": [[i / 7, float("nan")] for i in range(400)],
        "found": [Found("a", 0.5), Found("b", 1 / 3)],
        "empty": {"list": [], "object": {}},
        "words": 'quoted "so"\n',
    }
    record.write(tmp_path / "result.json", value)
    text = (tmp_path / "result.json").read_text()
    assert json.loads(text) == record.plain(value)
    assert sum("0.142857" in line for line in text.splitlines()) == 1
    assert '   "name": "a",' in text.splitlines()


def test_the_stored_scores_give_the_stored_results() -> None:
    stored = json.loads((ROOT / "train" / "results" / "holdout.json").read_text())
    assert stored["schema"] == holdout.SCHEMA, "run python -m train.evaluate --role test select"
    for measured in stored["roles"].values():
        scores = Scores.from_json(measured["scores"])
        assert np.bincount(scores.label).tolist() == list(measured["films"].values())
        assert len(set(scores.patients)) == measured["patients"]
        for name, model in measured["models"].items():
            area = roc_auc_score(scores.sick, scores.probability(name))
            assert area == pytest.approx(model["pneumonia"]["auroc"]["value"], abs=1e-4)
            verdicts = scores.classes[name].argmax(axis=1)
            table = np.zeros((3, 3), int)
            np.add.at(table, (scores.label, verdicts), 1)
            assert table.tolist() == model["three_class"]["confusion"]
