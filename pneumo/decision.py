"""From an estimate to one of three words, at a named operating point with a measured cost."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pneumo.calibration import Estimate, Interval


class Decision(StrEnum):
    SUSPECTED = "suspected"
    NOT_SUSPECTED = "not_suspected"
    REFER = "refer"  # the members disagree too much for either word


@dataclass(frozen=True)
class OperatingPoint:
    """A threshold on the probability of pneumonia, and what it costs on held-out films."""

    name: str  # screening, balanced, assisted or rule_in
    criterion: str  # how the threshold was chosen, in words
    threshold: float
    sensitivity: Interval
    specificity: Interval

    def __post_init__(self) -> None:
        if not 0 < self.threshold < 1:
            raise ValueError(f"threshold of {self.name} is not in (0, 1): {self.threshold}")

    def decide(self, estimate: Estimate, *, disagreement_limit: float) -> Decision:
        """SUSPECTED at or above the threshold; REFER when the members contradict each other.

        A film is referred when its members stand on both sides of the threshold *and* disagree
        more than the limit: disagreement that cannot change the word is shown, not acted on.
        """
        straddled = estimate.low < self.threshold <= estimate.high
        if straddled and estimate.disagreement > disagreement_limit:
            return Decision.REFER
        if estimate.probability >= self.threshold:
            return Decision.SUSPECTED
        return Decision.NOT_SUSPECTED
