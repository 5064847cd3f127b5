"""One film before every model, as HTML: the spread at a glance, then each answer with its map.

The ensemble stands first; the single networks follow, the most suspicious before the others. All
maps are drawn on the ensemble's fixed scale, so that they compare.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pneumo import overlay, sentences
from pneumo.decision import Decision, OperatingPoint
from pneumo.language import paragraph, say, spoken
from pneumo.lightbox import layer, png
from pneumo.overlay import EvidenceMap
from pneumo.sentences import class_in_words, percent, point_in_words
from pneumo.view import escape, share_text

if TYPE_CHECKING:
    from pneumo.comparison import Opinion
    from pneumo.reader import Reading

FILM_PX = 448  # longest side of the film under the maps: as wide as a column on most screens
ENSEMBLE = "ensemble"


@dataclass(frozen=True, eq=False)
class Line:
    """One model's answer as the board shows it."""

    key: str
    title: str
    made_of: str  # size and time, in words
    probability: float
    low: float
    high: float
    decision: Decision
    point: OperatingPoint
    pattern: Sequence[float]
    evidence: np.ndarray  # (224, 224), logit units


def board(reading: Reading, opinions: Sequence[Opinion], *, waiting: Sequence[str] = ()) -> str:
    """The whole board; ``waiting`` are the titles of the models that have not answered yet."""
    first, *others = lines(reading, opinions)
    others.sort(key=lambda line: line.probability, reverse=True)
    shown = [first, *others]
    picture = png(overlay.grey(reading.film.pixels, max_side_px=FILM_PX))
    height, width = reading.film.pixels.shape
    items = "".join(_item(line, reading) for line in shown)
    left = "".join(
        f'<li class="waiting">{say("{title}: being asked", title=escape(spoken(title)))}</li>'
        for title in waiting
    )
    return f"""<section class="board" data-board="{key(reading)}"
 style="--aspect:{width / height:.4f}">
<div class="ahead"><div><h2>{_heading(reading)}</h2><p>{summary(shown, waiting=len(waiting))}</p>
</div>{_spread(shown)}</div>
<ol class="opinions">{items}{left}</ol>{_pair(shown, picture)}</section>"""


def key(reading: Reading) -> str:
    """Which film a board is of, and at which operating point."""
    return f"{reading.film.source.sha256[:16]} {reading.operating_point.name}"


def empty() -> str:
    """The tab before a film has been read."""
    told = say(
        "Open a film on the Read tab, then come back: every model answers for itself here, the "
        "ensemble beside them."
    )
    return f'<section class="board"><h2>{say("No film yet")}</h2><p>{told}</p></section>'


def lines(reading: Reading, opinions: Sequence[Opinion]) -> list[Line]:
    """The ensemble and the networks that have answered."""
    estimate = reading.estimate
    count = len(reading.member_names)
    ensemble = Line(
        key=ENSEMBLE,
        title=say("The ensemble"),
        made_of=say("mean of {count} networks", count=count),
        probability=estimate.probability,
        low=estimate.low,
        high=estimate.high,
        decision=reading.decision,
        point=reading.operating_point,
        pattern=estimate.pattern,
        evidence=reading.evidence,
    )
    return [ensemble, *(_line(opinion) for opinion in opinions)]


def summary(shown: Sequence[Line], *, waiting: int = 0) -> str:
    """Who says what, in one sentence."""
    single = shown[1:]
    if not single:
        return say("The single networks are being asked.")
    suspected = sum(line.decision is Decision.SUSPECTED for line in single)
    low, high = (percent(f(line.probability for line in single)) for f in (min, max))
    more = say("{count} more are being asked.", count=waiting) if waiting else ""
    if waiting == 1:
        more = say("1 more is being asked.")
    if len(single) == 1:
        told = say(
            "One single network {suspects} pneumonia, at its own threshold; it says {low} %.",
            suspects=_one(suspected, single[0].point),
            low=low,
        )
        return paragraph(told, more)
    ranges = say("each says {low} %", low=low)
    if low < high:
        ranges = say("their probabilities run from {low} to {high} %", low=low, high=high)
    told = say(
        "Of {count} single networks {suspect} pneumonia, each at its own threshold; {ranges}.",
        count=len(single),
        suspect=_several(suspected, len(single), single[0].point),
        ranges=ranges,
    )
    return paragraph(told, more)


def _one(suspected: int, point: OperatingPoint) -> str:
    if suspected:
        return say("suspects")
    return say("does not rule in") if point.name == "rule_in" else say("does not suspect")


def _several(suspected: int, count: int, point: OperatingPoint) -> str:
    if suspected == 0:
        return say("none rules in") if point.name == "rule_in" else say("none suspects")
    if suspected == count:
        return say("all suspect")
    return say("1 suspects") if suspected == 1 else say("{count} suspect", count=suspected)


def _line(opinion: Opinion) -> Line:
    size = say(
        "{millions} M parameters, {side} px",
        millions=f"{opinion.parameters / 1e6:.1f}",
        side=opinion.size_px,
    )
    return Line(
        key=opinion.name,
        title=spoken(opinion.title),
        made_of=f"{size}, {1000 * opinion.seconds:.0f} ms",
        probability=opinion.estimate.probability,
        low=opinion.estimate.low,
        high=opinion.estimate.high,
        decision=opinion.decision,
        point=opinion.operating_point,
        pattern=opinion.estimate.pattern,
        evidence=opinion.evidence,
    )


def _heading(reading: Reading) -> str:
    point = point_in_words(reading.operating_point.name).lower()
    return say("One film, every model, at {point}", point=point)


def _spread(shown: Sequence[Line]) -> str:
    """Every model on one axis of probability; the ensemble as an upright line."""
    dots = "".join(
        f'<circle class="{line.decision.value}" cx="{100 * line.probability:.1f}%" cy="50%" r="4">'
        f"<title>{escape(line.title)}: {percent(line.probability)} %</title></circle>"
        for line in shown[1:]
    )
    low, high = (100 * f(line.probability for line in shown) for f in (min, max))
    at = 100 * shown[0].probability
    legend = say(
        "Filled: suspected. Hollow: {hollow}. Line: the ensemble.",
        hollow=sentences.verdict_of(Decision.NOT_SUSPECTED, shown[0].point.name),
    )
    ends = "".join(f"<span style='left:{p}%'>{p} %</span>" for p in (0, 25, 50, 75, 100))
    words = say(
        "The ensemble at {share} percent; {rest}",
        share=percent(shown[0].probability),
        rest=summary(shown),
    )
    return f"""<div class="spread"><svg role="img" aria-label="{escape(words)}">
<rect class="axis" width="100%" height="100%"/>
<rect class="range" x="{low:.1f}%" width="{high - low:.1f}%" height="100%"/>{dots}
<line class="mean" x1="{at:.1f}%" x2="{at:.1f}%" y2="100%"/></svg><div class="ends">{ends}</div>
<p class="note">{legend}</p></div>"""


def _item(line: Line, reading: Reading) -> str:
    names = zip(reading.classes, line.pattern, strict=True)
    pattern = ", ".join(f"{class_in_words(n).lower()} {percent(p)} %" for n, p in names)
    members = f"{sentences.between(line.low, line.high)}, " if line.low < line.high else ""
    said = sentences.headline_of(line.decision, line.point.name)
    drawn = EvidenceMap(line.evidence, reading.evidence_full_scale)
    threshold = say("threshold {share} %", share=percent(line.point.threshold))
    words = say("Evidence of {model}: {where}", model=line.title, where=_where(line, reading))
    return f"""<li class="{line.decision.value}" data-key="{escape(line.key)}">
<div class="plate"><img class="layer" src="{layer(drawn)}"
 alt="{escape(words)}"></div>
<h3>{escape(line.title)}</h3>
<p class="said"><b>{percent(line.probability)} %</b> {said}</p>
<p class="note">{members}{threshold}</p><p class="note">{pattern}</p>
<p class="note">{line.made_of}</p></li>"""


def _where(line: Line, reading: Reading) -> str:
    """The strength of a map, and how much of it lies in the lungs."""
    whole = float(line.evidence.sum())
    if whole == 0:
        return say("none.")
    inside = float(line.evidence[reading.lungs.mask].sum()) / whole
    return say(
        "peak {peak} logits, {share} within the lungs.",
        peak=f"{line.evidence.max():.1f}",
        share=share_text(inside),
    )


def _pair(shown: Sequence[Line], picture: str) -> str:
    """Two models' maps on one film with a divider between them; assets/board.js chooses them."""
    left, right = (
        "".join(
            f'<option value="{escape(line.key)}"{" selected" if i == chosen else ""}>'
            f"{escape(line.title)}</option>"
            for i, line in enumerate(shown)
        )
        for chosen in (0, min(1, len(shown) - 1))
    )
    return f"""<div class="pair"><h3>{say("Two of them on one film")}</h3>
<div class="choice"><label>{say("Left")} <select class="left">{left}</select></label>
<label>{say("Right")} <select class="right">{right}</select></label></div>
<div class="plate"><img class="film" src="{picture}" alt="{say("The film under the maps.")}">
<img class="layer left" data-side="{say("On the left")}"
 alt="{say("Map of the model chosen on the left.")}">
<img class="layer right" data-side="{say("On the right")}"
 alt="{say("Map of the model chosen on the right.")}"><i class="divider"></i>
<input class="wipe" type="range" min="0" max="100" value="50" step="0.5"
 aria-label="{say("Divider between the two maps")}"></div></div>"""
