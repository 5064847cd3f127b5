"""What a reading says, as plain English sentences, for the screen and for paper alike.

Pure: no markup, no layout, no tensors. A number is written here once, so that no two surfaces
can round it differently.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumo.decision import Decision, OperatingPoint

if TYPE_CHECKING:
    from pneumo.calibration import Interval
    from pneumo.reader import Reading

POINT_NAMES = {
    "screening": "Screening",
    "balanced": "Balanced",
    "assisted": "Assisted",
    "rule_in": "Rule-in",
}
HEADLINES = {
    Decision.SUSPECTED: "Pneumonia suspected",
    Decision.NOT_SUSPECTED: "Pneumonia not suspected",
    Decision.REFER: "Refer: the networks disagree",
}
PATTERN_NAMES = {
    "normal": "Normal",
    "pneumonia": "Pneumonia",
    "bacterial": "Bacterial-type",
    "viral": "Viral-type",
}
PATTERN_CAVEAT = (
    "A pattern of this data set. It names no cause and is no advice on antibiotics: films "
    "cannot tell bacterial from viral pneumonia reliably."
)
PICTURE_MODES = {
    "1": "black and white",
    "L": "grey",
    "LA": "grey",
    "I": "grey",
    "I;16": "grey",
    "I;16B": "grey",
    "F": "grey",
    "P": "palette",
    "RGB": "colour",
}
DISCLAIMER = (
    "Research and teaching, not a diagnosis. Made for frontal (AP) films of children of about 1 to "
    "5 years, from one hospital; it claims nothing beyond."
)
LIMITS = (
    DISCLAIMER,
    "Only pneumonia is looked for: no effusion, pneumothorax, fracture or foreign body. A film "
    "without pneumonia need not be healthy, and a film early in the illness can be normal.",
    "The map shows what moved the networks, coarsely; it does not outline disease.",
)

MOSTLY_WITHOUT = "Where so few have pneumonia, most films read like this one show none."


def percent(share: float) -> int:
    """A share in [0, 1] as a whole percentage, never 0 or 100: no film is certain."""
    return min(max(round(100 * share), 1), 99)


def of_100(share: float) -> str:
    """How many of 100, in words that never say none or all."""
    count = 100 * share
    return "fewer than 1" if count <= 0.5 else "more than 99" if count >= 99.5 else f"{count:.0f}"


def interval(share: Interval) -> str:
    """The 95 % interval of a share, per hundred; "99 to 99" would be none."""
    return f"{of_100(share.low)} to {of_100(share.high)}"


def headline(reading: Reading) -> str:
    """The decision in words, as the operating point means it."""
    return headline_of(reading.decision, reading.operating_point.name)


def headline_of(decision: Decision, point_name: str) -> str:
    """A decision at a named operating point, in words."""
    if decision is Decision.NOT_SUSPECTED and point_name == "rule_in":
        # Rule-in stays silent on most films of moderate suspicion: that must not reassure.
        return "Pneumonia not ruled in"
    return HEADLINES[decision]


def verdict_of(decision: Decision, point_name: str) -> str:
    """The same where it is known what is looked for, e.g. "suspected"."""
    return headline_of(decision, point_name).removeprefix("Pneumonia ").partition(":")[0].lower()


def spread(reading: Reading) -> str:
    """The range of the networks, to stand beside the probability."""
    low, high = reading.estimate.low, reading.estimate.high
    whose = "by each of" if percent(low) == percent(high) else "among"
    return f"{between(low, high)} {whose} {len(reading.estimate.members)} networks"


def between(low: float, high: float) -> str:
    """A range of probabilities; "99 to 99 %" would be none."""
    if percent(low) == percent(high):
        return f"{percent(low)} %"
    return f"{percent(low)} to {percent(high)} %"


def calibrated_where(reading: Reading) -> str:
    """What the probability presumes."""
    share = of_100(reading.training_prevalence)
    return f"Calibrated where {share} of 100 films show pneumonia; where fewer do, it is lower."


def confidence(reading: Reading) -> str:
    """How often films read like this one had pneumonia, and what that makes of the decision."""
    sick = percent(reading.frequency.value)
    told = (
        f"Of 100 held-out films read like this one, {sick} were pneumonia and {100 - sick} "
        "were not."
    )
    if reading.decision is Decision.REFER:
        told += " The networks stand on both sides of the threshold: have the film read."
    if reading.confidence is not None and reading.confidence < 0.5:
        word = headline(reading).lower()
        told += f" So \N{LEFT DOUBLE QUOTATION MARK}{word}\N{RIGHT DOUBLE QUOTATION MARK} is more"
        told += " often wrong than right for such films."
    return told


def confidence_rests_on(reading: Reading) -> str:
    """The interval of that frequency, and the number of films behind it."""
    return f"95 % interval {interval(reading.frequency)}; rests on {reading.compared_films} films."


def cost(point: OperatingPoint) -> str:
    """What an operating point misses and flags, of 100 children each, with intervals."""
    missed, missed_bounds = _complement(point.sensitivity)
    flagged, flagged_bounds = _complement(point.specificity)
    return (
        f"Of 100 children with pneumonia it misses {missed} ({missed_bounds}); of 100 without it "
        f"flags {flagged} ({flagged_bounds})."
    )


def cost_rests_on(point: OperatingPoint) -> str:
    """Where the cost was measured, and how the threshold was chosen."""
    return (
        f"On held-out films, with 95 % intervals. It flags from {percent(point.threshold)} %: "
        f"{point.criterion.rstrip('.')}."
    )


def pattern(reading: Reading) -> tuple[tuple[str, float], ...]:
    """Each class by its name on the page, and its share."""
    shares = zip(reading.classes, reading.estimate.pattern, strict=True)
    return tuple((PATTERN_NAMES[name], share) for name, share in shares)


def members(reading: Reading) -> str:
    """Each network by name, and its own probability."""
    each = zip(reading.member_names, reading.estimate.members, strict=True)
    return ", ".join(f"{name} {percent(probability)} %" for name, probability in each)


def decoded(reading: Reading) -> tuple[str, ...]:
    """What was decoded and how, one fact each: nothing of it could identify a patient."""
    source = reading.film.source
    height, width = reading.film.pixels.shape
    kind = PICTURE_MODES.get(source.photometric, source.photometric)
    facts = [f"{source.format}, {source.bits} bit, {kind}", f"{width} by {height} pixels"]
    if source.window is not None:
        centre, span = source.window
        facts.append(f"window {centre - span / 2:g} to {centre + span / 2:g}")
    if source.inverted:
        facts.append("stored inverted, shown with air dark")
    if source.spacing_mm is not None:
        facts.append("{:.3g} by {:.3g} mm per pixel".format(*source.spacing_mm))
    return (*facts, *(note.rstrip(".") for note in source.notes))


def _complement(share: Interval) -> tuple[str, str]:
    """How many of 100 are not in a share, and between which bounds."""
    return of_100(1 - share.value), f"{of_100(1 - share.high)} to {of_100(1 - share.low)}"
