"""A column of text: sections set in lines first, so that their height is known, and drawn after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pneumo.paper.sheet import HEADING, TINT, Sheet, Style, baseline, wrap

SECTION_MM, PARAGRAPH_MM = 2.2, 0.7  # space above each, before scaling
BULLET, INDENT_MM = "\N{BULLET}", 2.6
BAR_FROM, BAR_TO, BAR_MM = 0.34, 0.88, 1.9  # of the column's width; height
BAR_FILL = "#71797f"


@dataclass(frozen=True)
class Paragraph:
    """Text of one style: plain, the item of a list, or the row of a bar."""

    words: str
    style: Style
    item: bool = False
    share: float | None = None  # in [0, 1]: drawn as a bar on the same line, with ``figure``
    figure: str = ""


@dataclass(frozen=True)
class Section:
    title: str
    paragraphs: tuple[Paragraph, ...]


@dataclass(frozen=True)
class _Line:
    words: str
    style: Style
    above_mm: float
    of: Paragraph | None = None  # None for a title
    first: bool = True  # of its paragraph: carries the bullet or the bar


class Column:
    """Sections set in a width at a scale."""

    def __init__(self, sections: Sequence[Section], *, width_mm: float, scale: float) -> None:
        self._width, self._scale = width_mm, scale
        self._lines: list[_Line] = []
        for section in sections:
            self.add(section)

    @property
    def height_mm(self) -> float:
        return sum(line.above_mm + line.style.pitch_mm for line in self._lines)

    def add(self, section: Section) -> None:
        """Set one more section below the others."""
        above = SECTION_MM * self._scale if self._lines else 0.0
        self._lines.append(_Line(section.title, HEADING.scaled(self._scale), above))
        for paragraph in section.paragraphs:
            style = paragraph.style.scaled(self._scale)
            within = self._width - (INDENT_MM if paragraph.item else 0)
            for i, words in enumerate(wrap(paragraph.words, style, within_mm=within)):
                above = 0.0 if i else PARAGRAPH_MM * self._scale
                self._lines.append(_Line(words, style, above, paragraph, first=not i))

    def draw(self, sheet: Sheet, x: float, y: float) -> None:
        """Put the column on a sheet, its top left corner at (x, y)."""
        for line in self._lines:
            y += line.above_mm
            of = line.of
            if of and line.first and of.item:
                sheet.lines(x, y, [BULLET], line.style)
            sheet.lines(x + (INDENT_MM if of and of.item else 0), y, [line.words], line.style)
            if of and line.first and of.share is not None:
                self._bar(sheet, x, y, of.share, of.figure, line.style)
            y += line.style.pitch_mm

    def _bar(
        self, sheet: Sheet, x: float, y: float, share: float, figure: str, style: Style
    ) -> None:
        left, length = x + BAR_FROM * self._width, (BAR_TO - BAR_FROM) * self._width
        top = y + (style.pitch_mm - BAR_MM) / 2
        sheet.box(left, top, length, BAR_MM, fill=TINT)
        sheet.box(left, top, length * share, BAR_MM, fill=BAR_FILL)
        sheet.text(x + self._width, baseline(y, style), figure, style, align="right")
