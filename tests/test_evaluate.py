"""`train.evaluate --split`: a folder of films through the Reader, by the ensemble and each row."""

from __future__ import annotations

import csv
import json
import shutil
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from conftest import EXAMPLES
from PIL import Image
from sklearn.metrics import roc_auc_score

from pneumo.reader import Reader
from train.evaluate import evaluate_split

ROWS = ("ensemble", "tiny-known", "tiny-alone")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four films in the sealed folder's layout, and a file that is none."""
    home = tmp_path_factory.mktemp("films")
    names = {
        "normal-1": "NORMAL/IM-0001-0001.jpeg",
        "normal-2": "NORMAL/IM-0002-0001.jpeg",
        "bacterial-1": "PNEUMONIA/person1_bacteria_1.jpeg",
        "viral-1": "PNEUMONIA/person2_virus_2.jpeg",
    }
    for example, name in names.items():
        (source,) = EXAMPLES.glob(f"{example}.*")
        path = home / "test" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        stream = BytesIO()
        Image.open(source).convert("L").save(stream, "JPEG", quality=95)
        path.write_bytes(stream.getvalue())
    shutil.copy(EXAMPLES / "SOURCES.md", home / "test" / "NORMAL" / "IM-0003-0001.jpeg")
    return home


@pytest.fixture(scope="module")
def out(folder: Path, tiny_reader: Reader, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out") / "test.json"
    evaluate_split(tiny_reader, folder, "test", out, every_row=True, limit=None)
    return out


def predictions(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("name", ROWS)
def test_every_row_has_a_line_of_numbers_that_its_predictions_give(out: Path, name: str) -> None:
    row = json.loads(out.read_text())["rows"][name]
    films = predictions(out.with_name(f"predictions-{name}.csv"))
    read = [film for film in films if film["p_normal"]]
    sick = [film["label"] != "normal" for film in read]
    probability = [1 - float(film["p_normal"]) for film in read]
    assert row["auroc"] == pytest.approx(roc_auc_score(sick, probability), abs=1e-5)
    called = [film["decision_balanced"] == "suspected" for film in read]
    hits = [c for c, s in zip(called, sick, strict=True) if s]
    if "refer" not in {film["decision_balanced"] for film in read}:
        assert row["sensitivity"] == pytest.approx(np.mean(hits))
    assert {"specificity", "accuracy", "balanced_accuracy", "ece", "three_class_accuracy"} <= set(
        row
    )


def test_the_ensemble_stands_beside_its_rows_and_alone(out: Path) -> None:
    result = json.loads(out.read_text())
    assert tuple(result["rows"]) == ROWS
    assert result["rows"]["ensemble"]["auroc"] == result["pneumonia"]["auroc"]["value"]
    beside = out.with_name("predictions-ensemble.csv")
    assert out.with_name("predictions.csv").read_text() == beside.read_text()


@pytest.mark.parametrize("name", ROWS)
def test_a_refused_film_keeps_its_line_and_is_referred(out: Path, name: str) -> None:
    films = predictions(out.with_name(f"predictions-{name}.csv"))
    assert len(films) == 5
    (refused,) = [film for film in films if not film["p_normal"]]
    assert refused["decision_screening"] == "refer"
    (noted,) = json.loads(out.read_text())["refused"]
    assert noted["file"] == refused["file"]
