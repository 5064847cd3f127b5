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
from pneumo.lightbox import layer, png
from pneumo.overlay import EvidenceMap
from pneumo.sentences import PATTERN_NAMES, POINT_NAMES, percent
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
    left = "".join(f'<li class="waiting">{escape(title)}: being asked</li>' for title in waiting)
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
    return """<section class="board"><h2>No film yet</h2><p>Open a film on the Read tab, then come
 back: every model answers for itself here, the ensemble beside them.</p></section>"""


def lines(reading: Reading, opinions: Sequence[Opinion]) -> list[Line]:
    """The ensemble and the networks that have answered."""
    estimate = reading.estimate
    count = len(reading.member_names)
    ensemble = Line(
        key=ENSEMBLE,
        title="The ensemble",
        made_of=f"mean of {count} networks",
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
        return "The single networks are being asked."
    suspected = sum(line.decision is Decision.SUSPECTED for line in single)
    low, high = (percent(f(line.probability for line in single)) for f in (min, max))
    ruling_in = single[0].point.name == "rule_in"
    more = f" {waiting} more {'is' if waiting == 1 else 'are'} being asked." if waiting else ""
    if len(single) == 1:
        told = "suspects" if suspected else f"does not {'rule in' if ruling_in else 'suspect'}"
        return f"One single network {told} pneumonia, at its own threshold; it says {low} %.{more}"
    none = "none rules in" if ruling_in else "none suspects"
    told = {0: none, len(single): "all suspect"}.get(
        suspected, f"{suspected} {'suspects' if suspected == 1 else 'suspect'}"
    )
    asked = f"Of {len(single)} single networks {told} pneumonia, each at its own threshold"
    ranges = f"each says {low} %"
    if low < high:
        ranges = f"their probabilities run from {low} to {high} %"
    return f"{asked}; {ranges}.{more}"


def _line(opinion: Opinion) -> Line:
    size = f"{opinion.parameters / 1e6:.1f} M parameters, {opinion.size_px} px"
    return Line(
        key=opinion.name,
        title=opinion.title,
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
    return f"One film, every model, at {POINT_NAMES[reading.operating_point.name].lower()}"


def _spread(shown: Sequence[Line]) -> str:
    """Every model on one axis of probability; the ensemble as an upright line."""
    dots = "".join(
        f'<circle class="{line.decision.value}" cx="{100 * line.probability:.1f}%" cy="50%" r="4">'
        f"<title>{escape(line.title)}: {percent(line.probability)} %</title></circle>"
        for line in shown[1:]
    )
    low, high = (100 * f(line.probability for line in shown) for f in (min, max))
    at = 100 * shown[0].probability
    hollow = sentences.verdict_of(Decision.NOT_SUSPECTED, shown[0].point.name)
    ends = "".join(f"<span style='left:{p}%'>{p} %</span>" for p in (0, 25, 50, 75, 100))
    words = f"The ensemble at {percent(shown[0].probability)} percent; {summary(shown)}"
    return f"""<div class="spread"><svg role="img" aria-label="{escape(words)}">
<rect class="axis" width="100%" height="100%"/>
<rect class="range" x="{low:.1f}%" width="{high - low:.1f}%" height="100%"/>{dots}
<line class="mean" x1="{at:.1f}%" x2="{at:.1f}%" y2="100%"/></svg><div class="ends">{ends}</div>
<p class="note">Filled: suspected. Hollow: {hollow}. Line: the ensemble.</p></div>"""


def _item(line: Line, reading: Reading) -> str:
    names = zip(reading.classes, line.pattern, strict=True)
    pattern = ", ".join(f"{PATTERN_NAMES[n].lower()} {percent(p)} %" for n, p in names)
    members = f"{sentences.between(line.low, line.high)}, " if line.low < line.high else ""
    said = sentences.headline_of(line.decision, line.point.name)
    drawn = EvidenceMap(line.evidence, reading.evidence_full_scale)
    threshold = f"threshold {percent(line.point.threshold)} %"
    return f"""<li class="{line.decision.value}" data-key="{escape(line.key)}">
<div class="plate"><img class="layer" src="{layer(drawn)}"
 alt="Evidence of {escape(line.title)}: {_where(line, reading)}"></div>
<h3>{escape(line.title)}</h3>
<p class="said"><b>{percent(line.probability)} %</b> {said}</p>
<p class="note">{members}{threshold}</p><p class="note">{pattern}</p>
<p class="note">{line.made_of}</p></li>"""


def _where(line: Line, reading: Reading) -> str:
    """The strength of a map, and how much of it lies in the lungs."""
    whole = float(line.evidence.sum())
    if whole == 0:
        return "none."
    inside = float(line.evidence[reading.lungs.mask].sum()) / whole
    return f"peak {line.evidence.max():.1f} logits, {share_text(inside)} within the lungs."


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
    return f"""<div class="pair"><h3>Two of them on one film</h3>
<div class="choice"><label>Left <select class="left">{left}</select></label>
<label>Right <select class="right">{right}</select></label></div>
<div class="plate"><img class="film" src="{picture}" alt="The film under the maps.">
<img class="layer left" alt="Map of the model chosen on the left.">
<img class="layer right" alt="Map of the model chosen on the right."><i class="divider"></i>
<input class="wipe" type="range" min="0" max="100" value="50" step="0.5"
 aria-label="Divider between the two maps"></div></div>"""
