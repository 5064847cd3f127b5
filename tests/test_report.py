"""The report: made twice it changes nothing, and it never mixes the results of two ensembles."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import ROOT, WEIGHTS
from measured_house import run
from PIL import Image

from pneumo.engine import TORCH
from pneumo.reader import load_reader
from train import report
from train.pages import gallery
from train.pages.sections import chosen
from train.publish import Places

README = (ROOT / "README.md").read_text()
TRAINING = (ROOT / "train" / "README.md").read_text()
RESULTS = ROOT / "train" / "results"


@pytest.fixture
def readme(tmp_path: Path) -> Path:
    path = tmp_path / "README.md"
    path.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    return path


@pytest.mark.slow
def test_a_report_made_twice_changes_nothing(places: Places, readme: Path) -> None:
    run(places)  # describes these weights, so that they have a card
    card = places.weights / "MODEL_CARD.md"
    described = card.read_text()
    card.write_text("stale")
    changed = report.renew({readme: report.block}, places, check=False)
    assert {readme, card, places.results / "figures" / "gallery.png"} < set(changed)
    assert card.read_text() == described
    assert report.renew({readme: report.block}, places, check=False) == []

    (places.results / "figures" / "risk_coverage.svg").write_text("of an earlier result")
    path = places.results / "holdout.json"
    value = json.loads(path.read_text())
    value["roles"]["test"]["models"]["ensemble"]["pneumonia"]["auroc"]["value"] = 0.1234
    path.write_text(json.dumps(value))
    text = readme.read_text()
    stale = report.renew({readme: report.block}, places, check=True)
    assert readme.read_text() == text, "--check writes nothing"
    assert {p.name for p in stale} == {"README.md", "MODEL_CARD.md", "roc.svg", "risk_coverage.svg"}
    assert set(report.renew({readme: report.block}, places, check=False)) == set(stale)
    assert "| **ensemble** | 0.123 (" in readme.read_text()
    assert not (places.results / "figures" / "risk_coverage.svg").exists()


def test_weights_that_were_never_described_have_no_card(places: Places) -> None:
    assert report.card_of(places) == {}


@pytest.mark.slow
def test_results_of_other_weights_are_left_out(
    places: Places, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("audit", "uncertainty", "external"):
        text = (RESULTS / f"{name}.json").read_text()
        (places.results / f"{name}.json").write_text(text)  # of the shipped weights
    block = report.block(places.results)
    assert "roc.svg" in block
    for word in ("shortcuts.svg", "risk_coverage.svg", "another hospital", "gallery.png"):
        assert word not in block
    assert "audit.json is of weights" in capsys.readouterr().out
    assert not [p for p in report.figures(places.results) if p.stem == "shortcuts"]


def test_a_holdout_of_an_earlier_schema_ends_the_program(places: Places) -> None:
    path = places.results / "holdout.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema": "pneumo.holdout/1"}))
    with pytest.raises(SystemExit, match=r"run python -m train\.evaluate --role"):
        report.figures(places.results)


def test_every_picture_of_the_readme_is_there_and_is_told_in_words() -> None:
    pattern = r'<img [^>]*src="([^"]+)" [^>]*alt="([^"]*)">'
    shown = set()
    for folder, text in ((ROOT, README), (ROOT / "train", TRAINING)):
        pictures = re.findall(pattern, text)
        assert len(pictures) == text.count("<img ")
        for source, words in pictures:
            assert (folder / source).exists(), source
            assert len(words) > 100
            shown.add(Path(source).name)
    assert shown >= {"reliability.svg", "roc.svg", "confusion.svg"}
    screens = {p.name for p in (ROOT / "assets" / "screens").iterdir()}
    assert shown == screens | {p.name for p in (RESULTS / "figures").iterdir()}


def test_the_readme_tells_when_and_how_its_numbers_were_made() -> None:
    stored = json.loads((RESULTS / "holdout.json").read_text())
    command = f"python -m train.evaluate --role {' '.join(stored['roles'])}"
    assert f"Weights `{stored['weights']}`, measured {stored['created']} by `{command}`" in README


def picture(grey: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.full((4, 4, 3), grey, np.uint8)).save(file, "PNG")
    return file.getvalue()


def test_a_gallery_is_redrawn_for_what_can_be_seen_and_not_for_rounding() -> None:
    assert gallery.alike(picture(100), picture(102))
    assert not gallery.alike(picture(100), picture(110))


def test_the_gallery_names_no_program_and_is_small() -> None:
    path = RESULTS / "figures" / "gallery.png"
    if not path.exists():
        pytest.skip("no gallery yet: run make report")
    assert not Image.open(path).info
    assert path.stat().st_size < 400_000


@pytest.mark.slow
@pytest.mark.weights
def test_the_committed_gallery_is_what_the_shipped_weights_read() -> None:
    reader = load_reader(WEIGHTS, device=torch.device("cpu"), engine_name=TORCH)
    for path, content in gallery.files(reader, RESULTS).items():
        assert path.read_bytes() == content, f"{path.name} is stale; run make report"


def test_the_members_reasons_are_those_of_the_set_that_they_are() -> None:
    def scored(runs: list[str], found: float, worst: float) -> dict[str, Any]:
        by_condition = {"as_found": found, "margins_cut_crossed": worst}
        return {"runs": runs, "by_condition": by_condition, "mean": found / 2, "worst": worst}

    candidates = {
        "films": 9,
        "alone": [scored(["a"], 0.91, 0.31), scored(["b"], 0.92, 0.32)],
        "sets": [scored(["a", "b"], 0.93, 0.63), scored(["a", "c"], 0.94, 0.64)],
    }
    told = chosen(candidates, ["b", "a"])
    assert "b reaches 0.920 on films as found, but 0.320" in told
    assert "gives 0.930 and 0.630" in told
    assert "0.640" not in told
    assert chosen(candidates, ["a", "d"]) == ""
