"""The whole path from a file's bytes to a reading."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock

import numpy as np
import torch
from torch import Tensor

from pneumo import engine, gate, gradcam
from pneumo.bundle import MANIFEST, Bundle, Manifest, Member, load_bundle
from pneumo.calibration import ConformalLevel, Estimate, Interval
from pneumo.decision import Decision, OperatingPoint
from pneumo.engine import Part
from pneumo.ensemble import Ensemble
from pneumo.familiarity import Likeness
from pneumo.geometry import Box, canonical, to_film
from pneumo.lungs import LUNG_INPUT_PX, Lungs, find_lungs
from pneumo.networks.base import Network
from pneumo.radiograph import Radiograph, decode

SCREENING = "screening"
Progress = Callable[[float, str], None]  # share done in [0, 1], what is being done

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Reading:
    """Everything one film's reading consists of. Holds no name, no path and no tag."""

    film: Radiograph
    lungs: Lungs
    estimate: Estimate
    operating_point: OperatingPoint
    decision: Decision
    frequency: Interval  # share of pneumonia among held-out films read like this one
    compared_films: int  # how many held-out films that share rests on
    evidence: np.ndarray  # float32 (224, 224) on the canonical film, logit units
    evidence_full_scale: float  # logit units
    cautions: tuple[gate.Caution, ...]
    classes: tuple[str, ...]
    member_names: tuple[str, ...]
    training_prevalence: float  # share of pneumonia among the films of the calibration
    weights: str  # revision
    seconds: float
    boxes: tuple[Box, ...] = ()  # where each member looked, in the order of their names
    conformal: tuple[ConformalLevel, ...] = ()  # sets of classes, and what they promise
    likeness: Likeness | None = None  # to the films of the training; None without a fitted gate

    @property
    def confidence(self) -> float | None:
        """Calibrated probability that the decision is right; None when the film is referred."""
        if self.decision is Decision.REFER:
            return None
        sick = self.frequency.value
        return sick if self.decision is Decision.SUSPECTED else 1 - sick


class Reader:
    """Reads films with one ensemble. Never changes after construction; safe to share by threads."""

    films_at_once = 2  # that a worklist hands over: a third adds next to nothing

    def __init__(
        self,
        bundle: Bundle,
        *,
        device: torch.device | None = None,
        engine_name: str | None = None,
    ) -> None:
        self._spare: Reader | None = None
        self._turn = Lock()
        self.device = device or default_device()
        self.bundle = bundle
        self.manifest: Manifest = bundle.manifest
        self.members: tuple[Network, ...] = tuple(self.place(m) for m in bundle.members)
        self.lung_network = bundle.lungs.to(self.device)
        name = engine_name or engine.default_engine(self.device)
        self.ensemble = Ensemble(self.manifest, self.members, device=self.device, name=name)
        outline = [Part(self.lung_network, (1, 1, LUNG_INPUT_PX, LUNG_INPUT_PX), "forward")]
        self.outline = engine.prepare(outline, device=self.device, name=name)

    def read(
        self, data: bytes, *, operating_point: str = SCREENING, progress: Progress | None = None
    ) -> Reading:
        """Read one file. Raises UnreadableImage or UnsuitableImage; KeyError for the point.

        Where the graphics card's memory is full the processor reads, and the reading says so.
        """
        try:
            with self.ensemble.quiet():
                return self._read(data, operating_point=operating_point, progress=progress)
        except torch.OutOfMemoryError:
            if self.device.type == "cpu":
                raise
            log.warning("the memory of %s is full; the processor reads this film", self.device)
        reading = self.spare.read(data, operating_point=operating_point, progress=progress)
        return replace(reading, cautions=(*reading.cautions, gate.Caution.BY_PROCESSOR))

    @property
    def spare(self) -> Reader:
        """The same weights on the processor, loaded once, when they are first needed."""
        with self._turn:
            if self._spare is None:
                self._spare = Reader(load_bundle(self.bundle.folder), device=torch.device("cpu"))
            return self._spare

    def _read(self, data: bytes, *, operating_point: str, progress: Progress | None) -> Reading:
        started = time.perf_counter()
        tell = progress or (lambda share, doing: None)
        point = self.manifest.operating_point(operating_point)

        tell(0.1, "Decoding the film")
        film = decode(data)
        cautions = gate.require_film(film)
        tell(0.3, "Finding the lungs")
        picture = canonical(film.pixels).to(self.device)  # (1, 1, 224, 224)
        with self.ensemble.begun(picture, film.aspect) as early:
            cautions += self._pose(picture)
            lungs = find_lungs(lambda small: self.outline([small])[0], picture)
            cautions += gate.require_lungs(lungs)
            tell(0.5, f"Asking {len(self.members)} networks")
            looks = self.ensemble.late(picture, film.aspect, lungs.mask) | early()
        boxes, features = zip(*(looks[place] for place in sorted(looks)), strict=True)
        likeness = self._likeness(picture, features)
        if likeness:
            cautions += gate.require_familiar(likeness)
        heads = gradcam.Heads(self.members, features)
        estimate = self._estimate(heads)
        decision = point.decide(estimate, disagreement_limit=self.manifest.disagreement_limit)
        tell(0.8, "Mapping the evidence")
        evidence = self._evidence(heads, boxes)
        seen = self.manifest.reliability.at(estimate.probability)
        return Reading(
            film=film,
            lungs=lungs,
            estimate=estimate,
            operating_point=point,
            decision=decision,
            frequency=seen.frequency,
            compared_films=seen.films,
            evidence=evidence,
            evidence_full_scale=self.manifest.evidence_full_scale,
            cautions=cautions,
            classes=self.manifest.classes,
            member_names=tuple(m.name for m in self.manifest.members),
            training_prevalence=self.manifest.training_prevalence,
            weights=self.manifest.revision,
            seconds=time.perf_counter() - started,
            boxes=boxes,
            conformal=self.manifest.conformal,
            likeness=likeness,
        )

    def at(self, reading: Reading, operating_point: str) -> Reading:
        """The same reading, decided at another operating point. Raises KeyError."""
        point = self.manifest.operating_point(operating_point)
        limit = self.manifest.disagreement_limit
        decision = point.decide(reading.estimate, disagreement_limit=limit)
        return replace(reading, operating_point=point, decision=decision)

    def place(self, network: Network) -> Network:
        """A network where and how this reader computes."""
        return network.to(self.device).to(memory_format=torch.channels_last)

    def look(self, member: Member, network: Network, picture: Tensor, box: Box) -> Tensor:
        """What one network sees that is no member of the ensemble: (1, C, h, w), float32."""
        square = self.ensemble.square(member, picture, box)  # (1, 1, S, S)
        alone = [Part(network, (1, 1, member.size_px, member.size_px))]
        return engine.prepare(alone, device=self.device, name=engine.TORCH)([square])[0]

    def _pose(self, picture: Tensor) -> tuple[gate.Caution, ...]:
        """Cautions of how a film is stored. Raises UnsuitableImage."""
        known = self.bundle.familiarity
        if known is None:
            return ()
        gate.require_upright(known.pose(picture))
        return gate.note_side(known.mirrored(picture))

    def _estimate(self, heads: gradcam.Heads) -> Estimate:
        logits = heads.logits.double().cpu().numpy()  # (M, K)
        return Estimate.from_members(logits, [m.calibration for m in self.manifest.members])

    def _likeness(self, picture: Tensor, features: Sequence[Tensor]) -> Likeness | None:
        """How like the training films a picture is; None where the gate was not fitted."""
        known = self.bundle.familiarity
        if known is None:
            return None
        files = [m.weights.sha256 for m in self.manifest.members]
        return known.likeness(picture, features[files.index(known.member_sha256)])

    def _evidence(self, heads: gradcam.Heads, boxes: Sequence[Box]) -> np.ndarray:
        """The members' calibrated evidence, averaged on the canonical film (224, 224)."""
        sums: dict[tuple[Box, torch.Size], Tensor] = {}  # members with one grid are laid as one
        for member, found, box in zip(self.manifest.members, heads.evidence(), boxes, strict=True):
            grid = box, found[0].shape
            sums[grid] = sums.get(grid, 0) + found[0] / member.calibration.temperature
        laid = [to_film(total, box) for (box, _), total in sums.items()]
        return (torch.stack(laid).sum(dim=0) / len(boxes)).cpu().numpy()


def default_device() -> torch.device:
    """``PNEUMO_DEVICE`` where it is set, else CUDA where there is one, else the CPU."""
    named = os.environ.get("PNEUMO_DEVICE")
    return torch.device(named or ("cuda" if torch.cuda.is_available() else "cpu"))


def load_reader(
    folder: Path | None = None,
    *,
    device: torch.device | None = None,
    engine_name: str | None = None,
) -> Reader:
    """The reader of the folder given, else ``PNEUMO_WEIGHTS``, else weights/, else the Hub's copy.

    Raises BrokenBundle. Only an absent weights/ leads to the Hub: a named folder is meant.
    """
    named = folder or os.environ.get("PNEUMO_WEIGHTS")
    beside = Path(__file__).parents[1] / "weights"
    if named or (beside / MANIFEST).exists():
        return Reader(load_bundle(Path(named or beside)), device=device, engine_name=engine_name)
    from pneumo import hub  # here, so that reading from a folder needs no network library

    return Reader(hub.load_published(), device=device, engine_name=engine_name)
