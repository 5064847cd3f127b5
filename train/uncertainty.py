"""Does the ensemble know which of its verdicts are wrong?

    python -m train.uncertainty --data DIR [--limit N]

On role ``test``, clean and under each synthetic shift: the members' disagreement (mutual
information between verdict and member, nats; Estimate.disagreement), the risk-coverage curve (share
of wrong verdicts among the films kept when the least certain are referred) with its area, and the
accuracy kept when 5, 10 and 20 % are referred, at the balanced threshold. Referring by
disagreement stands beside referring by distance to the threshold (in log-odds), at random, and by
a perfect ranking that refers every wrong verdict first. Last, what the shipped rule refers at each
operating point. Refused films are counted and left out.

Seconds after train.evaluate, which asks the same members about the same films, else 10 minutes on
2 cores; writes
train/results/uncertainty.json, the same on every run. Expect, on clean films, areas of a tenth of
random's by disagreement as by distance, and an accuracy of 0.99 when a tenth is referred.
"""

from __future__ import annotations

import argparse
import dataclasses
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import logit
from torch import Tensor

from pneumo.bundle import Manifest
from pneumo.calibration import Estimate
from pneumo.decision import Decision
from pneumo.reader import Reader
from train import metrics, record
from train.data import Films, add_data_argument, load_role
from train.ensemble import estimates, outputs, suitable
from train.holdout import contenders
from train.metrics import Bootstrap, Floats, Metric
from train.shares import share
from train.shifts import SHIFTS
from train.shipped import add_trial_arguments, open_reader, spread

POINT = "balanced"  # the operating point whose verdicts are right or wrong
REFERRED = (0.05, 0.10, 0.20)  # shares of films
COVERAGES = np.linspace(0.05, 1, 20)  # where the curve is written down
SMALLEST = 1e-9  # probability; keeps log-odds finite
CONDITIONS: dict[str, Callable[[Tensor], Tensor]] = {"clean": lambda films: films, **SHIFTS}


class Referral:
    """Referring the least certain films first; films of equal certainty in random order."""

    def __init__(self, wrong: NDArray[np.bool_], certainty: Floats) -> None:
        self.order = np.argsort(-certainty, kind="stable")
        ranked = certainty[self.order]
        self.starts = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]]))
        self.sizes = np.diff(np.append(self.starts, len(ranked)))
        self.wrong = wrong[self.order].astype(np.float64)

    def area(self, w: Floats) -> Floats:
        """Area under the risk-coverage curve (R,) with film weights (R, N)."""
        kept, errors = self._cumulated(w)
        each = np.diff(kept, axis=1, prepend=0)
        risk = errors / np.maximum(kept, 1e-300)
        return np.asarray((each * risk).sum(axis=1) / kept[:, -1])

    def risk(self, coverage: float) -> Metric:
        """Share of wrong verdicts among the most certain films, ``coverage`` of the weight."""

        def metric(w: Floats) -> Floats:
            kept, errors = (np.pad(x, [(0, 0), (1, 0)]) for x in self._cumulated(w))
            wanted = coverage * kept[:, -1]
            rows = zip(wanted, kept, errors, strict=True)
            return np.array([np.interp(x, k, e) for x, k, e in rows]) / wanted

        return metric

    def accuracy(self, referred: float) -> Metric:
        """Accuracy on the films that stay when a share of the weight is referred."""
        risk = self.risk(1 - referred)
        return lambda w: 1 - risk(w)

    def _cumulated(self, w: Floats) -> tuple[Floats, Floats]:
        """Weight and expected weight of errors among the films down to each rank (R, N)."""
        w = w[:, self.order]
        whole = np.add.reduceat(w, self.starts, axis=1)  # (R, G), by groups of equal certainty
        rate = np.add.reduceat(w * self.wrong, self.starts, axis=1) / np.maximum(whole, 1e-300)
        return w.cumsum(axis=1), (w * np.repeat(rate, self.sizes, axis=1)).cumsum(axis=1)


def certainties(
    said: Sequence[Estimate], wrong: NDArray[np.bool_], threshold: float
) -> dict[str, Floats]:
    """How certain each verdict (N,) is, by each way of referring."""
    p = np.clip([e.probability for e in said], SMALLEST, 1 - SMALLEST)
    return {
        "disagreement": -np.array([e.disagreement for e in said]),
        "distance_to_threshold": np.abs(logit(p) - logit(threshold)),
        "random": np.zeros(len(said)),
        "perfect": -wrong.astype(np.float64),
    }


def referred_first(
    wrong: NDArray[np.bool_], certainty: Floats, bootstrap: Bootstrap
) -> dict[str, object]:
    """Area, curve and accuracy kept of one way of referring."""
    referral, one = Referral(wrong, certainty), np.ones((1, len(wrong)))
    return {
        "area": bootstrap.measure(referral.area),
        "accuracy_kept_by_share_referred": {
            f"{s:.2f}": bootstrap.measure(referral.accuracy(s)) for s in REFERRED
        },
        "curve": [
            {"coverage": float(c), "risk": float(referral.risk(float(c))(one)[0])}
            for c in COVERAGES
        ],
    }


def information(said: Sequence[Estimate], wrong: NDArray[np.bool_]) -> dict[str, float]:
    """The members' disagreement, nats, over all films, right verdicts and wrong ones."""
    nats = np.array([e.disagreement for e in said])
    return {
        "mean": float(nats.mean()),
        "median": float(np.median(nats)),
        "95th_percentile": float(np.quantile(nats, 0.95)),
        "mean_where_right": float(nats[~wrong].mean()) if not wrong.all() else np.nan,
        "mean_where_wrong": float(nats[wrong].mean()) if wrong.any() else np.nan,
    }


def shipped_rule(
    said: Sequence[Estimate], films: Films, manifest: Manifest, bootstrap: Bootstrap
) -> dict[str, object]:
    """What the shipped rule refers at each operating point, and how often verdicts are wrong."""
    sick, probability = _sick(films), np.array([e.probability for e in said])
    rows: dict[str, object] = {}
    for point in manifest.operating_points:
        words = [point.decide(e, disagreement_limit=manifest.disagreement_limit) for e in said]
        referred = np.array([word is Decision.REFER for word in words])
        wrong = (probability >= point.threshold) != sick
        rows[point.name] = {
            "threshold": point.threshold,
            "referred": share(referred, films.patients, bootstrap),
            "wrong_among_all": share(wrong, films.patients, bootstrap),
            "wrong_among_kept": share(wrong, films.patients, bootstrap, among=~referred),
            "wrong_among_referred": share(wrong, films.patients, bootstrap, among=referred),
        }
    return rows


def measure(reader: Reader, films: Films) -> dict[str, object]:
    """Everything measured under one condition."""
    chosen = suitable(reader.lung_network, films)
    logits = [outputs(member, chosen).logits for member in contenders(reader)]
    said = estimates(logits, [m.calibration for m in reader.manifest.members])
    bootstrap = Bootstrap(chosen.films.patients)
    threshold = reader.manifest.operating_point(POINT).threshold
    wrong = (np.array([e.probability for e in said]) >= threshold) != _sick(chosen.films)
    return {
        "films": len(said),
        "refused": len(chosen.refused),
        "wrong": share(wrong, chosen.films.patients, bootstrap),
        "disagreement_nats": information(said, wrong),
        # How well disagreement tells wrong verdicts from right ones.
        "auroc_of_disagreement_for_wrong": bootstrap.measure(
            metrics.auroc(wrong, np.array([e.disagreement for e in said]))
        )
        if wrong.any() and not wrong.all()
        else None,
        "referring_by": {
            name: referred_first(wrong, certainty, bootstrap)
            for name, certainty in certainties(said, wrong, threshold).items()
        },
        "shipped_rule": shipped_rule(said, chosen.films, reader.manifest, bootstrap),
    }


def _sick(films: Films) -> NDArray[np.bool_]:
    return np.asarray(films.label.numpy() > 0)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_data_argument(parser)
    add_trial_arguments(parser)
    parser.add_argument("--out", type=Path, default=record.RESULTS / "uncertainty.json")
    arguments = parser.parse_args()
    films = load_role(arguments.data, "test")
    films = films.subset(torch.tensor(spread(len(films), arguments.limit)))
    # In float32 on the CPU, whatever the machine, so that every run gives the same numbers.
    reader = open_reader(arguments.weights, device=torch.device("cpu"))
    started, conditions = time.perf_counter(), {}
    for name, change in CONDITIONS.items():
        print(f"  {name}", flush=True)
        moved = dataclasses.replace(films, pixels=change(films.pixels))
        conditions[name] = measure(reader, moved)
    record.write(
        arguments.out,
        {
            "schema": "pneumo.uncertainty/1",
            "weights": reader.manifest.revision,
            "operating_point": POINT,
            "disagreement_limit": reader.manifest.disagreement_limit,
            "patients": len(set(films.patients)),
            "conditions": conditions,
        },
    )
    print(f"wrote {arguments.out} after {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
