"""Measure the shipped weights/ on films with a known answer.

    python -m train.evaluate --data DIR --split test --out FILE.json [--limit N]
    python -m train.evaluate --data DIR --role test select

``--split`` reads DIR/SPLIT/{NORMAL,PNEUMONIA} from the files' bytes through the very Reader that
the app uses, and writes FILE.json and predictions.csv beside it: 624 films in about 3 minutes on 2
cores. ``--role`` measures roles of the committed split, every member beside the ensemble, clean
and under each synthetic shift, and writes train/results/holdout.json: about 8 minutes for both
roles on 2 cores. Expect an AUROC of 0.99 on the hold-out, less on films of another origin.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import datetime
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from pneumo.bundle import Manifest
from pneumo.decision import Decision
from pneumo.errors import UnreadableImage, UnsuitableImage
from pneumo.reader import Reader, Reading
from train import metrics, record
from train.data import add_data_argument, film_paths
from train.holdout import measure_roles
from train.shipped import add_trial_arguments, open_reader, spread
from train.split import CLASSES, ROLES, label_of, patient_of

NORMAL, UNTYPED = "normal", "pneumonia"
REFERRAL = (
    "At each threshold every read film counts by its probability alone, a referred one too; the "
    "share of films that are referred instead stands beside it. Refused films count in no metric."
)


@dataclass(frozen=True)
class Row:
    """One film of the folder and what became of it."""

    file: str
    label: str  # normal, bacterial, viral, or pneumonia where the name tells no more
    patient: str
    classes: tuple[float, ...] | None  # mean class probabilities; None where refused
    decisions: dict[str, Decision]
    reason: str | None  # of the refusal

    @property
    def sick(self) -> bool:
        return self.label != NORMAL


def film_label(path: Path) -> str:
    """The class from folder and name; plain "pneumonia" where the name names no type."""
    label = label_of(path)
    name = path.name.lower()
    typed = "bacteria" in name or "virus" in name
    return label if label == NORMAL or typed else UNTYPED


def read_film(reader: Reader, data: Path, file: str) -> Row:
    """Read one film; a refusal is a result, not an error."""
    path = Path(file)
    points = [p.name for p in reader.manifest.operating_points]
    known = file, film_label(path), patient_of(path)
    try:
        reading = reader.read((data / file).read_bytes(), operating_point=points[0])
    except (UnreadableImage, UnsuitableImage) as refusal:
        return Row(*known, None, dict.fromkeys(points, Decision.REFER), str(refusal))
    return Row(*known, reading.estimate.pattern, decisions(reader, reading), None)


def decisions(reader: Reader, reading: Reading) -> dict[str, Decision]:
    """The decision at every operating point."""
    points = [p.name for p in reader.manifest.operating_points]
    return {name: reader.at(reading, name).decision for name in points}


def read_folder(reader: Reader, data: Path, files: list[str]) -> list[Row]:
    """Read every film, telling how far it is."""
    started, rows = time.perf_counter(), []
    for done, file in enumerate(files, start=1):
        rows.append(read_film(reader, data, file))
        if done % 25 == 0 or done == len(files):
            print(f"{done}/{len(files)} films, {time.perf_counter() - started:.0f} s", flush=True)
    return rows


def write_predictions(path: Path, rows: list[Row], manifest: Manifest) -> None:
    """One line per film; a refused film has empty probabilities and is referred."""
    points = [p.name for p in manifest.operating_points]
    heads = [f"p_{name}" for name in manifest.classes] + [f"decision_{name}" for name in points]
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["file", "label", "patient", *heads])
        for row in rows:
            shares = [f"{p:.6f}" for p in row.classes] if row.classes else [""] * len(CLASSES)
            writer.writerow(
                [row.file, row.label, row.patient, *shares, *(row.decisions[p] for p in points)]
            )


def summary(rows: list[Row], manifest: Manifest) -> dict[str, object]:
    """All metrics over the read films. Ends the program where both kinds of film are not read."""
    read = [row for row in rows if row.classes is not None]
    sick = np.array([row.sick for row in read], dtype=bool)
    if not sick.any() or sick.all():
        raise SystemExit("Films of both kinds must be read to measure anything.")
    classes = np.array([row.classes for row in read])  # (N, K)
    probability = 1 - classes[:, 0]
    bootstrap = metrics.Bootstrap([row.patient for row in read])
    labels = [row.label for row in read]
    typed = UNTYPED not in labels and set(labels) == set(CLASSES)
    numbers = np.array([CLASSES.index(name) for name in labels]) if typed else None
    return {
        "films": {name: labels.count(name) for name in (*CLASSES, UNTYPED)},
        "patients": len({row.patient for row in read}),
        "refused": [{"file": r.file, "reason": r.reason} for r in rows if r.reason is not None],
        "referral": REFERRAL,
        "pneumonia": metrics.of_probability(sick, probability, bootstrap),
        "operating_points": {
            point.name: {
                **dataclasses.asdict(
                    metrics.at_threshold(sick, probability, point.threshold, bootstrap)
                ),
                "referred": sum(r.decisions[point.name] is Decision.REFER for r in read),
                "referred_share": bootstrap.measure(
                    metrics.mean_of(
                        np.array([float(r.decisions[point.name] is Decision.REFER) for r in read])
                    )
                ),
            }
            for point in manifest.operating_points
        },
        "three_class": None
        if numbers is None
        else metrics.of_classes(numbers, classes, CLASSES, bootstrap),
        "reliability": metrics.reliability_curve(sick, probability),
    }


def evaluate_split(reader: Reader, data: Path, split: str, out: Path, limit: int | None) -> None:
    """Read a folder through the Reader and write FILE.json and predictions.csv beside it."""
    files = film_paths(data, split)
    files = [files[i] for i in spread(len(files), limit)]
    started = time.perf_counter()
    rows = read_folder(reader, data, files)
    seconds = time.perf_counter() - started
    out.parent.mkdir(parents=True, exist_ok=True)
    write_predictions(out.with_name("predictions.csv"), rows, reader.manifest)
    result = {
        "schema": "pneumo.evaluation/1",
        "split": split,
        "weights": reader.manifest.revision,
        "created": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "seconds": seconds,
        **summary(rows, reader.manifest),
    }
    record.write(out, result)
    print(f"wrote {out} and {out.with_name('predictions.csv')}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_data_argument(parser)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--split", metavar="FOLDER", help="a folder below DIR: test, train, ...")
    what.add_argument("--role", nargs="+", choices=sorted(ROLES), help="roles of the split")
    parser.add_argument("--out", type=Path, help="FILE.json; with --split only")
    add_trial_arguments(parser)
    arguments = parser.parse_args()
    if arguments.split and not arguments.out:
        parser.error("--split needs --out FILE.json")
    # Roles are measured in float32 whatever the machine; a folder is read as the app would.
    device = torch.device("cpu") if arguments.role else None
    reader = open_reader(arguments.weights, device=device)
    if arguments.split:
        evaluate_split(reader, arguments.data, arguments.split, arguments.out, arguments.limit)
    else:
        measure_roles(reader, arguments.data, arguments.role)


if __name__ == "__main__":
    main()
