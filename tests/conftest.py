"""A tiny ensemble on the real lung network, and films that it reads."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import ZipFile

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from pneumo.bundle import SCHEMA, Manifest, Member, Row, WeightFile
from pneumo.calibration import Interval, MemberCalibration, Reliability, ReliabilityBin
from pneumo.decision import OperatingPoint
from pneumo.networks import ARCHITECTURES, THREE_CLASS, Network
from pneumo.reader import Reader, load_reader
from pneumo.selftest import Answer
from train import selftest

if TYPE_CHECKING:
    from chromium import Faults
    from playwright.sync_api import Browser

    from train.publish import Places

ROOT = Path(__file__).parents[1]
WEIGHTS = ROOT / "weights"
EXAMPLES = ROOT / "examples"
LUNG_WEIGHTS = WEIGHTS / "lungs.safetensors"


if "PYTEST_XDIST_WORKER" in os.environ:
    torch.set_num_threads(1)  # the workers share the cores already


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs the shipped ensemble where there is none; run slow tests last."""
    if not (WEIGHTS / "manifest.json").exists():
        reason = pytest.mark.skip(reason="weights/manifest.json is not there yet")
        for item in items:
            if item.get_closest_marker("weights"):
                item.add_marker(reason)
    items.sort(key=lambda i: any(i.get_closest_marker(m) for m in ("slow", "browser")))


class TinyNetwork(Network):
    """One strided convolution and a pooled linear head: a member that costs nothing to run."""

    def __init__(self, classes: tuple[str, ...]) -> None:
        super().__init__(classes)
        self.body = nn.Sequential(nn.Conv2d(1, 6, kernel_size=9, stride=8, padding=4), nn.ReLU())
        self.head = nn.Linear(6, len(classes))

    def features(self, x: Tensor) -> Tensor:  # (B, 1, S, S) -> (B, 6, S/8, S/8)
        maps: Tensor = self.body(x)
        return maps

    def logits(self, features: Tensor) -> Tensor:  # (B, 6, h, w) -> (B, K)
        logits: Tensor = self.head(features.mean(dim=(2, 3)))
        return logits


def hashed(path: Path) -> WeightFile:
    return WeightFile(path.name, hashlib.sha256(path.read_bytes()).hexdigest())


def operating_point(name: str, threshold: float) -> OperatingPoint:
    share = Interval(0.9, 0.8, 0.95)
    return OperatingPoint(name, f"{name}, for tests", threshold, share, share)


def operating_points(*thresholds: float) -> tuple[OperatingPoint, ...]:
    names = ("screening", "balanced", "rule_in")
    return tuple(operating_point(n, t) for n, t in zip(names, thresholds, strict=True))


def rows_of(folder: Path, members: list[Member]) -> tuple[Row, ...]:
    """A row that is also a member, and one with weights of its own."""
    torch.manual_seed(7)
    path = folder / "row_tiny-alone.safetensors"
    save_file(TinyNetwork(THREE_CLASS).state_dict(), path)
    known = dataclasses.replace(members[0], name="tiny-known")
    alone = dataclasses.replace(known, name="tiny-alone", weights=hashed(path))
    return tuple(Row(m.name.title(), m, operating_points(0.1, 0.4, 0.8)) for m in (known, alone))


def write_bundle(folder: Path) -> Manifest:
    """Write a complete weights folder of two tiny members, one per geometry."""
    shutil.copy(LUNG_WEIGHTS, folder)
    members = []
    for seed, geometry in enumerate(("centre_crop", "lung_box")):
        torch.manual_seed(seed)
        path = folder / f"member_tiny-{seed}.safetensors"
        save_file(TinyNetwork(THREE_CLASS).state_dict(), path)
        calibration = MemberCalibration(1.0 + seed, 0.5 * seed, 1.0)
        members.append(Member(f"tiny-{seed}", "tiny", geometry, 96, calibration, hashed(path)))
    manifest = Manifest(
        schema=SCHEMA,
        revision="tiny",
        created="2026-01-01",
        classes=THREE_CLASS,
        mean=0.5,
        std=0.25,
        lungs=hashed(folder / "lungs.safetensors"),
        gate=None,
        members=tuple(members),
        rows=rows_of(folder, members),
        operating_points=operating_points(0.2, 0.5, 0.9),
        disagreement_limit=0.1,
        reliability=Reliability(
            (ReliabilityBin(0.0, 0.5, 100, 10), ReliabilityBin(0.5, 1.0, 100, 90))
        ),
        conformal=(),
        evidence_full_scale=4.0,
        training_prevalence=0.74,
        split_sha256="0" * 64,
        code_sha256="0" * 64,
        hub_repo="",
        hub_revision="",
    )
    (folder / "manifest.json").write_text(json.dumps(dataclasses.asdict(manifest)))
    answer = Answer(manifest.revision, "a-film.png", "0" * 64, (0.5, 0.5), 0.5, 0.01)  # to publish
    selftest.write(folder, answer)
    return manifest


def assert_untouched(member: Network) -> None:
    """No reading leaves a hook, a gradient or another mode on a shared network."""
    for module in member.modules():
        assert not module.training
        assert not module._forward_hooks
        assert not module._forward_pre_hooks
        assert not module._backward_hooks
    for parameter in member.parameters():
        assert parameter.grad is None
        assert not parameter.requires_grad


@pytest.fixture(scope="session", autouse=True)
def tiny_architecture() -> Iterator[None]:
    """Register the tiny network, so that a manifest may name it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ARCHITECTURES, "tiny", TinyNetwork)
        yield


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from chromium import launched, sync_api

    with sync_api.sync_playwright() as playwright:
        yield launched(playwright)


@pytest.fixture
def faults() -> Faults:
    from chromium import Faults

    return Faults()


@pytest.fixture(autouse=True)
def forgetful(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test computes on films is remembered neither in the tree nor by the next test."""
    monkeypatch.setattr(
        "train.squares.ANSWERS", tmp_path_factory.getbasetemp() / os.urandom(8).hex()
    )


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete weights folder; tests that damage it take a copy."""
    folder = tmp_path_factory.mktemp("weights")
    write_bundle(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_reader(tiny_weights: Path) -> Reader:
    return load_reader(tiny_weights, device=torch.device("cpu"))


@pytest.fixture(scope="session")
def shipped_reader() -> Reader:
    """The ensemble of weights/, for what must be seen with real numbers."""
    return load_reader(WEIGHTS)


@pytest.fixture(scope="session")
def film_path() -> Path:
    """A film that the instrument reads: the first composite of a normal chest in ``examples/``."""
    films = sorted(EXAMPLES.glob("normal*"))
    if not films:
        pytest.skip("examples/ holds no composite yet")
    return films[0]


@pytest.fixture(scope="session")
def film_bytes(film_path: Path) -> bytes:
    return film_path.read_bytes()


@pytest.fixture(scope="session")
def ward(tmp_path_factory: pytest.TempPathFactory, film_bytes: bytes) -> list[Path]:
    """Twelve films: six files, a ZIP of three, and three bad ones."""
    folder = tmp_path_factory.mktemp("ward")
    good = sorted(p for p in EXAMPLES.iterdir() if p.suffix in (".png", ".dcm"))
    good = [p for p in good if p.stem != "not-a-film"]
    paths = [Path(shutil.copy(p, folder)) for p in good[:6]]
    with ZipFile(folder / "night.zip", "w") as file:
        for path in good[6:9]:
            file.write(path, f"ward 3/{path.name}")
    (folder / "letter.txt").write_text("Dear colleague")
    (folder / "cut.png").write_bytes(film_bytes[: len(film_bytes) // 2])
    (folder / "<b>=cmd()").write_text("no film")
    return [*paths, *(folder / n for n in ("night.zip", "letter.txt", "cut.png", "<b>=cmd()"))]


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The Kermany films in their usual layout, from ``PNEUMO_DATA``."""
    folder = os.environ.get("PNEUMO_DATA")
    if folder is None:
        pytest.skip("PNEUMO_DATA is not set")
    return Path(folder)


@pytest.fixture(scope="session")
def measured(tiny_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Places:
    from measured_house import furnish

    return furnish(tmp_path_factory.mktemp("house"), tiny_weights)


@pytest.fixture
def places(measured: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    """A copy of the measured house, to publish from and to damage."""
    from train import card
    from train.publish import Places

    monkeypatch.setitem(card.PROVENANCE, "tiny", "tiny: from scratch, for tests.")
    folder = Path(shutil.copytree(measured.pin.parent, tmp_path / "house"))
    return Places(folder / "weights", folder / "results", folder / "pin.json")
