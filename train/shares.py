"""Shares of films with 95 % intervals over patients, honest at 0 and at 1 too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from train.metrics import Bootstrap

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Share:
    """How many of how many films, and the share's interval; NaN where there are no films."""

    hits: int
    films: int
    value: float
    low: float
    high: float


def share(
    hit: NDArray[np.bool_],
    patients: Sequence[str],
    bootstrap: Bootstrap,
    *,
    among: NDArray[np.bool_] | None = None,
) -> Share:
    """The share of films (N,) that are hit, among all of them or some (N,).

    Where none or all are hit, every resample repeats that, and its interval would have no width;
    there it is the exact one (Clopper and Pearson 1934) over patients.
    """
    counted = np.ones(len(hit), dtype=bool) if among is None else among
    hits, films = int(hit[counted].sum()), int(counted.sum())
    if films == 0:
        return Share(0, 0, np.nan, np.nan, np.nan)
    if hits in (0, films):
        people = len(set(np.array(patients)[counted]))
        exact = binomtest(people if hits else 0, people).proportion_ci(CONFIDENCE)
        return Share(hits, films, hits / films, float(exact.low), float(exact.high))
    rows = bootstrap.weights * counted  # (R, N)
    drawn = rows.sum(axis=1)
    shares = (rows @ hit)[drawn > 0] / drawn[drawn > 0]
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(shares, [tail, 1 - tail])
    return Share(hits, films, hits / films, float(low), float(high))
