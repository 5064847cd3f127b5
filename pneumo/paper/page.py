"""A reading as one A4 page to print, sign and file. Not a diagnosis, and it says so twice.

The page takes no name from the film or its file: identity is what the user typed, drawn and
forgotten. Where there is much to say, the pictures yield first, then the size of the text.
"""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pneumo
from pneumo import sentences
from pneumo.language import ENGLISH, use
from pneumo.paper.body import fitting
from pneumo.paper.sheet import (
    ACCENT,
    BODY,
    HEADING,
    INK,
    MEDIUM,
    NOTE,
    QUIET,
    SMALL,
    TINT,
    Sheet,
    Style,
    printable,
    width_mm,
    wrap,
)

if TYPE_CHECKING:
    from pneumo.reader import Reading

LEFT, RIGHT, TOP, BOTTOM = 15.0, 195.0, 12.0, 286.0  # the printed part of the sheet, mm
GUTTER_MM = 8.0
COLUMN_MM = (RIGHT - LEFT - GUTTER_MM) / 2
SECOND = LEFT + COLUMN_MM + GUTTER_MM
FIELDS_MM = 36.0  # least height of the reader's own fields
RULED_MM = 7.5  # between the lines to write on

NAME, HEADLINE, NUMBER = Style(14, bold=True), Style(16, bold=True), Style(25, bold=True)

PURPOSE = "A second look at one chest film of a child, for research and teaching"
NOT_A_DIAGNOSIS = "Not a diagnosis"
IDENTITY_LABEL = "Patient or study, as typed by the user; stored nowhere"
SCALE_KEY = "Dots: the networks. Thick line: their mean. Dashed line: the threshold."
CUT = " \N{HORIZONTAL ELLIPSIS} [cut here: the field is full]"
UNPRINTABLE = "[typed in letters that this page cannot print: write it here by hand]"


@use(ENGLISH)
def as_pdf(
    reading: Reading,
    *,
    identity: str = "",
    impression: str = "",
    stated: float | None = None,
    at: datetime | None = None,
) -> bytes:
    """One reading as a PDF of one A4 page, in English; the same arguments give the same bytes.

    ``identity`` and ``impression`` are printed as typed and kept nowhere; an empty one leaves a
    field to write in. ``stated`` is a pre-test probability in (0, 1), printed only where it is
    given. ``at`` is the time on the page, now if absent; without a time zone it raises ValueError.
    The map is the reading's own Grad-CAM, the only one whose scale is the same for every film.
    """
    made = datetime.now(UTC) if at is None else at
    if made.tzinfo is None:
        raise ValueError("the time on a page needs a time zone")
    made = made.astimezone(UTC).replace(microsecond=0)
    sheet = lay_out(reading, identity=identity, impression=impression, stated=stated, made=made)
    return sheet.as_pdf(
        title=f"Reading of chest film {reading.film.source.sha256[:12]}",
        creator=f"Pneumo {pneumo.__version__}",
        made=made,
    )


def lay_out(
    reading: Reading, *, identity: str, impression: str, stated: float | None, made: datetime
) -> Sheet:
    """The page before it becomes a file, drawn in the order in which it is read."""
    sheet = Sheet()
    y = _decision(sheet, reading, _masthead(sheet, identity, made))
    footer = _provenance(reading)
    floor = BOTTOM - len(footer) * SMALL.pitch_mm
    room_mm = floor - FIELDS_MM - y
    body = fitting(reading, stated=stated, column_mm=COLUMN_MM, room_mm=room_mm)
    y = body.draw(sheet, (LEFT, SECOND), y)
    _fields(sheet, y + 2.5, floor - 2, impression)
    sheet.rule((LEFT, RIGHT), (floor - 0.6, floor - 0.6))
    sheet.lines(LEFT, floor, footer, SMALL)
    sheet.text(RIGHT, BOTTOM - 0.8, NOT_A_DIAGNOSIS, HEADING, align="right")
    return sheet


def _masthead(sheet: Sheet, identity: str, made: datetime) -> float:
    """Name, purpose, identity and time; returns where the next part begins."""
    sheet.text(LEFT, TOP + 5, "Pneumo", NAME)
    sheet.text(LEFT + width_mm("Pneumo", NAME) + 3, TOP + 5, PURPOSE, Style(8, ink=QUIET))
    sheet.text(RIGHT, TOP + 5, NOT_A_DIAGNOSIS, Style(10, bold=True), align="right")
    y, height, time_mm = TOP + 7.5, 11.5, 38.0
    sheet.rule((LEFT, RIGHT), (y, y), pt=1, ink=INK)
    sheet.text(LEFT, y + 3.2, IDENTITY_LABEL, SMALL)
    lines, style = _typed(identity, within_mm=RIGHT - LEFT - time_mm - 4, height_mm=height - 4.3)
    sheet.lines(LEFT, y + 4.1, lines, style)
    sheet.text(RIGHT - time_mm, y + 3.2, "This page was made, UTC", SMALL)
    sheet.text(RIGHT - time_mm, y + 7.8, f"{made:%Y-%m-%d %H:%M:%S}", Style(9))
    sheet.rule((LEFT, RIGHT), (y + height, y + height))
    return y + height


def _decision(sheet: Sheet, reading: Reading, y: float) -> float:
    """The decision in words; below it the probability, its range and the threshold."""
    estimate = reading.estimate
    sheet.text(LEFT, y + 7.6, sentences.headline(reading), HEADLINE)
    y += 10.5
    number = f"{sentences.percent(estimate.probability)} %"
    sheet.text(LEFT, y + 8.5, number, NUMBER)
    beside = LEFT + width_mm(number, NUMBER) + 3
    sheet.text(beside, y + 4.2, "probability of pneumonia", BODY)
    sheet.text(beside, y + 8.2, sentences.spread(reading), HEADING)
    assumed = wrap(sentences.calibrated_where(reading), NOTE, within_mm=COLUMN_MM)
    end = sheet.lines(LEFT, y + 10.2, assumed, NOTE)
    _scale(sheet, reading, y + 2.6)
    return end + 2.5


def _scale(sheet: Sheet, reading: Reading, y: float) -> None:
    """The networks between 0 and 100 %: range, each one, mean, and the threshold's tick."""
    estimate, point, height = reading.estimate, reading.operating_point, 4.6
    low, high, mean, tick = (
        SECOND + COLUMN_MM * share
        for share in (estimate.low, estimate.high, estimate.probability, point.threshold)
    )
    name = sentences.POINT_NAMES[point.name]
    label = f"{name}: flags from {sentences.percent(point.threshold)} %"
    before = point.threshold > 0.5
    style = Style(6.6, bold=True, ink=ACCENT)
    align = "right" if before else "left"
    sheet.text(tick + (-1 if before else 1), y - 1.3, label, style, align=align)
    sheet.box(SECOND, y, COLUMN_MM, height, fill=TINT)
    sheet.box(low, y, high - low, height, fill=MEDIUM)
    sheet.rule((mean, mean), (y - 0.7, y + height + 0.7), pt=2.2, ink=INK)
    sheet.rule((tick, tick), (y - 3.6, y + height + 0.7), pt=1.1, ink=ACCENT, dashes=(2.5, 1.4))
    for share in estimate.members:
        sheet.dot(SECOND + COLUMN_MM * share, y + height / 2)
    for share in (0.25, 0.5, 0.75):
        place = SECOND + COLUMN_MM * share
        sheet.text(place, y + height + 3, f"{sentences.percent(share)}", SMALL, align="center")
    sheet.text(SECOND, y + height + 6.4, SCALE_KEY, SMALL)


def _fields(sheet: Sheet, top: float, bottom: float, impression: str) -> None:
    """Room for the reader's own impression, and who signs it."""
    sheet.text(LEFT, top + 3, "The reader's own impression", HEADING)
    if impression.strip():
        room = bottom - top - 16
        lines, style = _typed(impression, within_mm=RIGHT - LEFT, height_mm=room)
        sheet.lines(LEFT, top + 4.6, lines, style)
    else:
        room = bottom - 3.4 - top - 3
        rows = max(int(room / RULED_MM), 1)
        for row in range(1, rows):
            y = top + 3 + room * row / rows
            sheet.rule((LEFT, RIGHT), (y, y), ink=QUIET, pt=0.35)
    thirds = (LEFT, LEFT + 66), (LEFT + 72, LEFT + 132), (LEFT + 138, RIGHT)
    for (start, end), label in zip(thirds, ("Name", "Signature", "Date and time"), strict=True):
        sheet.rule((start, end), (bottom - 3.4, bottom - 3.4), ink=INK, pt=0.5)
        sheet.text(start, bottom - 0.8, label, SMALL)


def _typed(words: str, *, within_mm: float, height_mm: float) -> tuple[list[str], Style]:
    """What the user typed, as large as fits; what cannot be printed is said and not dropped."""
    words = unicodedata.normalize("NFC", words)  # accents typed apart become one letter
    if not printable(words):
        words = UNPRINTABLE
    for size_pt in (9.0, 8.0, 7.0, 6.0):
        style = Style(size_pt)
        lines = wrap(words.strip(), style, within_mm=within_mm)
        if len(lines) * style.pitch_mm <= height_mm:
            return lines, style
    lines = lines[: int(height_mm / style.pitch_mm)]
    while width_mm(lines[-1] + CUT, style) > within_mm:
        lines[-1] = lines[-1][:-1].rstrip()
    return [*lines[:-1], lines[-1] + CUT], style


def _provenance(reading: Reading) -> list[str]:
    """What it takes to make this page again."""
    facts = (
        f"Image sha256 {reading.film.source.sha256}",
        f"Weights {reading.weights}. Pneumo {pneumo.__version__}. Read in {reading.seconds:.1f} s. "
        f"Networks: {sentences.members(reading)}.",
    )
    room = RIGHT - LEFT - width_mm(NOT_A_DIAGNOSIS, HEADING) - 4
    return [line for fact in facts for line in wrap(fact, SMALL, within_mm=room)]
