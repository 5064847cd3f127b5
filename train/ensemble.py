"""Several trained members on many films: what reading does, in batches and in float32."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor

from pneumo import gate, gradcam
from pneumo.calibration import Estimate, MemberCalibration
from pneumo.errors import UnsuitableImage
from pneumo.geometry import GEOMETRIES, Box, corners_of, to_film
from pneumo.lungs import LungNetwork, Lungs
from pneumo.networks import ARCHITECTURES, THREE_CLASS, Network
from train.data import Films
from train.split import patient_of
from train.squares import lungs_of, remembered, squares

CHECKPOINTS = Path("checkpoints")
BATCH = 64


@dataclass(frozen=True, eq=False)
class Contender:
    """A trained network and how it looks at a film."""

    name: str
    architecture: str
    geometry: str
    size_px: int
    network: Network  # float32, in evaluation mode


@dataclass(frozen=True, eq=False)
class Suitable:
    """Films in which the gate finds lungs, and those lungs."""

    films: Films
    lungs: tuple[Lungs, ...]
    refused: tuple[str, ...]  # paths

    def boxes(self, geometry: str) -> list[Box]:
        """Where a member of this geometry looks, film by film."""
        place = GEOMETRIES[geometry]
        return [
            place(float(aspect), lungs.mask)
            for aspect, lungs in zip(self.films.aspect, self.lungs, strict=True)
        ]


@dataclass(frozen=True, eq=False)
class Outputs:
    """What one member says of N films."""

    logits: NDArray[np.float64]  # (N, K)
    evidence: Tensor  # (N, h, w), raw log-odds of pneumonia


@dataclass(frozen=True, eq=False)
class Role:
    """Films of one role and what every member says of them."""

    chosen: Suitable
    said: tuple[Outputs, ...]

    @classmethod
    def ask(cls, chosen: Suitable, members: Sequence[Contender]) -> Role:
        """Ask every member about every film."""
        said = []
        for member in members:
            print(f"{member.name} on {len(chosen.films)} films", flush=True)
            said.append(outputs(member, chosen))
        return cls(chosen, tuple(said))

    def only(self, *indices: int) -> Role:
        """The same films before some of the members."""
        return Role(self.chosen, tuple(self.said[i] for i in indices))

    @property
    def label(self) -> NDArray[np.int64]:
        return np.asarray(self.chosen.films.label.numpy(), dtype=np.int64)

    @property
    def sick(self) -> NDArray[np.bool_]:
        return np.asarray(self.label > 0)

    def estimates(self, calibrations: Sequence[MemberCalibration]) -> list[Estimate]:
        return estimates([o.logits for o in self.said], calibrations)

    def described(self) -> dict[str, object]:
        """What the numbers rest on."""
        patients = {patient_of(Path(p)) for p in self.chosen.films.paths}
        return {
            "films": len(self.label),
            "patients": len(patients),
            "pneumonia": int(self.sick.sum()),
            "refused": list(self.chosen.refused),
        }


def load_contender(name: str) -> Contender:
    """A trained member from checkpoints/NAME; a missing one ends the program with a sentence."""
    folder = CHECKPOINTS / name
    if not (folder / "best.safetensors").exists():
        raise SystemExit(f"{folder} holds no trained member; run python -m train.fit first.")
    config = json.loads((folder / "config.json").read_text())
    if config.get("task") == "binary":
        raise SystemExit(f"{name} has two classes; the ensemble's members have three.")
    network = ARCHITECTURES[config["architecture"]](THREE_CLASS)
    network.load_state_dict(load_file(folder / "best.safetensors"), strict=True)
    return Contender(
        name=name,
        architecture=config["architecture"],
        geometry=config["geometry"],
        size_px=config["stages"][-1][0],
        network=network.eval().requires_grad_(False),
    )


def suitable(network: LungNetwork, films: Films) -> Suitable:
    """Find the lungs of every film and leave out the films that reading would refuse."""
    kept, lungs, refused = [], [], []
    for i, found in enumerate(lungs_of(network, films)):
        try:
            gate.require_lungs(found)
        except UnsuitableImage:
            refused.append(films.paths[i])
        else:
            kept.append(i)
            lungs.append(found)
    return Suitable(
        films.subset(torch.tensor(kept, dtype=torch.int64)), tuple(lungs), tuple(refused)
    )


@torch.no_grad()
def outputs(member: Contender, chosen: Suitable) -> Outputs:
    """Logits and evidence of every film, unaugmented and in full precision."""
    network, films = member.network, chosen.films
    corners = torch.stack([corners_of(box) for box in chosen.boxes(member.geometry)])

    def ask() -> dict[str, Tensor]:
        logits, evidence = [], []
        for x in squares(films, corners, member.size_px, BATCH):
            features = network.features(x)
            logits.append(network.logits(features).double())
            evidence.append(gradcam.evidence(network, features))
        return {"logits": torch.cat(logits), "evidence": torch.cat(evidence)}

    said = remembered(f"outputs-{member.size_px}", network, films.pixels, corners, make=ask)
    return Outputs(said["logits"].numpy(), said["evidence"])


def estimates(
    logits: Sequence[NDArray[np.float64]], calibrations: Sequence[MemberCalibration]
) -> list[Estimate]:
    """The estimate of every film from each member's logits (N, K)."""
    return [Estimate.from_members(film, calibrations) for film in np.stack(logits, axis=1)]


def evidence_peaks(
    members: Sequence[Contender],
    said: Sequence[Outputs],
    calibrations: Sequence[MemberCalibration],
    chosen: Suitable,
) -> NDArray[np.float64]:
    """The peak of each film's averaged evidence map (N,), in calibrated logit units."""
    boxes = [chosen.boxes(member.geometry) for member in members]
    peaks = [
        torch.stack(
            [
                to_film(o.evidence[i] / c.temperature, place[i])
                for o, c, place in zip(said, calibrations, boxes, strict=True)
            ]
        )
        .mean(dim=0)
        .max()
        for i in range(len(chosen.films))
    ]
    return torch.stack(peaks).double().numpy()
