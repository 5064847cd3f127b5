"""What a calibration was fitted on and what it found, for train/results/calibration.json."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pneumo.bundle import Manifest
from pneumo.calibration import softmax
from train import scaling, thresholds
from train.ensemble import Role


def of_manifest(manifest: Manifest, calibrate: Role, test: Role) -> dict[str, object]:
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
        "rows": {
            row.member.name: {
                "calibration": row.member.calibration,
                "weights": row.member.weights.file,
                "thresholds": {p.name: p.threshold for p in row.operating_points},
            }
            for row in manifest.rows
        },
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
