"""The film and its evidence side by side on paper, each with what has to stand below it.

On a referred film the screen hides the map behind a click. Paper has no click, and whoever signs
the page should see what the instrument saw: so the map is printed, but never without the line
that the networks contradict each other, in a frame that touches the picture.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
from contourpy import LineType, contour_generator
from matplotlib.axes import Axes
from PIL import Image

from pneumo import overlay, sentences
from pneumo.decision import Decision
from pneumo.paper.sheet import HEADING, INK, NOTE, TINT, Sheet, Style, wrap

if TYPE_CHECKING:
    from pneumo.reader import Reading

PRINT_PX = 1016  # across a column of 86 mm: 300 dots per inch
OPACITY = 0.7  # of the strongest evidence; more than on the screen, as the bare film lies beside it
MID_GREY = 109  # of the film on which the legend's colours lie
TITLE_MM, RAMP_MM, LEGEND_MM = 4.4, 2.4, 7.6
STRONG = Style(7, bold=True)
INSET_MM = 1.5
DISAGREEMENT = (
    "The networks disagree on this film: this map is the mean of maps that contradict each other, "
    "and supports no decision."
)
LEGEND = ((0.0, "none", "left"), (0.5, "moderate", "center"), (1.0, "strong, or more", "right"))


class Prints:
    """Both pictures of one reading, at most ``tallest_mm`` high, in columns of one width."""

    def __init__(self, reading: Reading, *, column_mm: float, tallest_mm: float) -> None:
        self._reading, self._column = reading, column_mm
        self._width = min(column_mm, tallest_mm * reading.film.aspect)
        self._height = self._width / reading.film.aspect
        facts = " \N{MIDDLE DOT} ".join(sentences.decoded(reading))
        self._facts = wrap(facts, NOTE, within_mm=column_mm)
        referred = reading.decision is Decision.REFER
        within = column_mm - 2 * INSET_MM
        self._strip = wrap(DISAGREEMENT, STRONG, within_mm=within) if referred else []
        below = max(1 + len(self._facts) * NOTE.pitch_mm, self._strip_mm + LEGEND_MM)
        self.height_mm = TITLE_MM + self._height + below

    @property
    def _strip_mm(self) -> float:
        return len(self._strip) * STRONG.pitch_mm + 1.6 if self._strip else 0.0

    def draw(self, sheet: Sheet, first: float, second: float, y: float) -> None:
        """Put both on a sheet: the film's column begins at ``first``, the map's at ``second``."""
        sheet.text(first, y + 3.2, "Film, as decoded", HEADING)
        y += TITLE_MM
        film = _film(self._reading, self._width / self._column)
        sheet.picture(first, y, self._width, self._height, np.asarray(film))
        sheet.lines(first, y + self._height + 1, self._facts, NOTE)
        sheet.text(second, y - 1.2, "Evidence for pneumonia, outline of the lungs", HEADING)
        evidence, full = self._reading.evidence, self._reading.evidence_full_scale
        blended = _blended(film, evidence, full)
        _contours(sheet.picture(second, y, self._width, self._height, blended), self._reading)
        y += self._height
        if self._strip:
            sheet.box(second, y, self._column, self._strip_mm, fill=TINT, edge=INK)
            sheet.lines(second + INSET_MM, y + 0.6, self._strip, STRONG)
        self._legend(sheet, second, y + self._strip_mm, full)

    def _legend(self, sheet: Sheet, x: float, y: float, full: float) -> None:
        """The fixed scale: the same colours on the same grey, whatever the film."""
        grey = Image.new("L", (256, 1), MID_GREY)
        ramp = _blended(grey, np.linspace(0, full, 256, dtype=np.float32)[None], full)
        sheet.picture(x, y + 1.4, self._column, RAMP_MM, ramp)
        middle = x + self._column / 2
        sheet.rule((middle, middle), (y + 0.8, y + 4.4), pt=0.9, ink=INK, dashes=(2, 1.2))
        for share, meaning, align in LEGEND:
            value = f"+{share * full:.1f}" if share else "0"
            sheet.text(x + share * self._column, y + 6.6, f"{value} {meaning}", NOTE, align=align)


def _film(reading: Reading, share: float) -> Image.Image:
    """The film in 8 bits, ``share`` of a column wide at the printer's resolution."""
    width = max(round(PRINT_PX * share), 1)
    size = (width, max(round(width / reading.film.aspect), 1))
    picture = overlay.grey(reading.film.pixels, max_side_px=2 * max(size))
    return picture.resize(size, Image.Resampling.BICUBIC)


def _blended(film: Image.Image, evidence: np.ndarray, full_scale: float) -> np.ndarray:
    """Evidence (h, w) in logit units laid over a grey film -> uint8 (H, W, 3)."""
    strength = Image.fromarray(evidence).resize(film.size, Image.Resampling.BICUBIC)
    layer = Image.fromarray(overlay.layer(np.asarray(strength), full_scale=full_scale))
    layer.putalpha(layer.getchannel("A").point(lambda a: round(a * OPACITY)))
    return np.asarray(Image.alpha_composite(film.convert("RGBA"), layer).convert("RGB"))


def _contours(axes: Axes, reading: Reading) -> None:
    """The lungs' outline, and the line of moderate evidence: what a grey print still shows."""
    for part in overlay.outline(reading.lungs.mask).split("Z")[:-1]:
        points = np.array(re.findall(r"[\d.]+", part), float).reshape(-1, 2)
        _line(axes, np.vstack([points, points[:1]]) / reading.lungs.mask.shape[::-1], "-")
    levels = contour_generator(z=reading.evidence, line_type=LineType.Separate)
    for line in levels.lines(0.5 * reading.evidence_full_scale):
        _line(axes, (np.asarray(line) + 0.5) / reading.evidence.shape[::-1], (0, (3, 1.6)))


def _line(axes: Axes, points: np.ndarray, dashes: str | tuple[float, tuple[float, float]]) -> None:
    """Points (n, 2) in [0, 1], pale on a dark casing: seen on lung and on bone alike."""
    axes.plot(points[:, 0], points[:, 1], color="black", lw=1.5, solid_joinstyle="round")
    axes.plot(points[:, 0], points[:, 1], color="white", lw=0.7, ls=dashes)
