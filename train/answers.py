"""What the ensemble and each row say of the films of a folder, read as the app reads them."""

from __future__ import annotations

import csv
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pneumo.bundle import Manifest
from pneumo.calibration import Estimate
from pneumo.comparison import Comparison
from pneumo.decision import Decision, OperatingPoint
from pneumo.errors import UnreadableImage, UnsuitableImage
from pneumo.reader import Reader
from train.holdout import ENSEMBLE
from train.split import CLASSES, label_of, patient_of

NORMAL, UNTYPED = "normal", "pneumonia"


@dataclass(frozen=True)
class Answer:
    """One film of the folder and what one model says of it."""

    file: str
    label: str  # normal, bacterial, viral, or pneumonia where the name tells no more
    patient: str
    classes: tuple[float, ...] | None  # class probabilities; None where refused
    decisions: dict[str, Decision]
    reason: str | None  # of the refusal

    @property
    def sick(self) -> bool:
        return self.label != NORMAL


Answers = dict[str, list[Answer]]  # per model, the ensemble first


def film_label(path: Path) -> str:
    """The class from folder and name; plain "pneumonia" where the name names no type."""
    label = label_of(path)
    name = path.name.lower()
    typed = "bacteria" in name or "virus" in name
    return label if label == NORMAL or typed else UNTYPED


def read_film(reader: Reader, comparison: Comparison | None, data: Path, file: str) -> list[Answer]:
    """Read one film, by the ensemble and each row; a refusal is a result, not an error."""
    path = Path(file)
    points = reader.manifest.operating_points
    known = file, film_label(path), patient_of(path)
    rows = comparison.rows if comparison else ()
    try:
        reading = reader.read((data / file).read_bytes(), operating_point=points[0].name)
    except (UnreadableImage, UnsuitableImage) as refusal:
        referred = dict.fromkeys((p.name for p in points), Decision.REFER)
        return [Answer(*known, None, referred, str(refusal))] * (1 + len(rows))
    asked = [(points, reading.estimate)]
    if comparison:
        opinions = comparison.ask(reading)
        asked += [
            (row.operating_points, opinion.estimate)
            for (row, _), opinion in zip(rows, opinions, strict=True)
        ]
    limit = reader.manifest.disagreement_limit
    return [
        Answer(*known, estimate.pattern, decisions(each, estimate, disagreement_limit=limit), None)
        for each, estimate in asked
    ]


def decisions(
    points: Sequence[OperatingPoint], estimate: Estimate, *, disagreement_limit: float
) -> dict[str, Decision]:
    """The decision at every operating point."""
    return {p.name: p.decide(estimate, disagreement_limit=disagreement_limit) for p in points}


def read_folder(
    reader: Reader, comparison: Comparison | None, data: Path, files: list[str]
) -> Answers:
    """Read every film, telling how far it is."""
    rows = [row.member.name for row, _ in comparison.rows] if comparison else []
    started, films = time.perf_counter(), []
    for done, file in enumerate(files, start=1):
        films.append(read_film(reader, comparison, data, file))
        if done % 25 == 0 or done == len(files):
            print(f"{done}/{len(files)} films, {time.perf_counter() - started:.0f} s", flush=True)
    return {name: [film[i] for film in films] for i, name in enumerate([ENSEMBLE, *rows])}


def write_predictions(path: Path, answers: list[Answer], manifest: Manifest) -> None:
    """One line per film; a refused film has empty probabilities and is referred."""
    points = [p.name for p in manifest.operating_points]
    heads = [f"p_{name}" for name in manifest.classes] + [f"decision_{name}" for name in points]
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["file", "label", "patient", *heads])
        for film in answers:
            shares = [f"{p:.6f}" for p in film.classes] if film.classes else [""] * len(CLASSES)
            writer.writerow(
                [film.file, film.label, film.patient, *shares, *(film.decisions[p] for p in points)]
            )
