"""Measure the shipped weights/ on adult films of another hospital: not the population, on purpose.

    python -m train.external --data DIR [--limit N]

DIR holds labels.csv (path, label, view, patient, strict, paediatric) and the films it names, e.g.
frontal films of NIH ChestX-ray14 (Wang et al. CVPR 2017), whose labels are mined from reports;
``strict`` is 1 where radiologists' own labels agree, ``paediatric`` 1 below 18 years. Every film
goes from its bytes through the Reader that the app uses; intervals draw patients. Nothing is
chosen on these films.

A minute on 2 free cores for 513 films and six members; writes
train/results/external.json.
Expect an AUROC near chance, 0.6 where the labels are strict: the models never saw an adult.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pneumo.decision import Decision
from pneumo.errors import UnreadableImage, UnsuitableImage
from pneumo.reader import Reader
from train import metrics, record
from train.answers import decisions
from train.evaluate import REFERRAL
from train.metrics import Bootstrap
from train.shares import share
from train.shipped import add_trial_arguments, open_reader, spread

LABELS = {"normal": False, "pneumonia": True}
COLUMNS = ("path", "label", "view", "patient", "strict", "paediatric")


@dataclass(frozen=True)
class Case:
    """A film as labels.csv describes it."""

    path: str
    sick: bool
    view: str  # AP or PA
    patient: str
    strict: bool
    child: bool


@dataclass(frozen=True)
class Outcome:
    """What became of a case; no probability where the film was refused."""

    case: Case
    probability: float | None
    decisions: dict[str, Decision]


GROUPS: dict[str, Callable[[Case], bool]] = {
    "all": lambda case: True,
    "strict": lambda case: case.strict,
    "view_AP": lambda case: case.view == "AP",
    "view_PA": lambda case: case.view == "PA",
    "children": lambda case: case.child,
}


def read_cases(folder: Path) -> list[Case]:
    """The cases of labels.csv; a file in another form ends the program with a sentence."""
    path = folder / "labels.csv"
    if not path.is_file():
        raise SystemExit(f"{path} is not there; --data must name a folder that holds labels.csv.")
    with path.open(newline="") as file:
        reader = csv.DictReader(file)
        missing = set(COLUMNS) - set(reader.fieldnames or ())
        if missing:
            raise SystemExit(f"{path} lacks the columns {', '.join(sorted(missing))}.")
        rows = list(reader)
    unknown = sorted({row["label"] for row in rows} - set(LABELS))
    if unknown:
        raise SystemExit(f"{path}: a label is normal or pneumonia, not {', '.join(unknown)}.")
    return [
        Case(
            path=row["path"],
            sick=LABELS[row["label"]],
            view=row["view"],
            patient=row["patient"],
            strict=row["strict"] == "1",
            child=row["paediatric"] == "1",
        )
        for row in rows
    ]


def read_case(reader: Reader, folder: Path, case: Case) -> Outcome:
    """Read one film; a refusal is a result, not an error."""
    point = reader.manifest.operating_points[0].name
    try:
        reading = reader.read((folder / case.path).read_bytes(), operating_point=point)
    except (UnreadableImage, UnsuitableImage):
        return Outcome(case, None, {})
    manifest = reader.manifest
    decided = decisions(
        manifest.operating_points,
        reading.estimate,
        disagreement_limit=manifest.disagreement_limit,
    )
    return Outcome(case, reading.estimate.probability, decided)


def at_points(
    read: Sequence[Outcome], thresholds: dict[str, float], bootstrap: Bootstrap
) -> dict[str, object]:
    """Sensitivity, specificity and referrals at each operating point."""
    patients = [o.case.patient for o in read]
    sick = np.array([o.case.sick for o in read], dtype=bool)
    probability = _probability(read)
    return {
        name: {
            "threshold": t,
            "sensitivity": share(probability >= t, patients, bootstrap, among=sick),
            "specificity": share(probability < t, patients, bootstrap, among=~sick),
            "referred": share(
                np.array([o.decisions[name] is Decision.REFER for o in read], dtype=bool),
                patients,
                bootstrap,
            ),
        }
        for name, t in thresholds.items()
    }


def summary(outcomes: Sequence[Outcome], thresholds: dict[str, float]) -> dict[str, object]:
    """Everything measured on one group of films."""
    patients = [o.case.patient for o in outcomes]
    sick = np.array([o.case.sick for o in outcomes], dtype=bool)
    refused = np.array([o.probability is None for o in outcomes], dtype=bool)
    counts: dict[str, object] = {
        "films": len(outcomes),
        "pneumonia": int(sick.sum()),
        "patients": len(set(patients)),
    }
    if not outcomes:
        return counts
    every = Bootstrap(patients)
    read = [o for o in outcomes if o.probability is not None]
    found = np.array([o.case.sick for o in read], dtype=bool)
    bootstrap = Bootstrap([o.case.patient for o in read]) if read else None
    return {
        **counts,
        "refused": share(refused, patients, every),
        "refused_normal": share(refused, patients, every, among=~sick),
        "refused_pneumonia": share(refused, patients, every, among=sick),
        # Without both kinds of film there is nothing to tell apart.
        "probability": metrics.of_probability(found, _probability(read), bootstrap)
        if bootstrap and found.any() and not found.all()
        else None,
        "operating_points": at_points(read, thresholds, bootstrap) if bootstrap else None,
    }


def _probability(read: Sequence[Outcome]) -> NDArray[np.float64]:
    return np.array([o.probability for o in read], dtype=np.float64)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="holds labels.csv")
    add_trial_arguments(parser)
    parser.add_argument("--out", type=Path, default=record.RESULTS / "external.json")
    arguments = parser.parse_args()
    cases = read_cases(arguments.data)
    cases = [cases[i] for i in spread(len(cases), arguments.limit)]
    reader = open_reader(arguments.weights)
    started, outcomes = time.perf_counter(), []
    for done, case in enumerate(cases, start=1):
        outcomes.append(read_case(reader, arguments.data, case))
        if done % 50 == 0 or done == len(cases):
            print(f"{done}/{len(cases)} films, {time.perf_counter() - started:.0f} s", flush=True)
    thresholds = {p.name: p.threshold for p in reader.manifest.operating_points}
    result = {
        "schema": "pneumo.external/1",
        "weights": reader.manifest.revision,
        "population": "adults and some older children of another hospital: not the one claimed",
        "referral": REFERRAL,
        "groups": {
            name: summary([o for o in outcomes if belongs(o.case)], thresholds)
            for name, belongs in GROUPS.items()
        },
    }
    record.write(arguments.out, result)
    print(f"wrote {arguments.out}")


if __name__ == "__main__":
    main()
