"""One film before every architecture: each row's own answer beside the ensemble's."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pneumo import gradcam
from pneumo.bundle import Row
from pneumo.calibration import Estimate
from pneumo.decision import Decision, OperatingPoint
from pneumo.geometry import GEOMETRIES, canonical, to_film
from pneumo.networks import Network
from pneumo.reader import Reader, Reading


@dataclass(frozen=True, eq=False)
class Opinion:
    """What one network says of one film, calibrated and judged by itself."""

    name: str
    title: str
    architecture: str
    geometry: str
    size_px: int
    parameters: int
    estimate: Estimate  # of one member: its range is a point
    operating_point: OperatingPoint  # of this row, with its own threshold
    decision: Decision  # never REFER: one network cannot disagree with itself
    evidence: np.ndarray  # float32 (224, 224) on the canonical film, calibrated logit units
    seconds: float


class Comparison:
    """Every row of the weights, loaded once. Never changes; safe to share by threads."""

    def __init__(self, reader: Reader) -> None:
        """Load the rows' networks. Raises BrokenBundle."""
        self.reader = reader
        shared = {
            member.weights: network
            for member, network in zip(reader.manifest.members, reader.members, strict=True)
        }
        self.rows: tuple[tuple[Row, Network], ...] = tuple(
            (row, shared.get(row.member.weights) or reader.place(reader.bundle.load_row(row)))
            for row in reader.manifest.rows
        )

    def ask(self, reading: Reading, *, operating_point: str | None = None) -> Iterator[Opinion]:
        """Each row's opinion on a film that has been read, in the manifest's order.

        ``operating_point`` is the reading's where it is not named. Raises KeyError.
        """
        name = operating_point or reading.operating_point.name
        picture = canonical(reading.film.pixels).to(self.reader.device)  # (1, 1, 224, 224)
        for row, network in self.rows:
            yield self._opinion(row, network, picture, reading, name)

    def _opinion(
        self, row: Row, network: Network, picture: Tensor, reading: Reading, point_name: str
    ) -> Opinion:
        started = time.perf_counter()
        member = row.member
        box = GEOMETRIES[member.geometry](reading.film.aspect, reading.lungs.mask)
        features = self.reader.look(member, network, picture, box)
        with torch.no_grad():
            logits = network.logits(features).double().cpu().numpy()  # (1, K)
        estimate = Estimate.from_members(logits, [member.calibration])
        (found,) = gradcam.evidence(network, features) / member.calibration.temperature
        limit = self.reader.manifest.disagreement_limit
        point = {p.name: p for p in row.operating_points}[point_name]
        return Opinion(
            name=member.name,
            title=row.title,
            architecture=member.architecture,
            geometry=member.geometry,
            size_px=member.size_px,
            parameters=sum(p.numel() for p in network.parameters()),
            estimate=estimate,
            operating_point=point,
            decision=point.decide(estimate, disagreement_limit=limit),
            evidence=to_film(found, box).cpu().numpy(),
            seconds=time.perf_counter() - started,
        )
