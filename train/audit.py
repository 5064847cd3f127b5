"""Which shortcuts the films offer, and which of them the shipped members take.

    python -m train.audit --data DIR [--limit N]

On role ``test``, for each nuisance (aspect ratio, crop extent, borders, burned-in letters, device,
JPEG quality): the AUROC of the nuisance alone for pneumonia (below 0.5, a smaller value speaks for
pneumonia), and what the ensemble and each geometry say when the nuisance is altered. Untouched
lungs are those whose every pixel, and every pixel within 4 of 224 of them, keeps its grey level
and its neighbours (train.alterations); only ``jpeg_30`` touches them. An altered film goes the
whole way of reading: the canonical picture is made anew, and so are the lung mask, the box and the
gate's verdict. Differences are taken film by film between the altered and the unaltered film.

MINUTES minutes on 2 cores for 522 films; writes train/results/audit.json, the same on every run.
Expect an aspect ratio that alone reaches an AUROC near 0.87, and members that hardly heed it.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from pneumo.calibration import softmax
from pneumo.errors import PneumoError
from pneumo.geometry import canonical
from pneumo.lungs import LungNetwork
from pneumo.radiograph import decode
from pneumo.reader import Reader, load_reader
from train import metrics, record
from train.alterations import ALTERATIONS, Change, plate_of
from train.data import Films, add_data_argument, require_layout, to_uint8
from train.ensemble import Contender, Suitable, outputs, suitable
from train.holdout import ENSEMBLE, contenders
from train.metrics import Bootstrap, Floats, Measured
from train.nuisances import NUISANCES, Specimen
from train.shares import Share, share
from train.split import CLASSES, label_of, read_split

POINTS = ("screening", "balanced")  # operating points whose decisions are followed
LARGE = 0.95  # quantile of the changes
Said = dict[str, Floats]  # per model, probability of pneumonia (N,)


@dataclass(frozen=True)
class Effect:
    """What an alteration does to one model, over pairs of the same film."""

    mean_absolute_change: Measured  # of the probability of pneumonia
    mean_change: Measured  # positive: towards pneumonia
    change_95th_percentile: Measured  # of the absolute change
    flipped: dict[str, Share]  # decisions that change, per operating point
    auroc_before: Measured
    auroc_after: Measured


@dataclass(frozen=True, eq=False)
class Panel:
    """Members, their temperatures and the thresholds that turn a probability into a word."""

    lung_network: LungNetwork
    members: Sequence[Contender]
    temperatures: Sequence[float]
    thresholds: dict[str, float]

    @classmethod
    def of_reader(cls, reader: Reader) -> Panel:
        """The shipped ensemble."""
        return cls(
            lung_network=reader.lung_network,
            members=contenders(reader),
            temperatures=[m.temperature for m in reader.manifest.members],
            thresholds={p: reader.manifest.operating_point(p).threshold for p in POINTS},
        )

    def say(self, chosen: Suitable) -> Said:
        """Probability of pneumonia by the ensemble and by the members of each geometry."""
        each = [
            1 - softmax(outputs(m, chosen).logits / t)[:, 0]
            for m, t in zip(self.members, self.temperatures, strict=True)
        ]
        places = [m.geometry for m in self.members]
        return {ENSEMBLE: np.mean(each, axis=0)} | {
            name: np.mean([p for p, g in zip(each, places, strict=True) if g == name], axis=0)
            for name in sorted(set(places))
        }


def as_found(data: Path, paths: Sequence[str]) -> Films:
    """The films as reading sees them."""
    films = [decode((data / path).read_bytes()) for path in paths]
    return Films(
        paths=list(paths),
        pixels=torch.cat([to_uint8(canonical(f.pixels)) for f in films]),
        aspect=torch.tensor([f.aspect for f in films]),
        label=torch.tensor([CLASSES.index(label_of(Path(p))) for p in paths]),
    )


def altered(data: Path, base: Suitable, change: Change) -> Films:
    """The films with one alteration, made at their own resolution."""
    squares, aspects = [], []
    for path, lungs in zip(base.films.paths, base.lungs, strict=True):
        film = decode((data / path).read_bytes())
        plate = change(plate_of(film.pixels, lungs.mask))
        squares.append(to_uint8(canonical(plate.pixels)))
        aspects.append(plate.aspect)
    return Films(base.films.paths, torch.cat(squares), torch.tensor(aspects), base.films.label)


def quantile_of(values: Floats, q: float) -> metrics.Metric:
    """The smallest value (N,) that at least a share ``q`` of the weight does not exceed."""
    order = np.argsort(values, kind="stable")

    def metric(w: Floats) -> Floats:
        reached = w[:, order].cumsum(axis=1)
        return values[order][(reached >= q * reached[:, -1:] - 1e-9).argmax(axis=1)]

    return metric


def effect(
    before: Floats, after: Floats, films: Films, thresholds: dict[str, float], bootstrap: Bootstrap
) -> Effect:
    """Compare probabilities (N,) of the same films before and after an alteration."""
    sick, change = films.label.numpy() > 0, after - before
    return Effect(
        mean_absolute_change=bootstrap.measure(metrics.mean_of(np.abs(change))),
        mean_change=bootstrap.measure(metrics.mean_of(change)),
        change_95th_percentile=bootstrap.measure(quantile_of(np.abs(change), LARGE)),
        flipped={
            name: share((before >= t) != (after >= t), films.patients, bootstrap)
            for name, t in thresholds.items()
        },
        auroc_before=bootstrap.measure(metrics.auroc(sick, before)),
        auroc_after=bootstrap.measure(metrics.auroc(sick, after)),
    )


def intervene(panel: Panel, data: Path, base: Suitable, said: Said, name: str) -> dict[str, object]:
    """One alteration of every film; ``said`` is what the models say of the unaltered ones."""
    alteration = ALTERATIONS[name]
    after = suitable(panel.lung_network, altered(data, base, alteration.change))
    place = {path: i for i, path in enumerate(base.films.paths)}
    kept = [place[path] for path in after.films.paths]
    bootstrap = Bootstrap(after.films.patients)
    refused = np.isin(np.arange(len(base.films)), kept, invert=True)
    return {
        "words": alteration.words,
        "touches_lungs": alteration.touches_lungs,
        "refused": share(refused, base.films.patients, Bootstrap(base.films.patients)),
        "models": {
            model: effect(said[model][kept], p, after.films, panel.thresholds, bootstrap)
            for model, p in panel.say(after).items()
        },
    }


def measure_alone(data: Path, base: Suitable) -> dict[str, dict[str, object]]:
    """The AUROC of every nuisance alone, and its median per class of film."""
    specimens = [
        Specimen((data / path).read_bytes(), lungs.mask)
        for path, lungs in zip(base.films.paths, base.lungs, strict=True)
    ]
    sick, bootstrap = base.films.label.numpy() > 0, Bootstrap(base.films.patients)
    values = {
        nuisance: {
            name: np.array([measure(s) for s in specimens]) for name, measure in kinds.items()
        }
        for nuisance, kinds in NUISANCES.items()
    }
    return {
        nuisance: {
            name: {
                "auroc": bootstrap.measure(metrics.auroc(sick, v)),
                "median_normal": float(np.median(v[~sick])),
                "median_pneumonia": float(np.median(v[sick])),
            }
            for name, v in kinds.items()
        }
        for nuisance, kinds in values.items()
    }


def audit(panel: Panel, data: Path, paths: Sequence[str]) -> dict[str, object]:
    """The whole audit of one panel on some films."""
    base = suitable(panel.lung_network, as_found(data, paths))
    said = panel.say(base)
    sick, bootstrap = base.films.label.numpy() > 0, Bootstrap(base.films.patients)
    alone = measure_alone(data, base)
    effects: dict[str, dict[str, object]] = {nuisance: {} for nuisance in NUISANCES}
    for name, alteration in ALTERATIONS.items():
        print(f"  {name}: {alteration.words}", flush=True)
        effects[alteration.nuisance][name] = intervene(panel, data, base, said, name)
    return {
        "films": {name: int((base.films.label == i).sum()) for i, name in enumerate(CLASSES)},
        "patients": len(set(base.films.patients)),
        "refused_unaltered": len(base.refused),
        "thresholds": panel.thresholds,
        "auroc_unaltered": {
            model: bootstrap.measure(metrics.auroc(sick, p)) for model, p in said.items()
        },
        "nuisances": {
            nuisance: {"alone": alone[nuisance], "altered": effects[nuisance]}
            for nuisance in NUISANCES
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_data_argument(parser)
    parser.add_argument("--limit", type=int, metavar="N", help="N films only: a quick trial")
    parser.add_argument("--weights", type=Path, metavar="DIR", help="default: the shipped weights")
    parser.add_argument("--out", type=Path, default=record.RESULTS / "audit.json")
    arguments = parser.parse_args()
    require_layout(arguments.data, "train")
    paths = sorted(read_split()["test"])
    if arguments.limit is not None and arguments.limit < len(paths):
        paths = [
            paths[i] for i in np.linspace(0, len(paths) - 1, arguments.limit).round().astype(int)
        ]
    try:
        # In float32 on the CPU, whatever the machine, so that every run gives the same numbers.
        reader = load_reader(arguments.weights, device=torch.device("cpu"))
    except PneumoError as error:
        raise SystemExit(str(error)) from error
    started = time.perf_counter()
    result = audit(Panel.of_reader(reader), arguments.data, paths)
    record.write(
        arguments.out, {"schema": "pneumo.audit/1", "weights": reader.manifest.revision, **result}
    )
    print(f"wrote {arguments.out} after {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
