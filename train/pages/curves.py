"""ROC and precision-recall over every threshold, each with a 95 % band over patients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from train.metrics import Bootstrap, Floats

BAND = (0.025, 0.975)  # quantiles of the resamples
GRID = np.linspace(0, 1, 201)  # where the bands are taken


@dataclass(frozen=True, eq=False)
class Curve:
    """A curve with a point per threshold, from the highest down, and a band on ``GRID``."""

    x: Floats  # (T,)
    y: Floats  # (T,)
    low: Floats  # (G,)
    high: Floats  # (G,)


def roc(sick: NDArray[np.bool_], score: Floats, bootstrap: Bootstrap) -> Curve:
    """Sensitivity against the share of healthy films flagged, from (0, 0) to (1, 1).

    Its area by trapezoids is the AUROC with ties counted half. The band is vertical (Fawcett 2006,
    doi 10.1016/j.patrec.2005.10.010): at each share of false alarms, the best sensitivity to be
    had without exceeding it.
    """

    def shares(w: Floats) -> tuple[Floats, Floats]:  # (R, N) -> (R, T + 1) twice
        found, called = _counts(sick, score, w)
        flagged = called - found
        zero = np.zeros((len(w), 1))
        parts = (flagged / flagged[:, -1:], found / found[:, -1:])
        alarm, hit = (np.concatenate([zero, part], axis=1) for part in parts)
        return alarm, hit

    (x,), (y,) = shares(np.ones((1, len(sick))))
    rows = zip(*shares(_with_both(sick, bootstrap)), strict=True)
    drawn = [hit[np.searchsorted(alarm, GRID, side="right") - 1] for alarm, hit in rows]
    return Curve(x, y, *np.quantile(drawn, BAND, axis=0))


def precision_recall(sick: NDArray[np.bool_], score: Floats, bootstrap: Bootstrap) -> Curve:
    """Precision against sensitivity; as steps, its area is the average precision.

    The band holds, at each sensitivity, the precision at the highest threshold that reaches it.
    """

    def shares(w: Floats) -> tuple[Floats, Floats]:  # (R, N) -> (R, T) twice
        found, called = _counts(sick, score, w)
        return found / found[:, -1:], found / np.maximum(called, 1e-300)

    (x,), (y,) = shares(np.ones((1, len(sick))))
    rows = zip(*shares(_with_both(sick, bootstrap)), strict=True)
    # At sensitivity 0 nothing is called and precision has no value: take the first film called.
    wanted = np.maximum(GRID, 1e-9)
    drawn = [right[np.searchsorted(found, wanted - 1e-12)] for found, right in rows]
    return Curve(x, y, *np.quantile(drawn, BAND, axis=0))


def _with_both(sick: NDArray[np.bool_], bootstrap: Bootstrap) -> Floats:
    """The resamples that drew films of both kinds; the others have no curve."""
    w = bootstrap.weights
    return np.asarray(w[(w[:, sick].sum(axis=1) > 0) & (w[:, ~sick].sum(axis=1) > 0)])


def _counts(sick: NDArray[np.bool_], score: Floats, w: Floats) -> tuple[Floats, Floats]:
    """Weight of the sick films, and of all, at or above each distinct score (R, T), falling."""
    order = np.argsort(-score, kind="stable")
    last = np.append(np.flatnonzero(np.diff(score[order])), len(score) - 1)  # of each run of ties
    w = w[:, order]
    return (w * sick[order]).cumsum(axis=1)[:, last], w.cumsum(axis=1)[:, last]
