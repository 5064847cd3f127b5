"""Measure the shipped weights/ on films with a known answer.

    python -m train.evaluate --data DIR --split test --out FILE.json [--all] [--limit N]
    python -m train.evaluate --data DIR --role test select

``--split`` reads DIR/SPLIT/{NORMAL,PNEUMONIA} from the files' bytes through the very Reader that
the app uses, and writes FILE.json and predictions.csv beside it: 624 films in about 3 minutes on 2
cores. ``--all`` asks every row as well: FILE.json gains "rows", the ensemble first, and every row
its predictions-NAME.csv. ``--role`` measures roles of the committed split, every member and row
beside the ensemble, clean and under each synthetic shift, and writes train/results/holdout.json:
about 10 minutes a role on 2 cores. Expect an AUROC of 0.99 on the hold-out, less on films from
elsewhere.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pneumo.comparison import Comparison
from pneumo.decision import Decision, OperatingPoint
from pneumo.reader import Reader
from train import metrics, record
from train.answers import UNTYPED, Answer, read_folder, write_predictions
from train.data import add_data_argument, film_paths
from train.holdout import ENSEMBLE, measure_roles
from train.shipped import add_trial_arguments, open_reader, spread
from train.split import CLASSES, ROLES
from train.systems import SYSTEMS

HEADLINE_POINT = "balanced"
OFFICIAL = "test"  # the published test folder
REFERRAL = (
    "At each threshold every read film counts by its probability alone, a referred one too; the "
    "share of films that are referred instead stands beside it. Refused films count in no metric."
)


def summary(answers: list[Answer], points: Sequence[OperatingPoint]) -> dict[str, object]:
    """All metrics over the read films. Ends the program where both kinds of film are not read."""
    read = [film for film in answers if film.classes is not None]
    sick = np.array([film.sick for film in read], dtype=bool)
    if not sick.any() or sick.all():
        raise SystemExit("Films of both kinds must be read to measure anything.")
    classes = np.array([film.classes for film in read])  # (N, K)
    probability = 1 - classes[:, 0]
    bootstrap = metrics.Bootstrap([film.patient for film in read])
    labels = [film.label for film in read]
    typed = UNTYPED not in labels and set(labels) == set(CLASSES)
    numbers = np.array([CLASSES.index(name) for name in labels]) if typed else None
    return {
        "films": {name: labels.count(name) for name in (*CLASSES, UNTYPED)},
        "patients": len({film.patient for film in read}),
        "refused": [{"file": f.file, "reason": f.reason} for f in answers if f.reason is not None],
        "referral": REFERRAL,
        "pneumonia": metrics.of_probability(sick, probability, bootstrap),
        "operating_points": {
            point.name: {
                **dataclasses.asdict(
                    metrics.at_threshold(sick, probability, point.threshold, bootstrap)
                ),
                **referrals([f.decisions[point.name] for f in read], bootstrap),
            }
            for point in points
        },
        "three_class": None
        if numbers is None
        else metrics.of_classes(numbers, classes, CLASSES, bootstrap),
        "reliability": metrics.reliability_curve(sick, probability),
    }


def referrals(decisions: list[Decision], bootstrap: metrics.Bootstrap) -> dict[str, object]:
    """How many films are referred, and their share."""
    referred = np.array([float(decision is Decision.REFER) for decision in decisions])
    return {
        "referred": int(referred.sum()),
        "referred_share": bootstrap.measure(metrics.mean_of(referred)),
    }


def headline(measured: dict[str, Any]) -> dict[str, object]:
    """One row's main numbers without intervals, verdicts at the balanced point."""
    at = measured["operating_points"][HEADLINE_POINT]["metrics"]
    types = (measured["three_class"] or {"metrics": {}})["metrics"]
    named = measured["pneumonia"] | at | {f"three_class_{k}": v for k, v in types.items()}
    return {"verdicts_at": HEADLINE_POINT} | {k: v["value"] for k, v in named.items()}


def evaluate_split(
    reader: Reader, data: Path, split: str, out: Path, *, every_row: bool, limit: int | None
) -> None:
    """Read a folder through the Reader; write FILE.json and the predictions beside it."""
    files = film_paths(data, split)
    files = [files[i] for i in spread(len(files), limit)]
    comparison = Comparison(reader) if every_row else None
    started = time.perf_counter()
    answers = read_folder(reader, comparison, data, files)
    seconds = time.perf_counter() - started
    out.parent.mkdir(parents=True, exist_ok=True)
    write_predictions(out.with_name("predictions.csv"), answers[ENSEMBLE], reader.manifest)
    points = {ENSEMBLE: reader.manifest.operating_points}
    points |= {row.member.name: row.operating_points for row in reader.manifest.rows}
    measured = {name: record.plain(summary(films, points[name])) for name, films in answers.items()}
    result = {
        "schema": "pneumo.evaluation/1",
        "split": split,
        "weights": reader.manifest.revision,
        "created": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "seconds": seconds,
        **measured[ENSEMBLE],
    }
    if every_row:
        for name, films in answers.items():
            write_predictions(out.with_name(f"predictions-{name}.csv"), films, reader.manifest)
        result["rows"] = {name: headline(each) for name, each in measured.items()}
        if split == OFFICIAL:  # the only films on which others reported what they reach
            result["reported_by_such_systems"] = {
                name: SYSTEMS[name].reported for name in answers if name in SYSTEMS
            }
        result["rows_in_full"] = measured
    record.write(out, result)
    print(f"wrote {out} and the predictions beside it")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_data_argument(parser)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--split", metavar="FOLDER", help="a folder below DIR: test, train, ...")
    what.add_argument("--role", nargs="+", choices=sorted(ROLES), help="roles of the split")
    parser.add_argument("--out", type=Path, help="FILE.json; with --split only")
    parser.add_argument("--all", action="store_true", help="ask every row too; --split only")
    add_trial_arguments(parser)
    arguments = parser.parse_args()
    if arguments.split and not arguments.out:
        parser.error("--split needs --out FILE.json")
    # Roles are measured in float32 whatever the machine; a folder is read as the app would.
    device = torch.device("cpu") if arguments.role else None
    reader = open_reader(arguments.weights, device=device)
    if arguments.split:
        evaluate_split(
            reader,
            arguments.data,
            arguments.split,
            arguments.out,
            every_row=arguments.all,
            limit=arguments.limit,
        )
    else:
        measure_roles(reader, arguments.data, arguments.role)


if __name__ == "__main__":
    main()
