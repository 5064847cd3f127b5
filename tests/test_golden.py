"""The shipped ensemble's and every row's answer to every example, to 1e-3.

After new weights or examples, look at the change and write the answers anew:

    python -m tests.test_golden
"""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pneumo.comparison import Comparison
from pneumo.errors import PneumoError
from pneumo.reader import Reader, load_reader

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
GOLDEN = Path(__file__).with_name("golden.json")
WEIGHTS = ROOT / "weights"
ENSEMBLE = "ensemble"

pytestmark = [pytest.mark.slow, pytest.mark.weights]


def example_files() -> list[Path]:
    return sorted(p for p in EXAMPLES.iterdir() if p.suffix != ".md")


Answers = dict[str, dict[str, float | None]]  # model -> file -> probability; None: refused


def answers(comparison: Comparison) -> Answers:
    """What the ensemble and every row say of every example."""
    rows = [row.member.name for row, _ in comparison.rows]
    said: Answers = {name: {} for name in (ENSEMBLE, *rows)}
    for path in example_files():
        try:
            reading = comparison.reader.read(path.read_bytes())
        except PneumoError:
            for each in said.values():
                each[path.name] = None
            continue
        said[ENSEMBLE][path.name] = round(reading.estimate.probability, 4)
        for opinion in comparison.ask(reading):
            said[opinion.name][path.name] = round(opinion.estimate.probability, 4)
    return said


@pytest.fixture(scope="module")
def reader() -> Reader:
    return load_reader(WEIGHTS, device=torch.device("cpu"))


def test_every_example_reads_as_it_did_when_the_weights_were_made(reader: Reader) -> None:
    golden = json.loads(GOLDEN.read_text())
    assert golden["weights"] == reader.manifest.revision
    said = answers(Comparison(reader))
    assert said.keys() == golden["probability"].keys()
    for model, films in golden["probability"].items():
        assert said[model].keys() == films.keys()
        for name, probability in films.items():
            assert said[model][name] == pytest.approx(probability, abs=1e-3), f"{model}: {name}"


def test_each_composites_reading_agrees_with_its_class(reader: Reader) -> None:
    seen = set()
    for path in example_files():
        kind = path.name.split("-")[0].split("_")[0]
        if kind in reader.manifest.classes:
            pattern = reader.read(path.read_bytes()).estimate.pattern
            assert reader.manifest.classes[int(np.argmax(pattern))] == kind, path.name
            seen.add(kind)
    assert seen == set(reader.manifest.classes)


def test_an_example_enlarged_three_times_reads_alike(reader: Reader) -> None:
    for path in sorted(EXAMPLES.glob("*.png")):
        with Image.open(path) as picture:
            if picture.mode != "L":
                continue
            grown = picture.resize(
                (picture.width * 3, picture.height * 3), Image.Resampling.BICUBIC
            )
        file = io.BytesIO()
        grown.save(file, "PNG")
        try:
            small = reader.read(path.read_bytes()).estimate.probability
        except PneumoError:
            continue  # the non-film
        large = reader.read(file.getvalue()).estimate.probability
        assert large == pytest.approx(small, abs=0.05), path.name


if __name__ == "__main__":
    shipped = load_reader(WEIGHTS, device=torch.device("cpu"))
    golden = {
        "weights": shipped.manifest.revision,
        "probability": answers(Comparison(shipped)),
    }
    GOLDEN.write_text(json.dumps(golden, indent=1) + "\n")
