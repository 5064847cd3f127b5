"""The published weights: pulled once, checked always, read offline; against a local Hub."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import ROOT, WEIGHTS, TinyNetwork
from huggingface_hub import constants
from huggingface_hub.utils import disable_progress_bars, enable_progress_bars
from local_hub import Files, LocalHub

from pneumo.errors import BrokenBundle
from pneumo.hub import PIN, Pin, load_pin, load_published

REPO, TAG = "clinic/pneumo-weights", "weights-tiny"
MEMBER = "member_tiny-0.safetensors"


@pytest.fixture
def files(tiny_weights: Path) -> Files:
    return {p.name: p.read_bytes() for p in tiny_weights.iterdir()} | {"README.md": b"# Card\n"}


@pytest.fixture
def pin(files: Files) -> Pin:
    return Pin(REPO, TAG, hashlib.sha256(files["manifest.json"]).hexdigest())


@pytest.fixture
def hub(files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalHub]:
    """A Hub that holds the tiny ensemble, and a client with an empty cache that asks it."""
    local = LocalHub(REPO)
    local.commit(files, tag=TAG)
    with local.serving():
        point_client_at(local, tmp_path / "cache", monkeypatch)
        yield local


def point_client_at(local: LocalHub, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What HF_ENDPOINT and HF_HUB_CACHE would set, had this process not imported the client yet."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.setattr(constants, "ENDPOINT", local.endpoint)
    monkeypatch.setattr(
        constants,
        "HUGGINGFACE_CO_URL_TEMPLATE",
        f"{local.endpoint}/{{repo_id}}/resolve/{{revision}}/{{filename}}",
    )
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    disable_progress_bars()
    yield
    enable_progress_bars()


def test_the_pinned_weights_are_pulled_and_nothing_else(hub: LocalHub, pin: Pin) -> None:
    bundle = load_published(pin)
    assert bundle.manifest.revision == "tiny"
    assert all(isinstance(member, TinyNetwork) for member in bundle.members)
    assert not [r for r in hub.requests if "README" in r]


def test_a_later_start_asks_the_network_nothing(hub: LocalHub, pin: Pin) -> None:
    load_published(pin)
    asked = len(hub.requests)
    assert load_published(pin).manifest.revision == "tiny"
    assert len(hub.requests) == asked


def test_later_versions_on_the_hub_change_nothing(hub: LocalHub, pin: Pin, files: Files) -> None:
    hub.commit(files | {"manifest.json": b"{}"})
    assert load_published(pin).manifest.revision == "tiny"


def test_a_download_damaged_on_the_way_is_refused_and_the_next_start_mends_it(
    hub: LocalHub, pin: Pin, files: Files
) -> None:
    flipped = bytearray(files[MEMBER])
    flipped[-1] ^= 1
    hub.altered[MEMBER] = bytes(flipped)
    with pytest.raises(BrokenBundle, match=rf"{MEMBER}: sha256 .* try again later"):
        load_published(pin)
    hub.altered.clear()
    assert load_published(pin).manifest.revision == "tiny"


def test_a_download_cut_short_is_refused(hub: LocalHub, pin: Pin, files: Files) -> None:
    hub.altered[MEMBER] = files[MEMBER][:-8]
    with pytest.raises(BrokenBundle, match="could not be downloaded completely"):
        load_published(pin)


def test_a_file_the_hub_has_lost_is_refused(hub: LocalHub, pin: Pin) -> None:
    hub.lost.add(MEMBER)
    with pytest.raises(BrokenBundle, match="could not be downloaded completely"):
        load_published(pin)


@pytest.mark.parametrize("name", [MEMBER, "manifest.json"])
def test_a_revision_without_one_of_its_files_is_refused(
    hub: LocalHub, pin: Pin, files: Files, name: str
) -> None:
    hub.commit({k: v for k, v in files.items() if k != name}, tag=TAG)
    with pytest.raises(BrokenBundle, match=f"{name} is missing"):
        load_published(pin)


def test_a_tag_moved_to_other_weights_is_refused(hub: LocalHub, pin: Pin, files: Files) -> None:
    """The new manifest is valid in itself: only the pin tells that it is another one."""
    manifest = json.loads(files["manifest.json"])
    manifest["operating_points"][0]["threshold"] = 0.7
    hub.commit(files | {"manifest.json": json.dumps(manifest).encode()}, tag=TAG)
    with pytest.raises(BrokenBundle, match=r"manifest\.json: sha256 .*, the pin says"):
        load_published(pin)


def test_a_file_altered_in_the_cache_is_fetched_anew(
    hub: LocalHub, pin: Pin, tmp_path: Path
) -> None:
    load_published(pin)
    (cached,) = (tmp_path / "cache").rglob(f"snapshots/*/{MEMBER}")
    cached.resolve().write_bytes(b"altered")
    assert load_published(pin).manifest.revision == "tiny"


def test_a_file_removed_from_the_cache_is_fetched_anew(
    hub: LocalHub, pin: Pin, tmp_path: Path
) -> None:
    load_published(pin)
    (cached,) = (tmp_path / "cache").rglob(f"snapshots/*/{MEMBER}")
    cached.unlink()
    assert load_published(pin).manifest.revision == "tiny"


def test_without_a_network_and_without_a_copy_the_refusal_says_what_to_do(
    hub: LocalHub, pin: Pin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(BrokenBundle, match="connect to the internet once"):
        load_published(pin)
    assert not hub.requests


def test_a_hub_that_is_down_is_refused_without_a_copy_and_not_missed_with_one(
    files: Files, pin: Pin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = LocalHub(REPO)
    local.commit(files, tag=TAG)
    with local.serving():
        point_client_at(local, tmp_path / "pulled", monkeypatch)
        load_published(pin)
    assert load_published(pin).manifest.revision == "tiny"
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "empty"))
    with pytest.raises(BrokenBundle, match="cannot be reached; connect to the internet once"):
        load_published(pin)


def test_an_unknown_revision_is_refused(hub: LocalHub, pin: Pin) -> None:
    with pytest.raises(BrokenBundle, match="holds no weights weights-other; update Pneumo"):
        load_published(dataclasses.replace(pin, revision="weights-other"))


def test_an_unknown_repository_is_refused(hub: LocalHub, pin: Pin) -> None:
    with pytest.raises(BrokenBundle, match="no repository clinic/other"):
        load_published(dataclasses.replace(pin, repo="clinic/other"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"repo": "a/b", "revision": "v1"}',
        json.dumps({"repo": "a/b", "revision": "v1", "manifest_sha256": "0" * 64, "more": 1}),
        json.dumps({"repo": "a", "revision": "v1", "manifest_sha256": "0" * 64}),
        json.dumps({"repo": "a/b", "revision": "", "manifest_sha256": "0" * 64}),
        json.dumps({"repo": "a/b", "revision": "v1", "manifest_sha256": "0" * 12}),
    ],
)
def test_a_pin_that_says_anything_else_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "pin.json"
    path.write_text(text)
    with pytest.raises(BrokenBundle, match=r"pin\.json cannot be used"):
        load_pin(path)


def test_without_a_pin_the_refusal_names_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(BrokenBundle, match="PNEUMO_WEIGHTS"):
        load_pin(tmp_path / "pin.json")


@pytest.mark.weights
def test_the_pin_names_the_weights_that_lie_beside_it() -> None:
    if not PIN.exists():
        pytest.skip("these weights are not published yet")
    pin, manifest = load_pin(), WEIGHTS / "manifest.json"
    named = json.loads(manifest.read_text())
    assert (pin.repo, pin.revision) == (named["hub_repo"], named["hub_revision"])
    assert pin.manifest_sha256 == hashlib.sha256(manifest.read_bytes()).hexdigest()


START = (
    "from conftest import TinyNetwork\n"
    "from pneumo.networks import ARCHITECTURES\n"
    "ARCHITECTURES['tiny'] = TinyNetwork\n"
    "import pneumo\n"
    "print(pneumo.__file__, pneumo.load_reader().manifest.revision)"
)


@pytest.mark.slow
def test_a_fresh_installation_without_weights_pulls_them_and_then_starts_offline(
    files: Files, pin: Pin, tmp_path: Path
) -> None:
    shutil.copytree(ROOT / "pneumo", tmp_path / "pneumo")
    (tmp_path / "pneumo" / "pin.json").write_text(json.dumps(dataclasses.asdict(pin)))

    def start(**environment: str) -> str:
        known = {k: v for k, v in os.environ.items() if not k.startswith(("PNEUMO_", "HF_"))}
        known |= {
            "HF_HOME": str(tmp_path / "home"),
            "NO_PROXY": "127.0.0.1,localhost",
            **environment,
        }
        done = subprocess.run(
            [sys.executable, "-c", START],
            cwd=tmp_path,
            env=known | {"PYTHONPATH": f"{tmp_path}:{ROOT / 'tests'}:{ROOT}"} | environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    local = LocalHub(REPO)
    local.commit(files, tag=TAG)
    expected = f"{tmp_path / 'pneumo' / '__init__.py'} tiny\n"
    with local.serving():
        assert start(HF_ENDPOINT=local.endpoint) == expected
    assert start(HF_HUB_OFFLINE="1") == expected
