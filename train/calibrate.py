"""Turn trained members into a calibrated ensemble, and bind single networks beside it.

    python -m train.calibrate --data DIR --members resnet18-crop-0 ... --rows cnn3=cnn3-0 ...

``--members`` make the ensemble; ``--rows``, NAME=RUN, are what it is held against: one network
each, calibrated and with thresholds of its own; a run may be both. About 5 minutes on 2 cores.
Reads checkpoints/RUN/{best.safetensors,config.json} and weights/lungs.safetensors; writes
weights/manifest.json, weights/member_RUN.safetensors, weights/row_NAME.safetensors (other networks
there are removed) and train/results/calibration.json. Calibrations, thresholds, the disagreement
limit and the evidence scale come from role ``calibrate``; what they cost, and the reliability
curve, from role ``test``. Expect temperatures of 0.3 to 1.5 and a specificity above 0.9 at the
balanced point.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pneumo.bundle import (
    MANIFEST,
    SCHEMA,
    Manifest,
    Member,
    Row,
    WeightFile,
    load_familiarity,
    load_manifest,
)
from pneumo.calibration import Estimate, MemberCalibration
from pneumo.decision import OperatingPoint
from pneumo.errors import BrokenBundle
from pneumo.networks import THREE_CLASS
from train import account, conformal, record, reliability, scaling, systems, thresholds
from train.data import add_data_argument, load_role
from train.ensemble import (
    CHECKPOINTS,
    Contender,
    Role,
    evidence_peaks,
    load_contender,
    suitable,
)
from train.split import SPLIT_CSV
from train.squares import MEAN, STD, load_lung_network

WEIGHTS = Path("weights")
LUNGS = WEIGHTS / "lungs.safetensors"
GATE = WEIGHTS / "gate.safetensors"
DISAGREEMENT_SHARE = 0.98  # of calibration films that stay below the limit
EVIDENCE_SHARE = 0.95  # of calibration pneumonia films whose peak fits the colour scale


def ship(source: Path, file: str) -> WeightFile:
    """Copy a weight file into weights/ and name it with its hash."""
    shutil.copyfile(source, WEIGHTS / file)
    return WeightFile(file, record.sha256_of(WEIGHTS / file))


def remove_networks_but(kept: Sequence[str]) -> None:
    """An earlier ensemble's networks would be published without belonging to the manifest."""
    for path in WEIGHTS.glob("*_*.safetensors"):
        if path.name not in kept:
            path.unlink()


def revision_of(manifest: Manifest) -> str:
    """A short name of everything a reading rests on: weight files, calibration, thresholds.

    No reading rests on the rows, so more of them leave the revision, and its results, as they are.
    """
    bound = dataclasses.asdict(manifest)
    # The gate came with a schema of its own and lets films pass or not; it moves no number.
    bound["schema"] = "pneumo.weights/2"
    for aside in ("revision", "created", "gate", "rows", "code_sha256", "hub_repo", "hub_revision"):
        del bound[aside]
    return hashlib.sha256(json.dumps(bound, sort_keys=True).encode()).hexdigest()[:12]


def assemble(members: Sequence[Contender], calibrate: Role, test: Role) -> Manifest:
    """Fit the ensemble, copy its weights, and bind both in a manifest."""
    calibrations = [scaling.fit(o.logits, calibrate.label) for o in calibrate.said]
    seen, held_out = calibrate.estimates(calibrations), test.estimates(calibrations)
    unseen = np.array([e.probability for e in held_out])
    peaks = evidence_peaks(members, calibrate.said, calibrations, calibrate.chosen)
    lungs = WeightFile(LUNGS.name, record.sha256_of(LUNGS))
    manifest = Manifest(
        schema=SCHEMA,
        revision="",
        created=datetime.datetime.now(datetime.UTC).date().isoformat(),
        classes=THREE_CLASS,
        mean=MEAN,
        std=STD,
        lungs=lungs,
        gate=None,
        members=tuple(
            shipped(m.name, m, c, f"member_{m.name}.safetensors")
            for m, c in zip(members, calibrations, strict=True)
        ),
        rows=(),
        operating_points=priced(calibrate, test, calibrations),
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
    return dataclasses.replace(manifest, gate=kept_gate(manifest))


def kept_gate(manifest: Manifest) -> WeightFile | None:
    """The gate that lies in weights/, where it was fitted with one of these members."""
    if not GATE.exists():
        return None
    gate = WeightFile(GATE.name, record.sha256_of(GATE))
    try:
        load_familiarity(WEIGHTS, dataclasses.replace(manifest, gate=gate))
    except BrokenBundle as error:
        print(f"{error} Run python -m train.gate.")
        return None
    return gate


def shipped(name: str, run: Contender, calibration: MemberCalibration, file: str) -> Member:
    """Copy a run's weights into weights/ and describe them."""
    weights = ship(CHECKPOINTS / run.name / "best.safetensors", file)
    return Member(name, run.architecture, run.geometry, run.size_px, calibration, weights)


def priced(
    calibrate: Role, test: Role, calibrations: Sequence[MemberCalibration]
) -> tuple[OperatingPoint, ...]:
    """The operating points of some members together: chosen on one role, priced on the other."""
    seen, unseen = (
        np.array([e.probability for e in role.estimates(calibrations)])
        for role in (calibrate, test)
    )
    return tuple(
        thresholds.priced(name, threshold, test.sick, unseen)
        for name, threshold in thresholds.choose(calibrate.sick, seen).items()
    )


def row(name: str, run: Contender, ensemble: Manifest, calibrate: Role, test: Role) -> Row:
    """One run by itself; its file is the member's where it is a member as well."""
    member = next((m for m in ensemble.members if m.name == run.name), None)
    calibration = scaling.fit(calibrate.said[0].logits, calibrate.label)
    file = member.weights.file if member else f"row_{name}.safetensors"
    return Row(
        title=systems.SYSTEMS[name].title,
        member=shipped(name, run, calibration, file),
        operating_points=priced(calibrate, test, [calibration]),
    )


def patterns(films: Sequence[Estimate]) -> NDArray[np.float64]:
    """Class probabilities (N, K) of the ensemble."""
    return np.array([e.pattern for e in films])


def named_runs(pairs: Sequence[str]) -> dict[str, str]:
    """NAME=RUN pairs as a dict; ends the program where one is something else."""
    parts = [pair.partition("=") for pair in pairs]
    if wrong := [pair for pair, (_, _, run) in zip(pairs, parts, strict=True) if not run]:
        raise SystemExit(f"--rows takes NAME=RUN, not {wrong[0]}")
    if unknown := [name for name, _, _ in parts if name not in systems.SYSTEMS]:
        raise SystemExit(f"no row is named {unknown[0]}; there are {', '.join(systems.SYSTEMS)}")
    return {name: run for name, _, run in parts}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_data_argument(parser)
    parser.add_argument("--members", nargs="+", required=True, help="folders below checkpoints/")
    parser.add_argument("--rows", nargs="*", default=[], metavar="NAME=RUN", help="single networks")
    arguments = parser.parse_args()
    rows = named_runs(arguments.rows)
    names = list(dict.fromkeys([*arguments.members, *rows.values()]))
    runs = [load_contender(name) for name in names]
    lungs = load_lung_network(LUNGS)
    calibrate, test = (
        Role.ask(suitable(lungs, load_role(arguments.data, role)), runs)
        for role in ("calibrate", "test")
    )
    together = range(len(arguments.members))
    manifest = assemble(runs[: len(together)], calibrate.only(*together), test.only(*together))
    alone = {name: names.index(run) for name, run in rows.items()}
    manifest = dataclasses.replace(
        manifest,
        rows=tuple(
            row(name, runs[i], manifest, calibrate.only(i), test.only(i))
            for name, i in alone.items()
        ),
    )
    manifest = dataclasses.replace(manifest, revision=revision_of(manifest))
    remove_networks_but([weights.file for weights in manifest.files])
    (WEIGHTS / MANIFEST).write_text(json.dumps(dataclasses.asdict(manifest), indent=1) + "\n")
    load_manifest(WEIGHTS / MANIFEST)  # strict: what reading will do
    record.write(
        record.RESULTS / "calibration.json",
        account.of_manifest(manifest, calibrate.only(*together), test.only(*together)),
    )
    for point in manifest.operating_points:
        print(
            f"{point.name:10} threshold {point.threshold:.4f}  on hold-out: "
            f"sensitivity {point.sensitivity.value:.4f}, specificity {point.specificity.value:.4f}"
        )


if __name__ == "__main__":
    main()
