"""The model card: every number is the results', and what was not measured is not there."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from conftest import ROOT, WEIGHTS
from huggingface_hub import ModelCard
from measured_house import FILMS, films, run, said

from pneumo.bundle import load_manifest
from pneumo.calibration import Estimate, MemberCalibration
from pneumo.decision import Decision
from train import card, evaluate, external, intervention, record, uncertainty
from train.answers import Answer
from train.metrics import Bootstrap
from train.publish import Places
from train.shares import share
from train.split import CLASSES

NUMBER = re.compile(r"-?\d+\.\d{3}(?!\d)")


def numbers_in(value: Any) -> set[str]:
    """Every number of a JSON value, to the three decimals of the card."""
    if isinstance(value, dict):
        return set().union(*map(numbers_in, value.values())) if value else set()
    if isinstance(value, list):
        return set().union(*map(numbers_in, value)) if value else set()
    return {f"{value:.3f}"} if isinstance(value, int | float) else set()


def test_every_decimal_of_the_card_stands_in_the_results(places: Places) -> None:
    text = run(places).split("\n---\n", 1)[1]
    known = numbers_in(json.loads((places.weights / "manifest.json").read_text()))
    for path in places.results.glob("*.json"):
        known |= numbers_in(json.loads(path.read_text()))
    shown = NUMBER.findall(text)
    assert len(shown) > 100
    assert not set(shown) - known


def test_a_changed_result_changes_the_card(places: Places) -> None:
    before = run(places)
    path = places.results / "holdout.json"
    value = json.loads(path.read_text())
    auroc = value["roles"]["test"]["models"]["ensemble"]["pneumonia"]["auroc"]
    auroc |= {"value": 0.1234, "low": 0.1111, "high": 0.1357}
    path.write_text(json.dumps(value))
    after = run(places)
    assert "0.123 (0.111 to 0.136)" in after
    assert "0.123 (0.111 to 0.136)" not in before


def test_the_hubs_metadata_hold_the_ensembles_results(places: Places) -> None:
    read = ModelCard(run(places)).data
    stored = json.loads((places.results / "holdout.json").read_text())
    ensemble = stored["roles"]["test"]["models"]["ensemble"]
    found = {r.metric_name: r.metric_value for r in read.eval_results or []}
    assert found["AUROC, pneumonia"] == ensemble["pneumonia"]["auroc"]["value"]
    screening = ensemble["operating_points"]["screening"]["metrics"]
    assert found["Sensitivity, screening point"] == screening["sensitivity"]["value"]
    assert found["Specificity, screening point"] == screening["specificity"]["value"]
    assert len(found) == 7
    front = yaml.safe_load(run(places).split("---\n")[1])
    assert front["license"] == "cc-by-4.0"
    assert front["model-index"][0]["results"]


def test_the_card_counts_the_films_of_every_role(places: Places) -> None:
    text = run(places)
    with (places.results / "split.csv").open() as file:
        rows = [r for r in csv.DictReader(file) if r["role"] == "calibrate"]
    kinds = [sum(r["label"] == name for r in rows) for name in CLASSES]
    patients = len({r["patient"] for r in rows})
    assert f"| calibrate | {len(rows)} | {' | '.join(map(str, kinds))} | {patients} |" in text


SECTIONS = {
    "official_test": "## Results on the official test folder",
    "external": "## Films of another origin",
    "audit": "## Shortcut audit",
    "uncertainty": "## Does it know when it is wrong?",
}


def test_what_was_not_measured_has_no_section(places: Places) -> None:
    text = run(places)
    assert SECTIONS.keys() == set(card.OPTIONAL)
    assert not [title for title in SECTIONS.values() if title in text]


def test_an_official_test_gets_its_section(places: Places) -> None:
    manifest = load_manifest(places.weights / "manifest.json")
    rows = [
        Answer(
            file=path,
            label=CLASSES[i % 3],
            patient=f"p{i}",
            classes=tuple(p),
            decisions={q.name: Decision.SUSPECTED for q in manifest.operating_points},
            reason=None,
        )
        for i, (path, p) in enumerate(zip(films().paths, said(3).tolist(), strict=True))
    ]
    result = {"weights": manifest.revision, **evaluate.summary(rows, manifest.operating_points)}
    record.write(places.results / "official_test.json", result)
    text = run(places)
    stored = json.loads((places.results / "official_test.json").read_text())
    assert SECTIONS["official_test"] in text
    assert f"AUROC {stored['pneumonia']['auroc']['value']:.3f}" in text


def test_films_of_another_origin_get_their_section(places: Places) -> None:
    manifest = load_manifest(places.weights / "manifest.json")
    thresholds = {p.name: p.threshold for p in manifest.operating_points}
    outcomes = [
        external.Outcome(
            external.Case(f"{i}.png", i % 2 == 1, "AP", f"p{i}", True, False),
            float(p),
            dict.fromkeys(thresholds, Decision.REFER),
        )
        for i, p in enumerate(said(4)[:, 1])
    ]
    groups = {"all": external.summary(outcomes, thresholds), "children": external.summary([], {})}
    record.write(
        places.results / "external.json",
        {"weights": manifest.revision, "population": "adults", "groups": groups},
    )
    text = run(places)
    assert SECTIONS["external"] in text
    assert "Films of adults. This is what happens there" in text
    assert "| children |" not in text


def estimates() -> list[Estimate]:
    logits = np.log(np.stack([said(5), said(6)], axis=1))  # (N, 2, 3)
    return [Estimate.from_members(film, [MemberCalibration(1.0, 0.0, 1.0)] * 2) for film in logits]


def test_the_referral_of_doubtful_films_gets_its_section(places: Places) -> None:
    manifest = load_manifest(places.weights / "manifest.json")
    bootstrap = Bootstrap(films().patients, resamples=50)
    wrong = (np.array([e.probability for e in estimates()]) >= 0.5) != (np.arange(FILMS) % 3 > 0)
    certainty = uncertainty.certainties(estimates(), wrong, 0.5)
    clean = {
        "wrong": share(wrong, films().patients, bootstrap),
        "referring_by": {
            name: uncertainty.referred_first(wrong, c, bootstrap) for name, c in certainty.items()
        },
        "shipped_rule": uncertainty.shipped_rule(estimates(), films(), manifest, bootstrap),
    }
    result = {"operating_point": "balanced", "disagreement_limit": manifest.disagreement_limit}
    result |= {"weights": manifest.revision, "conditions": {"clean": clean}}
    record.write(places.results / "uncertainty.json", result)
    text = run(places)
    assert SECTIONS["uncertainty"] in text
    assert f"(wrong without referral: {wrong.mean():.3f}" in text


def test_the_shortcut_audit_gets_its_section(places: Places) -> None:
    thresholds = {"screening": 0.2, "balanced": 0.5}
    bootstrap = Bootstrap(films().patients, resamples=50)
    before, after = 1 - said(5)[:, 0], 1 - said(6)[:, 0]
    effect = intervention.effect(before, after, films(), thresholds, bootstrap)
    alone = {"auroc": effect.auroc_before, "median_normal": 1.25, "median_pneumonia": 1.5}
    altered = {
        "words": "film squeezed",
        "refused": share(before > 2, films().patients, bootstrap),
        "models": {"ensemble": effect},
    }
    result = {
        "weights": "tiny",
        "films": dict.fromkeys(CLASSES, FILMS // 3),
        "thresholds": thresholds,
        "auroc_unaltered": {"ensemble": effect.auroc_before},
        "nuisances": {"aspect": {"alone": {"width": alone}, "altered": {"narrower": altered}}},
    }
    record.write(places.results / "audit.json", result)
    text = run(places)
    assert SECTIONS["audit"] in text
    assert f"| aspect | film squeezed | {np.abs(after - before).mean():.3f} (" in text


@pytest.mark.weights
def test_the_shipped_card_is_what_the_results_give(tmp_path: Path) -> None:
    if not (WEIGHTS / "MODEL_CARD.md").exists():
        pytest.skip("these weights are not published yet")
    results = card.load_results(record.RESULTS, load_manifest(WEIGHTS / "manifest.json"))
    shipped = (WEIGHTS / "MODEL_CARD.md").read_text()
    assert str(card.model_card(results)) == shipped
    assert str(ROOT) not in shipped
