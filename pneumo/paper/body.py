"""What the page says of a reading: two prints above two columns, in the largest size that fits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from pneumo import caption, lightbox, pretest, sentences, zones
from pneumo.overlay import EvidenceMap
from pneumo.paper.column import Column, Paragraph, Section
from pneumo.paper.prints import Prints
from pneumo.paper.sheet import BODY, HEADING, NOTE, Sheet
from pneumo.view import share_text

if TYPE_CHECKING:
    from pneumo.reader import Reading

TALLEST_MM = (76.0, 64.0, 52.0, 40.0)  # of the pictures, which yield first
SCALES = (1.0, 0.93, 0.86, 0.8)  # of the columns' text: 8.2 to 6.6 pt
GAP_MM = 3.0
MAP_KEY = "The dashed line on the map runs at the middle of the scale."
WARY = "Most of it lies outside the lungs: be wary of this map."


@dataclass(frozen=True)
class Body:
    """Two prints and two columns of text, set but not yet drawn."""

    prints: Prints
    first: Column
    second: Column

    @property
    def height_mm(self) -> float:
        return self.prints.height_mm + GAP_MM + max(self.first.height_mm, self.second.height_mm)

    def draw(self, sheet: Sheet, x: tuple[float, float], y: float) -> float:
        """Put all below ``y``, columns beginning at ``x``; returns where the next part begins."""
        self.prints.draw(sheet, *x, y)
        below = y + self.prints.height_mm + GAP_MM
        self.first.draw(sheet, x[0], below)
        self.second.draw(sheet, x[1], below)
        return y + self.height_mm


def fitting(reading: Reading, *, stated: float | None, column_mm: float, room_mm: float) -> Body:
    """The largest pictures and text that fit; the last resort counts warnings it cannot print."""
    for body in _bodies(reading, stated, column_mm):
        if body.height_mm <= room_mm:
            break
    return body


def _bodies(reading: Reading, stated: float | None, column_mm: float) -> Iterator[Body]:
    every = len(reading.cautions)
    plans = [(tallest, scale, every) for tallest, scale in product(TALLEST_MM, SCALES)]
    plans += [(TALLEST_MM[-1], SCALES[-1], shown) for shown in reversed(range(every))]
    for tallest, scale, shown in plans:
        first, second = _columns(reading, stated, shown, width_mm=column_mm, scale=scale)
        yield Body(Prints(reading, column_mm=column_mm, tallest_mm=tallest), first, second)


def _columns(
    reading: Reading, stated: float | None, warnings: int, *, width_mm: float, scale: float
) -> tuple[Column, Column]:
    """What is concluded on the left, what speaks against it on the right."""
    point = reading.operating_point
    confidence, rests = sentences.confidence(reading), sentences.confidence_rests_on(reading)
    cost, measured = sentences.cost(point), sentences.cost_rests_on(point)
    concluded = (
        *(() if stated is None else (_post_test(reading, stated),)),
        _section("Confidence", confidence, rests),
        _section("Cost of this operating point", cost, measured),
        _pattern(reading),
    )
    first = Column(concluded, width_mm=width_mm, scale=scale)
    doubts = (_warnings(reading, warnings), _evidence(reading))
    second = Column(doubts, width_mm=width_mm, scale=scale)
    limits = Section("Limits", tuple(Paragraph(s, NOTE, item=True) for s in sentences.LIMITS))
    min(second, first, key=lambda column: column.height_mm).add(limits)
    return first, second


def _post_test(reading: Reading, stated: float) -> Section:
    after = pretest.post_test(reading, stated=stated)
    told = (
        f"Where {sentences.of_100(stated)} of 100 such children have pneumonia, the probability "
        f"is {share_text(after.value)} instead."
    )
    if pretest.mostly_without(reading, after):
        told += f" {sentences.MOSTLY_WITHOUT}"
    backing = after.backing(share_text)
    note = f"Held-out films read alike {backing}. The decision and its cost stay."
    return _section("At the pre-test probability stated", told, note)


def _evidence(reading: Reading) -> Section:
    shown = EvidenceMap(reading.evidence, reading.evidence_full_scale)
    found = zones.share_out(reading.evidence, reading.lungs.mask)
    told = lightbox.evidence_in_words(reading)
    if found is not None and found.inside < 0.5:
        told += f" {WARY}"
    note = f"{caption.meaning(shown)} {MAP_KEY}"
    if found is not None and found.strongest is not None:
        note += f" {zones.HUNG}"
    return _section("Evidence", told, note)


def _section(title: str, told: str, note: str) -> Section:
    return Section(title, (Paragraph(told, BODY), Paragraph(note, NOTE)))


def _pattern(reading: Reading) -> Section:
    rows = (
        Paragraph(name, BODY, share=share, figure=f"{sentences.percent(share)} %")
        for name, share in sentences.pattern(reading)
    )
    return Section("Pattern", (*rows, Paragraph(sentences.PATTERN_CAVEAT, NOTE)))


def _warnings(reading: Reading, shown: int) -> Section:
    told = [Paragraph(str(w), BODY, item=True) for w in reading.cautions[:shown]]
    if left := len(reading.cautions) - shown:
        more = f"And {left} more, for which this page has no room: see the JSON reading."
        told.append(Paragraph(more, HEADING, item=True))
    return Section("Warnings", tuple(told) or (Paragraph("None.", NOTE),))
