"""What a threshold costs on held-out films, and how sure that is. Pure numpy.

Intervals are 95 % and come from resampling patients, not films: films of one child are not
independent (percentile bootstrap, Efron and Tibshirani 1993). The draws are those of
``train.metrics``, so that at an operating point this module says what the results files say. Where
no child or every child of a kind is flagged, all resamples repeat that, and the exact limits over
patients stand in (Clopper and Pearson 1934). Predictive values follow from the likelihood ratios
by Bayes' theorem, the prevalence taken as known.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Integers = NDArray[np.int64]

RESAMPLES, SEED = 1000, 0  # those of train.metrics
TAIL = 0.025  # on either side of a 95 % interval
NORMAL_97_5 = 1.959964  # 97.5th percentile of the standard normal distribution


@dataclass(frozen=True)
class Measured:
    """A number and its 95 % interval; NaN where it cannot be measured, infinite where unbounded."""

    value: float
    low: float
    high: float


UNMEASURED = Measured(math.nan, math.nan, math.nan)


@dataclass(frozen=True)
class Fourfold:
    """Films by truth and by verdict at one threshold."""

    true_positive: int
    false_negative: int
    true_negative: int
    false_positive: int


@dataclass(frozen=True)
class Children:
    """Shares of all children of a stated prevalence, by truth and by verdict; they add up to 1."""

    ill_flagged: Measured
    ill_missed: Measured
    well_flagged: Measured
    well_passed: Measured


@dataclass(frozen=True)
class Costs:
    """What one threshold costs on the held-out films."""

    films: Fourfold
    sensitivity: Measured
    specificity: Measured
    lr_plus: Measured  # sensitivity / (1 - specificity), 0 to infinity
    lr_minus: Measured  # (1 - sensitivity) / specificity

    def predictive(self, prevalence: float) -> tuple[Measured, Measured]:
        """Positive and negative predictive value where ``prevalence`` of children are ill."""
        ppv, missed = (
            Measured(*(posterior(prevalence, ratio) for ratio in (m.value, m.low, m.high)))
            for m in (self.lr_plus, self.lr_minus)
        )
        return ppv, _complement(missed)

    def children(self, prevalence: float) -> Children:
        """What becomes of children of whom ``prevalence`` are ill."""
        ill, well = prevalence, 1 - prevalence
        return Children(
            ill_flagged=_scaled(ill, self.sensitivity),
            ill_missed=_scaled(ill, _complement(self.sensitivity)),
            well_flagged=_scaled(well, _complement(self.specificity)),
            well_passed=_scaled(well, self.specificity),
        )


@dataclass(frozen=True, eq=False)
class Scored:
    """One model's held-out films."""

    sick: Bools  # (N,)
    probability: Floats  # (N,), of pneumonia
    patient: Integers  # (N,), 0 to P - 1
    draws: Floats  # (R, P), how often each patient was drawn; from ``draw_patients``

    def called(self, threshold: float) -> Fourfold:
        """The films by truth and verdict, "pneumonia" being at or above the threshold."""
        return Fourfold(*self._cells(threshold).sum(axis=0).astype(int).tolist())

    def costs(self, threshold: float) -> Costs:
        """Everything a threshold costs, with intervals."""
        counts = self._cells(threshold)  # (P, 4)
        drawn = self.draws @ counts  # (R, 4)
        with np.errstate(divide="ignore", invalid="ignore"):
            values, resampled = (_ratios(*c.T) for c in (counts.sum(axis=0)[None], drawn))
        sensitivity, specificity, plus, minus = (float(v[0]) for v in values)
        sick = _share(sensitivity, resampled[0], patients=_people(counts[:, :2]))
        well = _share(specificity, resampled[1], patients=_people(counts[:, 2:]))
        if {sensitivity, specificity} & {0.0, 1.0}:
            bounds = _likelihood_bounds(sick, well)
        else:
            bounds = _percentiles(resampled[2]), _percentiles(resampled[3])
        return Costs(
            films=Fourfold(*counts.sum(axis=0).astype(int).tolist()),
            sensitivity=sick,
            specificity=well,
            lr_plus=_bounded(plus, bounds[0]),
            lr_minus=_bounded(minus, bounds[1]),
        )

    def roc(self) -> tuple[Floats, Floats]:
        """False-positive and true-positive rate, from no film called to every film called."""
        hits, falls = self._cumulated()
        return (
            np.append(0, falls / max(falls[-1], 1)),
            np.append(0, hits / max(hits[-1], 1)),
        )

    def precision_recall(self) -> tuple[Floats, Floats]:
        """Recall and precision, by falling threshold; precision holds at this mix of films."""
        hits, falls = self._cumulated()
        return hits / max(hits[-1], 1), hits / (hits + falls)

    def _cells(self, threshold: float) -> Floats:
        """Films of each patient (P, 4): true positive, false negative, true negative, false p."""
        called = self.probability >= threshold
        cell = np.where(self.sick, np.where(called, 0, 1), np.where(called, 3, 2))
        people = self.draws.shape[1]
        counts = np.bincount(4 * self.patient + cell, minlength=4 * people)
        return counts.reshape(people, 4).astype(np.float64)

    def _cumulated(self) -> tuple[Floats, Floats]:
        """Ill and well films called at each distinct probability, from the highest down."""
        order = np.argsort(-self.probability, kind="stable")
        falling = self.probability[order]
        last = np.append(np.flatnonzero(np.diff(falling)), len(falling) - 1)
        return self.sick[order].cumsum()[last] * 1.0, (~self.sick[order]).cumsum()[last] * 1.0


def draw_patients(patients: int) -> Floats:
    """How often each of P patients is drawn in each resample (R, P); the same on every call."""
    draws = np.random.default_rng(SEED).multinomial(
        patients, np.full(patients, 1 / patients), size=RESAMPLES
    )
    return draws.astype(np.float64)


def posterior(prior: float, ratio: float) -> float:
    """The probability after a finding of that likelihood ratio; NaN where the ratio is none."""
    if ratio == 0 or math.isnan(ratio):
        return ratio
    return 1 / (1 + (1 - prior) / (prior * ratio))


def wilson(hits: int, trials: int) -> Measured:
    """The score interval of a binomial share (Wilson 1927)."""
    if trials == 0:
        return UNMEASURED
    share, z2 = hits / trials, NORMAL_97_5**2
    centre = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    spread = math.sqrt(share * (1 - share) / trials + z2 / (4 * trials**2))
    half = NORMAL_97_5 * spread / (1 + z2 / trials)
    return Measured(share, max(centre - half, 0.0), min(centre + half, 1.0))


def apportion(shares: Sequence[float], total: int) -> tuple[int, ...]:
    """Whole numbers that add up to ``total``, as near to the shares as can be (Hamilton)."""
    exact = [share * total for share in shares]
    whole = [math.floor(e) for e in exact]
    by_rest = sorted(range(len(exact)), key=lambda i: whole[i] - exact[i])
    for i in by_rest[: total - sum(whole)]:
        whole[i] += 1
    return tuple(whole)


def _ratios(tp: Floats, fn: Floats, tn: Floats, fp: Floats) -> tuple[Floats, ...]:
    """Sensitivity, specificity and both likelihood ratios of counts (R,)."""
    sensitivity, specificity = tp / (tp + fn), tn / (tn + fp)
    false_alarms, misses = fp / (tn + fp), fn / (tp + fn)
    return sensitivity, specificity, sensitivity / false_alarms, misses / specificity


def _people(counts: Floats) -> int:
    """How many patients have any film among those counted (P, k)."""
    return int((counts.sum(axis=1) > 0).sum())


def _share(value: float, drawn: Floats, *, patients: int) -> Measured:
    if value in (0.0, 1.0):
        far = TAIL ** (1 / patients)  # Clopper and Pearson, where none or all are hit
        return Measured(value, *((far, 1.0) if value else (0.0, 1 - far)))
    drawn = drawn[~np.isnan(drawn)]  # a resample without such films says nothing
    low, high = np.quantile(drawn, [TAIL, 1 - TAIL]) if drawn.size else (np.nan, np.nan)
    return Measured(value, float(low), float(high))


def _percentiles(drawn: Floats) -> tuple[float, float]:
    """The bounds of a ratio that some resamples leave infinite: never between two draws."""
    drawn = drawn[~np.isnan(drawn)]
    low = np.quantile(drawn, TAIL, method="lower")
    return float(low), float(np.quantile(drawn, 1 - TAIL, method="higher"))


def _likelihood_bounds(sick: Measured, well: Measured) -> tuple[tuple[float, float], ...]:
    """Bounds of both ratios from the bounds of both shares: wider than 95 %, never narrower."""
    return (
        (_divided(sick.low, 1 - well.low), _divided(sick.high, 1 - well.high)),
        (_divided(1 - sick.high, well.high), _divided(1 - sick.low, well.low)),
    )


def _divided(part: float, whole: float) -> float:
    return part / whole if whole else math.inf


def _bounded(value: float, bounds: tuple[float, float]) -> Measured:
    return UNMEASURED if math.isnan(value) else Measured(value, *bounds)


def _complement(share: Measured) -> Measured:
    return Measured(1 - share.value, 1 - share.high, 1 - share.low)


def _scaled(factor: float, share: Measured) -> Measured:
    return Measured(factor * share.value, factor * share.low, factor * share.high)
