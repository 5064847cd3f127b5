"""Publishing: a card whose numbers are the results', a pin that fits, and files that come back."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from conftest import ROOT, WEIGHTS
from huggingface_hub import ModelCard, constants
from huggingface_hub.utils import disable_progress_bars, enable_progress_bars
from local_hub import LocalHub

from pneumo.bundle import Manifest, load_manifest
from pneumo.decision import Decision
from pneumo.hub import load_pin, load_published
from train import card, evaluate, external, holdout, publish, record
from train.data import Films
from train.metrics import Bootstrap
from train.publish import Places
from train.shifts import SHIFTS
from train.split import CLASSES

REPO, FILMS = "clinic/pneumo-weights", 60
NUMBER = re.compile(r"-?\d+\.\d{3}(?!\d)")


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
    }
    known = {"weights": manifest.revision, "accuracy_under_shift_at": holdout.SHIFT_POINT}
    record.write(path, known | {"roles": {card.HOLD_OUT: role}})


def write_calibration(path: Path, manifest: Manifest) -> None:
    members = {
        m.name: {"temperature": m.temperature, "nll_before": 0.4321, "nll_after": 0.3456}
        for m in manifest.members
    }
    value = {
        "weights": manifest.revision,
        "members": members,
        "reliability_on_test": manifest.reliability,
    }
    record.write(path, value)


@pytest.fixture(scope="module")
def measured(tiny_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Places:
    """A complete house of the tiny ensemble with invented results."""
    folder = tmp_path_factory.mktemp("house")
    made = Places(folder / "weights", folder / "results", folder / "pin.json")
    shutil.copytree(tiny_weights, made.weights)
    made.results.mkdir()
    write_split(made.results / "split.csv")
    record.write(made.results / "lungs.json", {"dice_mean": 0.9526, "films": 522})
    path = made.weights / "manifest.json"
    manifest = dataclasses.replace(
        load_manifest(path), split_sha256=record.sha256_of(made.results / "split.csv")
    )
    path.write_text(json.dumps(dataclasses.asdict(manifest), indent=1) + "\n")
    write_holdout(made.results / "holdout.json", manifest)
    write_calibration(made.results / "calibration.json", manifest)
    return made


@pytest.fixture
def places(measured: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    """A copy of that house, to publish from and to damage."""
    monkeypatch.setitem(card.PROVENANCE, "tiny", "tiny: from scratch, for tests.")
    folder = Path(shutil.copytree(measured.pin.parent, tmp_path / "house"))
    return Places(folder / "weights", folder / "results", folder / "pin.json")


def run(places: Places, **options: Any) -> str:
    """Publish; returns the card."""
    given = {"repo": REPO, "revision": None, "change": None, "dry_run": True} | options
    publish.publish(places, **given)
    return (places.weights / "MODEL_CARD.md").read_text()


def numbers_in(value: Any) -> set[str]:
    """Every number of a JSON value, to the three decimals of the card."""
    if isinstance(value, dict):
        return set().union(*map(numbers_in, value.values())) if value else set()
    if isinstance(value, list):
        return set().union(*map(numbers_in, value)) if value else set()
    return {f"{value:.3f}"} if isinstance(value, int | float) else set()


def test_a_dry_run_lists_what_would_be_uploaded_and_asks_no_network(
    places: Places, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")  # nobody answers there
    run(places)
    printed = capsys.readouterr().out
    expected = {p.name for p in places.weights.iterdir()} - {"MODEL_CARD.md"} | {"README.md"}
    listed = dict(reversed(line.split(" MB  ")) for line in printed.splitlines()[:-1])
    assert listed.keys() == expected
    size = (places.weights / "lungs.safetensors").stat().st_size
    assert float(listed["lungs.safetensors"]) == pytest.approx(size / 1e6, abs=5e-4)
    assert printed.splitlines()[-1].startswith("dry run: nothing was uploaded")


def test_publishing_twice_changes_nothing(places: Places) -> None:
    run(places)
    before = {p: p.read_bytes() for p in places.pin.parent.rglob("*") if p.is_file()}
    run(places, repo=None)
    assert {p: p.read_bytes() for p in places.pin.parent.rglob("*") if p.is_file()} == before


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
        evaluate.Row(
            file=path,
            label=CLASSES[i % 3],
            patient=f"p{i}",
            classes=tuple(p),
            decisions={q.name: Decision.SUSPECTED for q in manifest.operating_points},
            reason=None,
        )
        for i, (path, p) in enumerate(zip(films().paths, said(3).tolist(), strict=True))
    ]
    result = {"weights": manifest.revision, **evaluate.summary(rows, manifest)}
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
    assert "Not the population claimed (adults)" in text
    assert "| children |" not in text


@pytest.mark.parametrize("name", ["holdout.json", "calibration.json"])
def test_results_of_other_weights_are_never_published(places: Places, name: str) -> None:
    path = places.results / name
    path.write_text(json.dumps(json.loads(path.read_text()) | {"weights": "others"}))
    with pytest.raises(SystemExit, match=f"{name} was measured with weights others"):
        run(places)


def test_weights_that_were_not_measured_are_never_published(places: Places) -> None:
    (places.results / "holdout.json").unlink()
    with pytest.raises(SystemExit, match=r"holdout\.json is missing; measure"):
        run(places)


def test_a_changed_split_is_found(places: Places) -> None:
    path = places.results / "split.csv"
    path.write_text(path.read_text() + "x,normal,x,999,fit\n")
    with pytest.raises(SystemExit, match="not the split"):
        run(places)


def test_without_a_repository_nothing_is_bound(places: Places) -> None:
    with pytest.raises(SystemExit, match="--repo OWNER/NAME"):
        run(places, repo=None)
    assert not places.pin.exists()


def test_the_version_history_keeps_one_line_per_revision(places: Places) -> None:
    run(places)
    text = run(places, change="The first of its kind.")
    versions = json.loads((places.results / "versions.json").read_text())
    assert [v["weights"] for v in versions] == ["tiny"]
    assert "| `tiny` | 2026-01-01 | The first of its kind. |" in text


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalHub]:
    """An empty repository that earlier weights were published to, and a logged-in client."""
    local = LocalHub(REPO)
    local.commit({".gitattributes": b"", "member_old.safetensors": b"old"})
    disable_progress_bars()
    with local.serving():
        template = f"{local.endpoint}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
        monkeypatch.setattr(constants, "ENDPOINT", local.endpoint)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        yield local
    enable_progress_bars()


def test_what_is_published_is_what_an_installation_pulls(places: Places, hub: LocalHub) -> None:
    text = run(places, dry_run=False)
    pin = load_pin(places.pin)
    assert (pin.repo, pin.revision) == (REPO, "weights-tiny")
    stored = hub.commits[hub.refs["weights-tiny"]]
    assert stored["README.md"].decode() == text
    assert "member_old.safetensors" not in stored
    assert hashlib.sha256(stored["manifest.json"]).hexdigest() == pin.manifest_sha256
    assert load_published(pin).manifest == load_manifest(places.weights / "manifest.json")


def test_publishing_again_renews_the_card_but_never_moves_the_tag(
    places: Places, hub: LocalHub
) -> None:
    run(places, dry_run=False)
    tagged = hub.refs["weights-tiny"]
    text = run(places, dry_run=False, change="A better sentence.")
    assert hub.refs["weights-tiny"] == tagged
    assert hub.commits[hub.refs["main"]]["README.md"].decode() == text


def test_other_weights_are_never_published_under_a_tag_in_use(
    places: Places, hub: LocalHub
) -> None:
    run(places, dry_run=False)
    before = dict(hub.refs)
    path = places.weights / "manifest.json"
    manifest = dataclasses.replace(load_manifest(path), disagreement_limit=0.2)
    path.write_text(json.dumps(dataclasses.asdict(manifest)))
    with pytest.raises(SystemExit, match="choose another --revision"):
        run(places, dry_run=False)
    assert hub.refs == before


@pytest.mark.weights
def test_the_shipped_card_is_what_the_results_give(tmp_path: Path) -> None:
    if not (WEIGHTS / "MODEL_CARD.md").exists():
        pytest.skip("these weights are not published yet")
    results = card.load_results(record.RESULTS, load_manifest(WEIGHTS / "manifest.json"))
    shipped = (WEIGHTS / "MODEL_CARD.md").read_text()
    assert str(card.model_card(results)) == shipped
    assert str(ROOT) not in shipped
