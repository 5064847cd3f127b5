"""One A4 sheet, in millimetres from its top left corner: lines of text, rules, boxes, pictures.

Drawn by matplotlib without pyplot, so that threads may each draw their own. The fonts are the two
that matplotlib ships; they are embedded, and whatever else is installed cannot change a page.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.ft2font import FT2Font
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.transforms import Affine2D
from PIL import ImageFont

WIDTH_MM, HEIGHT_MM = 210.0, 297.0
MM_PER_INCH, PT_PER_INCH = 25.4, 72.0
LEADING = 1.32  # line pitch / font size
MEASURED_AT = 1000  # font size in pixels at which text is measured: hinting no longer shows
INK, QUIET, LINE, ACCENT = "#14171a", "#50565b", "#b4b9bd", "#0b5c6e"
MEDIUM, TINT = "#9fb9c0", "#e6e9eb"  # fills; in a grey print they stay apart by lightness

# TrueType instead of drawn glyphs: sharper in print, and text that every archive can search.
# Set once for the process: matplotlib's own context would race between threads.
matplotlib.rcParams["pdf.fonttype"] = 42


@dataclass(frozen=True)
class Style:
    """How a line of text looks."""

    size_pt: float
    bold: bool = False
    ink: str = INK

    @property
    def pitch_mm(self) -> float:
        """From one baseline to the next."""
        return self.size_pt * LEADING * MM_PER_INCH / PT_PER_INCH

    def scaled(self, factor: float) -> Style:
        """The same style in another size."""
        return replace(self, size_pt=self.size_pt * factor)


# The sizes of a page, for all who set text on it.
HEADING, BODY = Style(8.2, bold=True), Style(8.2)
NOTE, SMALL = Style(7, ink=QUIET), Style(6.2, ink=QUIET)


def font_file(bold: bool) -> Path:
    """DejaVu Sans as matplotlib ships it: Latin with every accent, Greek, Cyrillic."""
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name


def width_mm(words: str, style: Style) -> float:
    """How wide one line is: the sum of its letters, which kerning can only bring together."""
    return sum(_advance(c, style.bold) for c in words) * style.size_pt * MM_PER_INCH / PT_PER_INCH


def wrap(words: str, style: Style, *, within_mm: float) -> list[str]:
    """Break text into lines that fit; a word wider than a line is broken too."""
    lines: list[str] = []
    space_mm = width_mm(" ", style)
    for paragraph in words.split("\n"):
        line, used_mm = "", 0.0
        for piece in (p for word in paragraph.split() for p in _pieces(word, style, within_mm)):
            piece_mm = width_mm(piece, style)
            if line and used_mm + space_mm + piece_mm <= within_mm:
                line, used_mm = f"{line} {piece}", used_mm + space_mm + piece_mm
                continue
            if line:
                lines.append(line)
            line, used_mm = piece, piece_mm
        lines.append(line)
    return lines


def baseline(y: float, style: Style) -> float:
    """Where the letters of a line stand whose upper edge is ``y``."""
    return y + 0.75 * style.pitch_mm


def printable(words: str) -> bool:
    """Do the fonts of a sheet have every character of a text?"""
    return all(c in _characters() for c in words if not c.isspace())


class Sheet:
    """A sheet to draw on. What is drawn first is read first by a program."""

    def __init__(self) -> None:
        self.figure = Figure(figsize=(WIDTH_MM / MM_PER_INCH, HEIGHT_MM / MM_PER_INCH))
        self.figure.patch.set_visible(False)
        self._mm = (
            Affine2D().scale(1, -1).translate(0, HEIGHT_MM).scale(1 / MM_PER_INCH)
            + self.figure.dpi_scale_trans
        )

    def text(self, x: float, y: float, words: str, style: Style, *, align: str = "left") -> None:
        """One line of text, its baseline at ``y``; never read as mathematics."""
        self.figure.text(
            x,
            y,
            words,
            transform=self._mm,
            fontproperties=FontProperties(fname=font_file(style.bold), size=style.size_pt),
            color=style.ink,
            ha=align,
            va="baseline",
            parse_math=False,
            usetex=False,
            fontfeatures=("-liga",),  # a ligature is found by no search for its letters
        )

    def lines(self, x: float, y: float, lines: list[str], style: Style) -> float:
        """Lines of text below ``y``; returns where the next block may begin."""
        for line in lines:
            self.text(x, baseline(y, style), line, style)
            y += style.pitch_mm
        return y

    def dot(self, x: float, y: float) -> None:
        """A small disc with a pale rim, so that two that touch are told apart."""
        dot = Line2D([x], [y], transform=self._mm, color=INK, marker="o", markersize=3.4)
        dot.set(markeredgecolor="white", markeredgewidth=0.5)
        self.figure.add_artist(dot)

    def rule(
        self,
        x: tuple[float, float],
        y: tuple[float, float],
        *,
        pt: float = 0.5,
        ink: str = LINE,
        dashes: tuple[float, float] | None = None,
    ) -> None:
        """A straight line from (x[0], y[0]) to (x[1], y[1])."""
        style = "-" if dashes is None else (0, dashes)
        line = Line2D(x, y, transform=self._mm, lw=pt, color=ink, ls=style, solid_capstyle="butt")
        self.figure.add_artist(line)

    def box(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        *,
        fill: str = "none",
        edge: str = "none",
    ) -> None:
        """A rectangle whose top left corner is (x, y), behind every line and letter."""
        box = Rectangle((x, y), width, height, transform=self._mm, linewidth=0.5)
        box.set(facecolor=fill, edgecolor=edge)
        self.figure.add_artist(box)

    def picture(self, x: float, y: float, width: float, height: float, pixels: np.ndarray) -> Axes:
        """Pixels, uint8 (h, w) or (h, w, 3), as they are; coordinates run over [0, 1] downwards."""
        frame = (x / WIDTH_MM, 1 - (y + height) / HEIGHT_MM, width / WIDTH_MM, height / HEIGHT_MM)
        axes = self.figure.add_axes(frame)
        axes.set_axis_off()
        axes.imshow(
            pixels,
            cmap="gray",
            vmin=0,
            vmax=255,
            extent=(0, 1, 1, 0),
            aspect="auto",
            interpolation="none",
        )
        return axes

    def as_pdf(self, *, title: str, creator: str, made: datetime) -> bytes:
        """The sheet as a PDF of one page. ``made`` has a time zone, and is its only date."""
        file = io.BytesIO()
        facts = {"Title": title, "Creator": creator, "CreationDate": made, "Producer": None}
        canvas = FigureCanvasPdf(self.figure)
        canvas.print_pdf(file, metadata=facts)  # type: ignore[no-untyped-call]
        return file.getvalue()


def _pieces(word: str, style: Style, within_mm: float) -> list[str]:
    """A word in pieces that fit; at least one character each."""
    pieces, used_mm = [""], 0.0
    for character in word:
        character_mm = width_mm(character, style)
        if pieces[-1] and used_mm + character_mm > within_mm:
            pieces.append("")
            used_mm = 0.0
        pieces[-1] += character
        used_mm += character_mm
    return pieces


@cache
def _face(bold: bool) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(font_file(bold), MEASURED_AT, layout_engine=ImageFont.Layout.BASIC)


@cache
def _advance(character: str, bold: bool) -> float:
    """How far one letter moves on, in font sizes."""
    return _face(bold).getlength(character) / MEASURED_AT


@cache
def _characters() -> frozenset[str]:
    return frozenset(map(chr, FT2Font(font_file(False)).get_charmap()))
