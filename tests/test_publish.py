"""Publishing: a pin that fits, results that belong, and files that come back as they went."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants
from huggingface_hub.utils import disable_progress_bars, enable_progress_bars
from local_hub import LocalHub
from measured_house import REPO, run

from pneumo.bundle import WeightFile, load_manifest
from pneumo.hub import load_pin, load_published
from train.publish import Places, tag_of


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
    assert pin.repo == REPO
    assert pin.revision.startswith("weights-tiny-")
    stored = hub.commits[hub.refs[pin.revision]]
    assert stored["README.md"].decode() == text
    assert "member_old.safetensors" not in stored
    assert hashlib.sha256(stored["manifest.json"]).hexdigest() == pin.manifest_sha256
    assert load_published(pin).manifest == load_manifest(places.weights / "manifest.json")


def test_publishing_again_renews_the_card_but_never_moves_the_tag(
    places: Places, hub: LocalHub
) -> None:
    run(places, dry_run=False)
    tag = load_pin(places.pin).revision
    tagged = hub.refs[tag]
    text = run(places, dry_run=False, change="A better sentence.")
    assert hub.refs[tag] == tagged
    assert hub.commits[hub.refs["main"]]["README.md"].decode() == text


def test_another_row_is_another_tag_of_the_same_revision(places: Places) -> None:
    manifest = load_manifest(places.weights / "manifest.json")
    tags = [tag_of(dataclasses.replace(manifest, rows=manifest.rows[:n])) for n in range(3)]
    assert len(set(tags)) == 3
    assert all(tag.startswith(f"weights-{manifest.revision}") for tag in tags)


def test_another_gate_is_another_tag_of_the_same_revision(places: Places) -> None:
    manifest = load_manifest(places.weights / "manifest.json")
    gates = [None, *(WeightFile("gate.safetensors", digit * 64) for digit in "ab")]
    tags = {tag_of(dataclasses.replace(manifest, gate=gate)) for gate in gates}
    assert len(tags) == 3
    assert all(tag.startswith(f"weights-{manifest.revision}") for tag in tags)


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
