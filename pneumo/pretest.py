"""What a reading adds to what was known before it: likelihood ratio and post-test probability.

The ensemble is calibrated where most films show pneumonia. Bayes' theorem carries its answer to
any other pre-test probability; how far that may be trusted is what the held-out films that were
read alike support.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pneumo.calibration import at_prevalence
from pneumo.decision import Decision
from pneumo.language import say, spoken

if TYPE_CHECKING:
    from pneumo.reader import Reading

# Jaeschke, Guyatt and Sackett 1994 (JAMA 271:703): what a likelihood ratio does to the odds.
STRENGTHS = ((10.0, "strongly"), (5.0, "moderately"), (2.0, "slightly"))


@dataclass(frozen=True)
class Supported:
    """A number from the ensemble, and the bounds that held-out films read alike support."""

    value: float
    low: float  # 95 % interval; the value may lie outside where the ensemble claims more
    high: float

    def backing(self, shown: Callable[[float], str]) -> str:
        """What held-out films read alike do, e.g. "support 2.8 to 8.4", the numbers as shown."""
        low, high = shown(self.low), shown(self.high)
        bounds = low if low == high else say("{low} to {high}", low=low, high=high)
        if self.low <= self.value <= self.high or shown(self.value) in (low, high):
            return say("support {range}", range=bounds)
        return say("do not bear this out; they support {range}", range=bounds)


def post_test(reading: Reading, *, stated: float) -> Supported:
    """The probability of pneumonia where a share ``stated`` in (0, 1) of such children has it."""
    value, low, high = (
        at_prevalence(p, trained=reading.training_prevalence, stated=stated)
        for p in (reading.estimate.probability, reading.frequency.low, reading.frequency.high)
    )
    return Supported(value, low, high)


def likelihood_ratio(reading: Reading) -> Supported:
    """By what this reading multiplies the odds of pneumonia, whatever they were before."""
    prior = _odds(reading.training_prevalence)
    value, low, high = (
        _odds(p) / prior
        for p in (reading.estimate.probability, reading.frequency.low, reading.frequency.high)
    )
    return Supported(value, low, high)


def mostly_without(reading: Reading, after: Supported) -> bool:
    """Whether a film is flagged though most that were read alike would show no pneumonia."""
    return reading.decision is Decision.SUSPECTED and after.high < 0.5


def effect(ratio: Supported) -> str:
    """What a reading does to the odds, said only as far as held-out films bear it out."""
    if ratio.low <= 1 <= ratio.high:
        return say("may raise the odds of pneumonia or lower them")
    return in_words(min(max(ratio.value, ratio.low), ratio.high))


def in_words(ratio: float) -> str:
    """What a likelihood ratio does, e.g. "raises the odds of pneumonia moderately"."""
    size = max(ratio, 1 / ratio) if ratio > 0 else math.inf
    strength = next((word for limit, word in STRENGTHS if size >= limit), None)
    if strength is None:
        return say("hardly changes the odds of pneumonia")
    if ratio > 1:
        return say("raises the odds of pneumonia {strength}", strength=spoken(strength))
    return say("lowers the odds of pneumonia {strength}", strength=spoken(strength))


def ratio_text(ratio: float) -> str:
    """A likelihood ratio with the two digits that it deserves."""
    if ratio > 100:
        return say("over 100")
    return say("under 0.01") if ratio < 0.01 else f"{float(f'{ratio:.2g}'):g}"


def _odds(probability: float) -> float:
    return probability / (1 - probability) if probability < 1 else math.inf
