"""The four operating points, each a rule that turns scores on ``calibrate`` into a threshold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from pneumo.calibration import Interval
from pneumo.decision import OperatingPoint

SENSITIVITY = 0.99  # that screening promises
# One-sided, of that promise: the median-unbiased estimate. About one film in a hundred of this
# data set is labelled pneumonia and read as normal by every member alike, so a stricter bound
# hangs on two or three such films and pays for them with ten points of specificity.
SENSITIVITY_CONFIDENCE = 0.50
SPECIFICITY = 0.95  # that rule-in promises
SPECIFICITY_CONFIDENCE = 0.90


@dataclass(frozen=True, eq=False)
class Candidates:
    """Every threshold that makes a difference, rising, and what it would cost.

    The first calls every film pneumonia and the last none, so that each rule finds one.
    """

    threshold: NDArray[np.float64]  # (T,), midway between neighbouring scores
    missed: NDArray[np.int64]  # pneumonia films below each threshold
    flagged: NDArray[np.int64]  # normal films at or above each threshold
    sick: int
    well: int

    @classmethod
    def of(cls, sick: NDArray[np.bool_], probability: NDArray[np.float64]) -> Candidates:
        """All candidates for scores (N,). Raises ValueError without both kinds of film."""
        if sick.all() or not sick.any():
            raise ValueError("thresholds need films with and without pneumonia")
        scores = np.unique([0.0, *probability, 1.0])
        # Midway, so that a film scored a rounding error lower on another machine is not lost.
        threshold = (scores[:-1] + scores[1:]) / 2
        missed = np.searchsorted(np.sort(probability[sick]), threshold)
        passed = np.searchsorted(np.sort(probability[~sick]), threshold)
        well = int((~sick).sum())
        return cls(threshold, missed, well - passed, int(sick.sum()), well)

    @property
    def sensitivity(self) -> NDArray[np.float64]:
        return 1 - self.missed / self.sick

    @property
    def specificity(self) -> NDArray[np.float64]:
        return 1 - self.flagged / self.well


def share_bound(errors: int, films: int, *, confidence: float) -> float:
    """One-sided lower bound of the share without error (Clopper and Pearson 1934)."""
    if errors == films:
        return 0.0
    return float(stats.beta.ppf(1 - confidence, films - errors, errors + 1))


def errors_allowed(films: int, *, share: float, confidence: float) -> int:
    """How many errors among so many films still show the share. Raises ValueError for too few."""
    allowed = -1
    while allowed + 1 < films and share_bound(allowed + 1, films, confidence=confidence) >= share:
        allowed += 1
    if allowed < 0:
        raise ValueError(
            f"{films} films cannot show a share of {share} with {confidence:.0%} confidence, "
            "even without an error"
        )
    return allowed


def screening(candidates: Candidates) -> int:
    """Index of the highest threshold that keeps the promised sensitivity. Raises ValueError."""
    allowed = errors_allowed(candidates.sick, share=SENSITIVITY, confidence=SENSITIVITY_CONFIDENCE)
    return int(np.flatnonzero(candidates.missed <= allowed)[-1])


def balanced(candidates: Candidates) -> int:
    """Index of the highest Youden index (Youden 1950)."""
    return int(np.argmax(candidates.sensitivity + candidates.specificity))


def assisted(candidates: Candidates) -> int:
    """Index of the best F1."""
    hits = candidates.sick - candidates.missed
    return int(np.argmax(2 * hits / (2 * hits + candidates.missed + candidates.flagged)))


def rule_in(candidates: Candidates) -> int:
    """Index of the lowest threshold that keeps the promised specificity. Raises ValueError."""
    allowed = errors_allowed(candidates.well, share=SPECIFICITY, confidence=SPECIFICITY_CONFIDENCE)
    return int(np.flatnonzero(candidates.flagged <= allowed)[0])


RULES: dict[str, tuple[Callable[[Candidates], int], str]] = {
    "screening": (
        screening,
        f"The highest threshold whose sensitivity is at least {SENSITIVITY:.0%} with "
        f"{SENSITIVITY_CONFIDENCE:.0%} one-sided confidence (Clopper-Pearson) on the "
        "calibration films.",
    ),
    "balanced": (
        balanced,
        "The threshold with the largest sum of sensitivity and specificity (Youden) "
        "on the calibration films.",
    ),
    "assisted": (assisted, "The threshold with the best F1 on the calibration films."),
    "rule_in": (
        rule_in,
        f"The lowest threshold whose specificity is at least {SPECIFICITY:.0%} with "
        f"{SPECIFICITY_CONFIDENCE:.0%} one-sided confidence (Clopper-Pearson) on the "
        "calibration films.",
    ),
}


def choose(sick: NDArray[np.bool_], probability: NDArray[np.float64]) -> dict[str, float]:
    """The threshold of every operating point, from scores (N,) of ``calibrate``."""
    candidates = Candidates.of(sick, probability)
    chosen = {name: rule(candidates) for name, (rule, _) in RULES.items()}
    return {name: float(candidates.threshold[index]) for name, index in chosen.items()}


def priced(
    name: str, threshold: float, sick: NDArray[np.bool_], probability: NDArray[np.float64]
) -> OperatingPoint:
    """An operating point with its cost on films that nothing was fitted on."""
    called = probability >= threshold
    return OperatingPoint(
        name=name,
        criterion=RULES[name][1],
        threshold=threshold,
        sensitivity=Interval.of_counts(int((called & sick).sum()), int(sick.sum())),
        specificity=Interval.of_counts(int((~called & ~sick).sum()), int((~sick).sum())),
    )
