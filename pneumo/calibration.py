"""From the members' logits to a calibrated estimate, and how far to trust it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import betaincinv, expit


@dataclass(frozen=True)
class Interval:
    """A measured share with its 95 % interval, all in [0, 1]."""

    value: float
    low: float
    high: float

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.value <= self.high <= 1:
            raise ValueError(f"not an interval of shares: {self}")

    @classmethod
    def of_counts(cls, hits: int, trials: int) -> Interval:
        """Jeffreys interval of a binomial share (Brown, Cai and DasGupta 2001).

        The value is the posterior mean, so that 0 of 50 is never shown as impossible.
        """
        a, b = hits + 0.5, trials - hits + 0.5  # of the posterior, a beta distribution
        low, high = betaincinv(a, b, [0.025, 0.975])
        return cls(a / (a + b), float(low), float(high))


@dataclass(frozen=True)
class MemberCalibration:
    """How one member's logits become probabilities.

    Platt scaling of the log-odds of pneumonia (Platt 1999), temperature scaling of the kinds of
    pneumonia among themselves (Guo et al. 2017, arXiv:1706.04599).
    """

    temperature: float  # divides the log-odds of pneumonia
    bias: float  # then added to them, logit units
    pattern_temperature: float  # divides the logits of the kinds of pneumonia

    def __post_init__(self) -> None:
        if not (self.temperature > 0 and self.pattern_temperature > 0):
            raise ValueError(f"a temperature is not positive: {self}")

    def classes(self, logits: np.ndarray) -> np.ndarray:
        """Class probabilities of logits (..., K), "normal" first in both."""
        sick = expit(log_odds(logits) / self.temperature + self.bias)[..., None]
        kinds = softmax(logits[..., 1:] / self.pattern_temperature)
        return np.concatenate([1 - sick, sick * kinds], axis=-1)


@dataclass(frozen=True)
class Estimate:
    """What the ensemble says of one film, before any operating point."""

    probability: float  # of pneumonia; mean of the members
    low: float  # smallest member
    high: float  # largest member
    members: tuple[float, ...]  # each member's calibrated probability of pneumonia
    pattern: tuple[float, ...]  # mean class probabilities, in the manifest's class order
    disagreement: float  # mutual information between verdict and member, nats, 0 to log 2

    @classmethod
    def from_members(
        cls, logits: np.ndarray, calibrations: Sequence[MemberCalibration]
    ) -> Estimate:
        """Calibrate each of M members by itself, then average the probabilities.

        ``logits`` is (M, K) with "normal" first. Averaging first and
        calibrating after would hide one member's over-confidence in the others' doubt.
        """
        classes = np.stack(
            [c.classes(member) for c, member in zip(calibrations, logits, strict=True)]
        )  # (M, K)
        sick = 1 - classes[:, 0]  # (M,)
        mean = float(sick.mean())
        return cls(
            probability=mean,
            low=float(sick.min()),
            high=float(sick.max()),
            members=tuple(sick.tolist()),
            pattern=tuple(classes.mean(axis=0).tolist()),
            disagreement=max(float(entropy(np.array([mean]))[0] - entropy(sick).mean()), 0.0),
        )


def log_odds(logits: np.ndarray) -> np.ndarray:
    """Log-odds of pneumonia of logits (..., K) with "normal" first."""
    return np.asarray(np.logaddexp.reduce(logits[..., 1:], axis=-1) - logits[..., 0])


def softmax(logits: np.ndarray) -> np.ndarray:
    """Class probabilities along the last axis."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def entropy(probability: np.ndarray) -> np.ndarray:
    """Entropy of a yes-or-no verdict, nats."""
    p = np.clip(probability, 1e-12, 1 - 1e-12)
    return np.asarray(-p * np.log(p) - (1 - p) * np.log(1 - p))


@dataclass(frozen=True)
class ReliabilityBin:
    """Held-out films whose probability fell in [low, high), and how many had pneumonia."""

    low: float
    high: float
    films: int
    pneumonia: int

    @property
    def frequency(self) -> Interval:
        """Share of pneumonia among films read like this."""
        return Interval.of_counts(self.pneumonia, self.films)


@dataclass(frozen=True)
class Reliability:
    """The reliability curve: bins that cover [0, 1] without a gap."""

    bins: tuple[ReliabilityBin, ...]

    def __post_init__(self) -> None:
        edges = [b.low for b in self.bins] + [self.bins[-1].high]
        if (
            edges[0] != 0
            or edges[-1] != 1
            or any(a.high != b.low for a, b in zip(self.bins, self.bins[1:], strict=False))
        ):
            raise ValueError(f"reliability bins do not cover [0, 1]: {edges}")

    def at(self, probability: float) -> ReliabilityBin:
        """The bin of held-out films that were read like this one."""
        return next((b for b in self.bins if probability < b.high), self.bins[-1])


@dataclass(frozen=True)
class ConformalLevel:
    """Prediction sets that hold the true class in a promised share of films.

    Split conformal prediction with the least ambiguous sets (Sadinle, Lei and Wasserman 2019,
    arXiv:1609.00451): a class belongs to the set when its probability reaches the threshold.
    """

    promised: float  # coverage over exchangeable films, e.g. 0.9
    threshold: float  # smallest class probability inside the set
    coverage: Interval  # measured on held-out films
    coverage_by_class: tuple[Interval, ...]  # in the manifest's class order

    def classes(self, pattern: tuple[float, ...]) -> tuple[int, ...]:
        """Which classes cannot be ruled out; the most probable one is always kept."""
        best = max(pattern)
        return tuple(i for i, p in enumerate(pattern) if p >= min(self.threshold, best))


def at_prevalence(probability: float, *, trained: float, stated: float) -> float:
    """The probability of pneumonia where it is rarer or commoner than among the training films.

    Bayes' theorem with unchanged likelihoods (Saerens, Latinne and Decaestecker 2002): posterior
    odds move by the ratio of prior odds. All arguments are probabilities; ``trained`` and
    ``stated`` lie in (0, 1), else ValueError.
    """
    if not (0 < trained < 1 and 0 < stated < 1):
        raise ValueError("a prevalence lies strictly between 0 and 1")
    factor = stated / (1 - stated) * (1 - trained) / trained
    return factor * probability / (factor * probability + 1 - probability)
