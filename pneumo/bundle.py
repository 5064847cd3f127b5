"""The weights folder: a manifest that binds everything that was evaluated, and its tensors.

``manifest.json`` names every file with its sha256 and carries the numbers that belong to these
very weights: calibrations, operating points, reliability curve. A wrong hash, a
missing or an unknown key is a ``BrokenBundle``, never a default.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor, nn

from pneumo.calibration import ConformalLevel, MemberCalibration, Reliability
from pneumo.decision import OperatingPoint
from pneumo.errors import BrokenBundle
from pneumo.familiarity import Familiarity, from_tensors
from pneumo.geometry import GEOMETRIES
from pneumo.lungs import LungNetwork
from pneumo.networks import ARCHITECTURES, Network

SCHEMA = "pneumo.weights/3"
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class WeightFile:
    file: str
    sha256: str


@dataclass(frozen=True)
class Member:
    """One network of the ensemble."""

    name: str
    architecture: str  # a key of networks.ARCHITECTURES
    geometry: str  # a key of geometry.GEOMETRIES
    size_px: int
    calibration: MemberCalibration
    weights: WeightFile

    def __post_init__(self) -> None:
        if self.architecture not in ARCHITECTURES or self.geometry not in GEOMETRIES:
            raise ValueError(f"unknown architecture or geometry: {self}")


@dataclass(frozen=True)
class Row:
    """One network by itself, with operating points of its own: what the ensemble is held against.

    A row whose network is also a member of the ensemble shares its weight file.
    """

    title: str  # what it is, for people: "ResNet-18 with CBAM, from ImageNet"
    member: Member  # named as the row
    operating_points: tuple[OperatingPoint, ...]  # named as the ensemble's, in the same order


@dataclass(frozen=True)
class Manifest:
    schema: str
    revision: str  # short hash over weights, calibration and thresholds: what a reading rests on
    created: str  # ISO date
    classes: tuple[str, ...]
    mean: float  # grey level that standardises a square
    std: float
    lungs: WeightFile
    gate: WeightFile | None  # None until train.gate has been run for these members
    members: tuple[Member, ...]
    rows: tuple[Row, ...]  # one per architecture, for comparison; not needed to read a film
    operating_points: tuple[OperatingPoint, ...]
    disagreement_limit: float  # nats; above it, members on both sides of a threshold refer
    reliability: Reliability
    conformal: tuple[ConformalLevel, ...]
    evidence_full_scale: float  # logit units; the top of the overlay's fixed colour scale
    training_prevalence: float  # share of pneumonia among the films the calibration saw
    split_sha256: str  # of train/results/split.csv
    code_sha256: str  # of the train and pneumo sources the weights were made with
    hub_repo: str
    hub_revision: str

    def __post_init__(self) -> None:
        if self.schema != SCHEMA:
            raise ValueError(f"schema {self.schema}, this program reads {SCHEMA}")
        if not self.members or not self.operating_points:
            raise ValueError("a manifest needs members and operating points")
        points = [p.name for p in self.operating_points]
        if any([p.name for p in row.operating_points] != points for row in self.rows):
            raise ValueError("a row has other operating points than the ensemble")
        names = [m.name for m in (*self.members, *(row.member for row in self.rows))]
        if len(set(names)) < len(names):
            raise ValueError(f"two networks share a name: {names}")

    def operating_point(self, name: str) -> OperatingPoint:
        """The operating point of that name. Raises KeyError."""
        return {p.name: p for p in self.operating_points}[name]

    @property
    def files(self) -> tuple[WeightFile, ...]:
        """Every weight file, each once."""
        every = [self.lungs, *filter(None, [self.gate]), *(m.weights for m in self.members)]
        return tuple(dict.fromkeys([*every, *(row.member.weights for row in self.rows)]))


@dataclass(frozen=True, eq=False)
class Bundle:
    """A checked weights folder, its networks in evaluation mode."""

    folder: Path
    manifest: Manifest
    members: tuple[Network, ...]  # in the manifest's order
    lungs: LungNetwork
    familiarity: Familiarity | None

    def load_row(self, row: Row) -> Network:
        """The network of one row, read from the folder at each call. Raises BrokenBundle."""
        return load_member(self.folder, row.member, self.manifest.classes)


def load_bundle(folder: Path) -> Bundle:
    """Read and check a weights folder. Raises BrokenBundle."""
    manifest = load_manifest(folder / MANIFEST)
    lungs = _filled(LungNetwork, folder, manifest.lungs)
    members = tuple(load_member(folder, m, manifest.classes) for m in manifest.members)
    return Bundle(folder, manifest, members, lungs, load_familiarity(folder, manifest))


def load_familiarity(folder: Path, manifest: Manifest) -> Familiarity | None:
    """What the gate knows of the training films, if these weights have it. Raises BrokenBundle."""
    if manifest.gate is None:
        return None
    try:
        found = from_tensors(_tensors(folder / manifest.gate.file, manifest.gate.sha256))
    except (KeyError, ValueError) as error:
        raise BrokenBundle(f"{manifest.gate.file} cannot be used: {error}") from error
    if found.member_sha256 not in {m.weights.sha256 for m in manifest.members}:
        raise BrokenBundle(f"{manifest.gate.file} was fitted with a network that is no member.")
    return found


def load_member(folder: Path, member: Member, classes: tuple[str, ...]) -> Network:
    """One network with its checked weights, in evaluation mode. Raises BrokenBundle."""
    return _filled(partial(ARCHITECTURES[member.architecture], classes), folder, member.weights)


def load_manifest(path: Path) -> Manifest:
    """Parse a manifest strictly. Raises BrokenBundle."""
    try:
        manifest = from_json(Manifest, json.loads(path.read_text()))
    except (OSError, TypeError, ValueError, KeyError) as error:
        raise BrokenBundle(f"{path.name} cannot be used: {error}") from error
    return typing.cast(Manifest, manifest)


def from_json(kind: Any, value: Any) -> Any:
    """Build a (nested, frozen) dataclass from JSON. Raises TypeError, ValueError or KeyError."""
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        if not isinstance(value, dict) or value.keys() != hints.keys():
            keys = sorted(value.keys() ^ hints.keys()) if isinstance(value, dict) else value
            raise KeyError(f"{getattr(kind, '__name__', kind)}: missing or unknown {keys}")
        return kind(**{name: from_json(hint, value[name]) for name, hint in hints.items()})
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple:
        if not isinstance(value, list):
            raise TypeError(f"expected a list, got {value!r}")
        return tuple(from_json(arguments[0], item) for item in value)
    if origin in (typing.Union, types.UnionType):
        return None if value is None else from_json(arguments[0], value)
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise TypeError(f"expected {kind.__name__}, got {value!r}")
    return value


N = TypeVar("N", bound=nn.Module)


def _filled(build: Callable[[], N], folder: Path, weights: WeightFile) -> N:
    """Build a network of one checked file, strictly, as float32 in evaluation mode."""
    tensors = _tensors(folder / weights.file, weights.sha256)
    with torch.device("meta"):  # no time is spent on random weights
        network = build()
    try:
        network.load_state_dict(tensors, strict=True, assign=True)
    except RuntimeError as error:  # missing, unknown or misshapen tensors
        raise BrokenBundle(f"{weights.file} does not fit its architecture.") from error
    return network.eval().requires_grad_(False)


def _tensors(path: Path, sha256: str) -> dict[str, Tensor]:
    try:
        data = path.read_bytes()
        actual = hashlib.sha256(data).hexdigest()
        if actual != sha256:
            raise BrokenBundle(f"{path.name}: sha256 {actual[:12]}, manifest says {sha256[:12]}")
        tensors = load(data)
    except (OSError, SafetensorError) as error:
        raise BrokenBundle(f"{path.name} is missing or damaged.") from error
    return {k: v.float() if v.is_floating_point() else v for k, v in tensors.items()}
