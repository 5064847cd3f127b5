"""Conformal prediction sets: thresholds from ``calibrate``, coverage from the hold-out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pneumo.calibration import ConformalLevel, Interval

PROMISED = (0.90, 0.95)


def threshold(label: NDArray[np.int64], classes: NDArray[np.float64], promised: float) -> float:
    """The smallest class probability in the set, from films (N,) with probabilities (N, K).

    The finite-sample quantile of split conformal prediction: of N + 1 exchangeable films at
    least the promised share has its true class at or above this value. Raises ValueError where N
    is too small to promise that.
    """
    true = np.sort(classes[np.arange(len(label)), label])
    allowed_below = int(np.floor((len(label) + 1) * (1 - promised)))
    if allowed_below < 1:
        raise ValueError(f"{len(label)} films cannot promise a coverage of {promised}")
    return float(true[allowed_below - 1])


def levels(
    seen_label: NDArray[np.int64],
    seen: NDArray[np.float64],
    held_out_label: NDArray[np.int64],
    held_out: NDArray[np.float64],
) -> tuple[ConformalLevel, ...]:
    """Every promised level, its threshold from ``seen``, its coverage measured on ``held_out``."""
    found = []
    for promised in PROMISED:
        t = threshold(seen_label, seen, promised)
        best = held_out.max(axis=1)
        true = held_out[np.arange(len(held_out_label)), held_out_label]
        covered = true >= np.minimum(t, best)
        found.append(
            ConformalLevel(
                promised=promised,
                threshold=t,
                coverage=Interval.of_counts(int(covered.sum()), len(covered)),
                coverage_by_class=tuple(
                    Interval.of_counts(
                        int(covered[held_out_label == k].sum()), int((held_out_label == k).sum())
                    )
                    for k in range(held_out.shape[1])
                ),
            )
        )
    return tuple(found)
