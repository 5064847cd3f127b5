"""Turn trained members into a calibrated ensemble.

    python -m train.calibrate --data DIR --members resnet18-crop-0 resnet18-lungs-0 ...

About 4 minutes on 2 cores for four ResNet18 members. Reads checkpoints/NAME/{best.safetensors,
config.json} and weights/lungs.safetensors; writes weights/manifest.json and
weights/member_NAME.safetensors (members of an earlier ensemble are removed) and
train/results/calibration.json. Temperatures, thresholds, the disagreement limit and the evidence
scale come from role ``calibrate``; what they cost, and the reliability curve, from role ``test``.
Expect temperatures of 0.3 to 1.5 and a specificity above 0.9 at the balanced point.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pneumo.bundle import MANIFEST, SCHEMA, Manifest, Member, WeightFile, load_manifest
from pneumo.calibration import (
    Estimate,
    MemberCalibration,
    softmax,
)
from pneumo.networks import THREE_CLASS
from train import conformal, record, reliability, scaling, thresholds
from train.data import add_data_argument, load_role
from train.ensemble import (
    CHECKPOINTS,
    Contender,
    Outputs,
    Suitable,
    estimates,
    evidence_peaks,
    load_contender,
    outputs,
    suitable,
)
from train.split import SPLIT_CSV, patient_of
from train.squares import MEAN, STD, load_lung_network

WEIGHTS = Path("weights")
LUNGS = WEIGHTS / "lungs.safetensors"
DISAGREEMENT_SHARE = 0.98  # of calibration films that stay below the limit
EVIDENCE_SHARE = 0.95  # of calibration pneumonia films whose peak fits the colour scale


@dataclass(frozen=True, eq=False)
class Role:
    """Films of one role and what every member says of them."""

    chosen: Suitable
    said: tuple[Outputs, ...]

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


def ship(source: Path, file: str) -> WeightFile:
    """Copy a weight file into weights/ and name it with its hash."""
    shutil.copyfile(source, WEIGHTS / file)
    return WeightFile(file, record.sha256_of(WEIGHTS / file))


def remove_members_but(kept: Sequence[str]) -> None:
    """An earlier ensemble's members would be published without belonging to the manifest."""
    for path in WEIGHTS.glob("member_*.safetensors"):
        if path.name not in kept:
            path.unlink()


def revision_of(manifest: Manifest) -> str:
    """A short name of everything a reading rests on: weight files, calibration, thresholds."""
    bound = dataclasses.asdict(manifest)
    for aside in ("revision", "created", "code_sha256", "hub_repo", "hub_revision"):
        del bound[aside]
    return hashlib.sha256(json.dumps(bound, sort_keys=True).encode()).hexdigest()[:12]


def assemble(members: Sequence[Contender], calibrate: Role, test: Role) -> Manifest:
    """Fit everything, copy the weights, and bind both in a manifest."""
    calibrations = [scaling.fit(o.logits, calibrate.label) for o in calibrate.said]
    seen, held_out = calibrate.estimates(calibrations), test.estimates(calibrations)
    probability = np.array([e.probability for e in seen])
    unseen = np.array([e.probability for e in held_out])
    chosen = thresholds.choose(calibrate.sick, probability)
    peaks = evidence_peaks(members, calibrate.said, calibrations, calibrate.chosen)
    lungs = WeightFile(LUNGS.name, record.sha256_of(LUNGS))
    shipped = [
        Member(
            name=m.name,
            architecture=m.architecture,
            geometry=m.geometry,
            size_px=m.size_px,
            calibration=c,
            weights=ship(CHECKPOINTS / m.name / "best.safetensors", f"member_{m.name}.safetensors"),
        )
        for m, c in zip(members, calibrations, strict=True)
    ]
    manifest = Manifest(
        schema=SCHEMA,
        revision="",
        created=datetime.datetime.now(datetime.UTC).date().isoformat(),
        classes=THREE_CLASS,
        mean=MEAN,
        std=STD,
        lungs=lungs,
        members=tuple(shipped),
        operating_points=tuple(
            thresholds.priced(name, threshold, test.sick, unseen)
            for name, threshold in chosen.items()
        ),
        disagreement_limit=float(np.quantile([e.disagreement for e in seen], DISAGREEMENT_SHARE)),
        reliability=reliability.curve(test.sick, unseen),
        conformal=conformal.levels(calibrate.label, patterns(seen), test.label, patterns(held_out)),
        evidence_full_scale=float(np.quantile(peaks[calibrate.sick], EVIDENCE_SHARE)),
        training_prevalence=float(calibrate.sick.mean()),
        split_sha256=record.sha256_of(SPLIT_CSV),
        code_sha256=record.code_sha256(),
        hub_repo="",
        hub_revision="",
    )
    return dataclasses.replace(manifest, revision=revision_of(manifest))


def patterns(films: Sequence[Estimate]) -> NDArray[np.float64]:
    """Class probabilities (N, K) of the ensemble."""
    return np.array([e.pattern for e in films])


def account(manifest: Manifest, calibrate: Role, test: Role) -> dict[str, object]:
    """What was fitted on which films, for train/results/calibration.json."""
    calibrations = [m.calibration for m in manifest.members]
    seen = calibrate.estimates(calibrations)
    probability = np.array([e.probability for e in seen])
    limit = manifest.disagreement_limit
    members = {
        m.name: {
            "calibration": m.calibration,
            "nll_before": scaling.class_nll(softmax(o.logits), calibrate.label),
            "nll_after": scaling.class_nll(m.calibration.classes(o.logits), calibrate.label),
            "thresholds": thresholds.choose(calibrate.sick, np.array([e.members[i] for e in seen])),
        }
        for i, (m, o) in enumerate(zip(manifest.members, calibrate.said, strict=True))
    }
    return {
        "schema": "pneumo.calibration/1",
        "weights": manifest.revision,
        "calibrate": calibrate.described(),
        "test": test.described(),
        "members": members,
        "operating_points": {
            p.name: {
                "criterion": p.criterion,
                "threshold": p.threshold,
                "on_calibrate": cost(calibrate.sick, probability >= p.threshold),
                "sensitivity_on_test": p.sensitivity,
                "specificity_on_test": p.specificity,
                "referred_on_calibrate": sum(
                    p.decide(e, disagreement_limit=limit) == "refer" for e in seen
                ),
            }
            for p in manifest.operating_points
        },
        "disagreement_limit": limit,
        "evidence_full_scale": manifest.evidence_full_scale,
        "reliability_on_test": manifest.reliability,
        "conformal": manifest.conformal,
    }


def cost(sick: NDArray[np.bool_], called: NDArray[np.bool_]) -> dict[str, int]:
    return {"missed": int((sick & ~called).sum()), "flagged": int((~sick & called).sum())}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_data_argument(parser)
    parser.add_argument("--members", nargs="+", required=True, help="folders below checkpoints/")
    arguments = parser.parse_args()
    members = [load_contender(name) for name in arguments.members]
    lungs = load_lung_network(LUNGS)
    roles = {}
    for role in ("calibrate", "test"):
        chosen = suitable(lungs, load_role(arguments.data, role))
        said = []
        for member in members:
            print(f"{role}: {member.name} on {len(chosen.films)} films", flush=True)
            said.append(outputs(member, chosen))
        roles[role] = Role(chosen, tuple(said))
    manifest = assemble(members, roles["calibrate"], roles["test"])
    remove_members_but([m.weights.file for m in manifest.members])
    (WEIGHTS / MANIFEST).write_text(json.dumps(dataclasses.asdict(manifest), indent=1) + "\n")
    load_manifest(WEIGHTS / MANIFEST)  # strict: what reading will do
    record.write(
        record.RESULTS / "calibration.json",
        account(manifest, roles["calibrate"], roles["test"]),
    )
    for point in manifest.operating_points:
        print(
            f"{point.name:10} threshold {point.threshold:.4f}  on hold-out: "
            f"sensitivity {point.sensitivity.value:.4f}, specificity {point.specificity.value:.4f}"
        )


if __name__ == "__main__":
    main()
