"""What a reading says, as plain sentences, for the screen and for paper alike.

Pure: no markup, no layout, no tensors. A number is written here once, so that no two surfaces
can round it differently.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumo.decision import Decision, OperatingPoint
from pneumo.language import paragraph, say, spoken

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
VERDICTS = {  # the same where it is known what is looked for
    Decision.SUSPECTED: "suspected",
    Decision.NOT_SUSPECTED: "not suspected",
    Decision.REFER: "refer",
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
    if count <= 0.5:
        return say("fewer than 1")
    return say("more than 99") if count >= 99.5 else f"{count:.0f}"


def interval(share: Interval) -> str:
    """The 95 % interval of a share, per hundred; "99 to 99" would be none."""
    return say("{low} to {high}", low=of_100(share.low), high=of_100(share.high))


def headline(reading: Reading) -> str:
    """The decision in words, as the operating point means it."""
    return headline_of(reading.decision, reading.operating_point.name)


def headline_of(decision: Decision, point_name: str) -> str:
    """A decision at a named operating point, in words."""
    if decision is Decision.NOT_SUSPECTED and point_name == "rule_in":
        # Rule-in stays silent on most films of moderate suspicion: that must not reassure.
        return say("Pneumonia not ruled in")
    return spoken(HEADLINES[decision])


def verdict_of(decision: Decision, point_name: str) -> str:
    """The same where it is known what is looked for, e.g. "suspected"."""
    if decision is Decision.NOT_SUSPECTED and point_name == "rule_in":
        return say("not ruled in")
    return spoken(VERDICTS[decision])


def point_in_words(name: str) -> str:
    """An operating point's name on the page."""
    return spoken(POINT_NAMES[name])


def class_in_words(name: str) -> str:
    """The name on the page of a class, or of pneumonia as a whole."""
    return spoken(PATTERN_NAMES[name])


def spread(reading: Reading) -> str:
    """The range of the networks, to stand beside the probability."""
    low, high = reading.estimate.low, reading.estimate.high
    told, count = between(low, high), len(reading.estimate.members)
    if percent(low) == percent(high):
        return say("{range} by each of {count} networks", range=told, count=count)
    return say("{range} among {count} networks", range=told, count=count)


def between(low: float, high: float) -> str:
    """A range of probabilities; "99 to 99 %" would be none."""
    if percent(low) == percent(high):
        return f"{percent(low)} %"
    return say("{low} to {high} %", low=percent(low), high=percent(high))


def calibrated_where(reading: Reading) -> str:
    """What the probability presumes."""
    return say(
        "Calibrated where {share} of 100 films show pneumonia; where fewer do, it is lower.",
        share=of_100(reading.training_prevalence),
    )


def confidence(reading: Reading) -> str:
    """How often films read like this one had pneumonia, and what that makes of the decision."""
    sick = percent(reading.frequency.value)
    told = [
        say(
            "Of 100 held-out films read like this one, {sick} were pneumonia and {well} were not.",
            sick=sick,
            well=100 - sick,
        )
    ]
    if reading.decision is Decision.REFER:
        told.append(say("The networks stand on both sides of the threshold: have the film read."))
    if reading.confidence is not None and reading.confidence < 0.5:
        told.append(
            say(
                "So \N{LEFT DOUBLE QUOTATION MARK}{verdict}\N{RIGHT DOUBLE QUOTATION MARK} is more"
                " often wrong than right for such films.",
                verdict=headline(reading).lower(),
            )
        )
    return paragraph(*told)


def confidence_rests_on(reading: Reading) -> str:
    """The interval of that frequency, and the number of films behind it."""
    return say(
        "95 % interval {range}; rests on {films} films.",
        range=interval(reading.frequency),
        films=reading.compared_films,
    )


def cost(point: OperatingPoint) -> str:
    """What an operating point misses and flags, of 100 children each, with intervals."""
    missed, missed_bounds = _complement(point.sensitivity)
    flagged, flagged_bounds = _complement(point.specificity)
    return say(
        "Of 100 children with pneumonia it misses {missed} ({missed_range}); of 100 without it "
        "flags {flagged} ({flagged_range}).",
        missed=missed,
        missed_range=missed_bounds,
        flagged=flagged,
        flagged_range=flagged_bounds,
    )


def cost_rests_on(point: OperatingPoint) -> str:
    """Where the cost was measured, and how the threshold was chosen."""
    return say(
        "On held-out films, with 95 % intervals. It flags from {threshold} %: {criterion}.",
        threshold=percent(point.threshold),
        criterion=spoken(point.criterion.rstrip(".")),
    )


def pattern(reading: Reading) -> tuple[tuple[str, float], ...]:
    """Each class by its name on the page, and its share."""
    shares = zip(reading.classes, reading.estimate.pattern, strict=True)
    return tuple((class_in_words(name), share) for name, share in shares)


def members(reading: Reading) -> str:
    """Each network by name, and its own probability."""
    each = zip(reading.member_names, reading.estimate.members, strict=True)
    return ", ".join(f"{name} {percent(probability)} %" for name, probability in each)


def decoded(reading: Reading) -> tuple[str, ...]:
    """What was decoded and how, one fact each: nothing of it could identify a patient."""
    source = reading.film.source
    height, width = reading.film.pixels.shape
    kind = spoken(PICTURE_MODES.get(source.photometric, source.photometric))
    facts = [
        say("{format}, {bits} bit, {kind}", format=source.format, bits=source.bits, kind=kind),
        say("{width} by {height} pixels", width=width, height=height),
    ]
    if source.window is not None:
        centre, span = source.window
        low, high = f"{centre - span / 2:g}", f"{centre + span / 2:g}"
        facts.append(say("window {low} to {high}", low=low, high=high))
    if source.inverted:
        facts.append(say("stored inverted, shown with air dark"))
    if source.spacing_mm is not None:
        row, column = (f"{pitch:.3g}" for pitch in source.spacing_mm)
        facts.append(say("{row} by {column} mm per pixel", row=row, column=column))
    return (*facts, *(spoken(note).rstrip(".\N{IDEOGRAPHIC FULL STOP}") for note in source.notes))


def _complement(share: Interval) -> tuple[str, str]:
    """How many of 100 are not in a share, and between which bounds."""
    low, high = of_100(1 - share.high), of_100(1 - share.low)
    return of_100(1 - share.value), say("{low} to {high}", low=low, high=high)
