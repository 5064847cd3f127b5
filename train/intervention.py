"""What the members say when one nuisance is altered, film by film against the unaltered film."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from pneumo.calibration import MemberCalibration
from pneumo.geometry import canonical
from pneumo.lungs import LungNetwork
from pneumo.radiograph import decode
from pneumo.reader import Reader
from train import metrics
from train.alterations import Alteration, Change, plate_of
from train.data import Films, to_uint8
from train.ensemble import Contender, Suitable, outputs, suitable
from train.holdout import ENSEMBLE, contenders
from train.metrics import Bootstrap, Floats, Measured
from train.shares import Share, share
from train.split import CLASSES, label_of

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
    """Members, their calibrations and the thresholds that turn a probability into a word."""

    lung_network: LungNetwork
    members: Sequence[Contender]
    calibrations: Sequence[MemberCalibration]
    thresholds: dict[str, float]

    @classmethod
    def of_reader(cls, reader: Reader) -> Panel:
        """The shipped ensemble."""
        return cls(
            lung_network=reader.lung_network,
            members=contenders(reader),
            calibrations=[m.calibration for m in reader.manifest.members],
            thresholds={p: reader.manifest.operating_point(p).threshold for p in POINTS},
        )

    def say(self, chosen: Suitable) -> Said:
        """Probability of pneumonia by the ensemble and by the members of each geometry."""
        each = [
            1 - c.classes(outputs(m, chosen).logits)[:, 0]
            for m, c in zip(self.members, self.calibrations, strict=True)
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
        return np.asarray(values[order][(reached >= q * reached[:, -1:] - 1e-9).argmax(axis=1)])

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


def intervene(
    panel: Panel, data: Path, base: Suitable, said: Said, alteration: Alteration
) -> dict[str, object]:
    """One alteration of every film; ``said`` is what the models say of the unaltered ones."""
    after = suitable(panel.lung_network, altered(data, base, alteration.change))
    place = {path: i for i, path in enumerate(base.films.paths)}
    kept = [place[path] for path in after.films.paths]
    refused = np.isin(np.arange(len(base.films)), kept, invert=True)
    result: dict[str, object] = {
        "words": alteration.words,
        "touches_lungs": alteration.touches_lungs,
        "refused": share(refused, base.films.patients, Bootstrap(base.films.patients)),
    }
    if not kept:  # every altered film is refused: a result too, with nothing to compare
        return {**result, "models": {}}
    bootstrap = Bootstrap(after.films.patients)
    models = {
        model: effect(said[model][kept], p, after.films, panel.thresholds, bootstrap)
        for model, p in panel.say(after).items()
    }
    return {**result, "models": models}
