"""Figures as inline SVG: no numbers of their own, colours by CSS class, a sentence for each.

Lines differ by dash and marks by shape, so that no figure needs its colours to be read. The words
that belong beside a figure are written where it is used; assets/evidence.css draws the classes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pneumo.view import escape

# In units of a figure's viewBox, which is about one pixel on a telephone.
WIDTH, HEIGHT = 300, 290
LEFT, RIGHT, TOP, BOTTOM = 44, 12, 10, 40  # around the axes
ROW_WIDTH, ROW, ROW_LABEL = 340, 24, 138  # of a chart of rows
MARK = 5.0  # half the width of a mark
ICONS_ACROSS, ICON = 10, 20

QUARTERS = (0.0, 0.25, 0.5, 0.75, 1.0)
OUTLINES = {  # of marks, in half widths around their centre
    "diamond": "M0 -1.3L1.3 0L0 1.3L-1.3 0Z",
    "square": "M-1 -1H1V1H-1Z",
    "triangle": "M0 -1.2L1.2 1H-1.2Z",
    "circle": "M-1 0A1 1 0 1 0 1 0A1 1 0 1 0 -1 0Z",
    "dot": "M-.5 0A.5 .5 0 1 0 .5 0A.5 .5 0 1 0 -.5 0Z",
    "cross": "M-1.4 -1.4L1.4 1.4M-1.4 1.4L1.4 -1.4",
}
Pair = tuple[float, float]
Points = Sequence[Pair] | NDArray[np.float64]  # (N, 2)


@dataclass(frozen=True)
class Axis:
    """A linear axis from ``low`` to ``high``, labelled at ``ticks``."""

    label: str
    low: float = 0.0
    high: float = 1.0
    ticks: tuple[float, ...] = QUARTERS

    def share(self, value: float) -> float:
        return (value - self.low) / (self.high - self.low)

    def holds(self, value: float) -> bool:
        return self.low <= value <= self.high  # never true of NaN


@dataclass(frozen=True)
class Line:
    points: Points
    style: str  # a class: colour and dash


@dataclass(frozen=True)
class Mark:
    """A point; with ``low`` and ``high``, its interval along the upright axis."""

    x: float
    y: float
    shape: str  # a key of OUTLINES
    low: float = math.nan
    high: float = math.nan


@dataclass(frozen=True)
class Row:
    """One line of a chart of rows."""

    label: str
    value: float
    low: float = math.nan
    high: float = math.nan


@dataclass(frozen=True)
class Frame:
    """Two axes and the place they have on the page."""

    x: Axis
    y: Axis

    across = WIDTH - LEFT - RIGHT
    down = HEIGHT - TOP - BOTTOM

    def at(self, x: float, y: float) -> Pair:
        return LEFT + self.across * self.x.share(x), TOP + self.down * (1 - self.y.share(y))

    def axes(self) -> str:
        foot, side = TOP + self.down, LEFT + self.across
        parts = []
        for tick in self.x.ticks:
            px, _ = self.at(tick, self.y.low)
            parts.append(_segment("grid", (px, TOP), (px, foot)))
            parts.append(_text("tick middle", (px, foot + 14), f"{tick:g}"))
        for tick in self.y.ticks:
            _, py = self.at(self.x.low, tick)
            parts.append(_segment("grid", (LEFT, py), (side, py)))
            parts.append(_text("tick end", (LEFT - 5, py + 4), f"{tick:g}"))
        parts.append(_text("label middle", (LEFT + self.across / 2, HEIGHT - 6), self.x.label))
        parts.append(_text("label middle", (11, TOP + self.down / 2), self.y.label, turned=True))
        return "".join(parts)

    def inside(self, lines: Iterable[Line]) -> str:
        """The lines, in an svg of their own: that clips what leaves the axes."""
        place = f'x="{LEFT}" y="{TOP}" width="{self.across}" height="{self.down}"'
        drawn = "".join(
            f'<polyline class="{line.style}" points="{self._pixels(line.points)}"/>'
            for line in lines
        )
        box = f"{LEFT} {TOP} {self.across} {self.down}"
        return f'<svg {place} viewBox="{box}">{drawn}</svg>'

    def _pixels(self, points: Points) -> str:
        """All at once: a curve over all films has many points, and a slider redraws it."""
        x, y = np.asarray(points, dtype=np.float64).T
        across = LEFT + self.across * (x - self.x.low) / (self.x.high - self.x.low)
        down = TOP + self.down * (1 - (y - self.y.low) / (self.y.high - self.y.low))
        return " ".join(
            f"{a:.1f},{d:.1f}" for a, d in zip(across.tolist(), down.tolist(), strict=True)
        )

    def mark(self, mark: Mark) -> str:
        if not (self.x.holds(mark.x) and self.y.holds(mark.y)):
            return ""
        bar = ""
        if not math.isnan(mark.low + mark.high):
            bar = _segment("interval", self.at(mark.x, mark.low), self.at(mark.x, mark.high))
        return bar + _shape(mark.shape, self.at(mark.x, mark.y))


def plot(
    words: str, x: Axis, y: Axis, *, lines: Sequence[Line] = (), marks: Sequence[Mark] = ()
) -> str:
    """Lines and marks over two axes; ``words`` say what is seen to whoever cannot see it."""
    frame = Frame(x, y)
    parts = [frame.axes(), frame.inside(lines), *map(frame.mark, marks)]
    return _svg("plot", words, (WIDTH, HEIGHT), parts)


def rows(words: str, axis: Axis, entries: Sequence[Row], *, reference: float) -> str:
    """One mark with its interval per row, and an upright line that all are compared with."""
    across, foot = ROW_WIDTH - ROW_LABEL - RIGHT, TOP + ROW * len(entries)

    def at(value: float) -> float:
        return ROW_LABEL + across * min(max(axis.share(value), 0.0), 1.0)

    parts = []
    for tick in axis.ticks:
        parts.append(_segment("grid", (at(tick), TOP), (at(tick), foot)))
        parts.append(_text("tick middle", (at(tick), foot + 14), f"{tick:g}"))
    parts.append(_segment("reference", (at(reference), TOP), (at(reference), foot)))
    for i, row in enumerate(entries):
        py = TOP + ROW * (i + 0.5)
        parts.append(_text("tick end", (ROW_LABEL - 8, py + 4), row.label))
        if not math.isnan(row.low + row.high):
            parts.append(_segment("interval", (at(row.low), py), (at(row.high), py)))
        if not math.isnan(row.value):
            parts.append(_shape("circle", (at(row.value), py)))
    parts.append(_text("label middle", (ROW_LABEL + across / 2, foot + BOTTOM - 6), axis.label))
    return _svg("plot rows", words, (ROW_WIDTH, foot + BOTTOM), parts)


def icons(words: str, counts: Iterable[tuple[str, str, int]]) -> str:
    """Icons in rows of ten: style, shape and how many of each."""
    each = [(style, shape) for style, shape, count in counts for _ in range(count)]
    parts = [
        _shape(shape, (ICON * (i % ICONS_ACROSS + 0.5), ICON * (i // ICONS_ACROSS + 0.5)), style)
        for i, (style, shape) in enumerate(each)
    ]
    deep = -(-len(each) // ICONS_ACROSS)
    return _svg("icons", words, (ICON * ICONS_ACROSS, ICON * deep), parts)


def mark_key(shape: str, style: str = "") -> str:
    """One mark by itself, to stand before the words that explain it."""
    drawn = _shape(shape, (0, 0), style)
    return f'<svg class="key" viewBox="-8 -8 16 16" aria-hidden="true">{drawn}</svg>'


def line_key(style: str) -> str:
    """One line by itself, to stand before the words that explain it."""
    drawn = _segment(style, (0, 4), (28, 4))
    return f'<svg class="key long" viewBox="0 0 28 8" aria-hidden="true">{drawn}</svg>'


def _svg(style: str, words: str, size: Pair, parts: Iterable[str]) -> str:
    return (
        f'<svg class="{style}" role="img" aria-label="{escape(words)}" '
        f'viewBox="0 0 {size[0]:g} {size[1]:g}">{"".join(parts)}</svg>'
    )


def _shape(shape: str, at: Pair, style: str = "") -> str:
    return (
        f'<path class="mark {shape} {style}" d="{OUTLINES[shape]}" '
        f'transform="translate({at[0]:.1f} {at[1]:.1f}) scale({MARK:g})"/>'
    )


def _segment(style: str, start: Pair, end: Pair) -> str:
    return (
        f'<line class="{style}" x1="{start[0]:.1f}" y1="{start[1]:.1f}" '
        f'x2="{end[0]:.1f}" y2="{end[1]:.1f}"/>'
    )


def _text(style: str, at: Pair, words: str, *, turned: bool = False) -> str:
    x, y = (f"{coordinate:.1f}" for coordinate in at)
    turn = f' transform="rotate(-90 {x} {y})"' if turned else ""
    return f'<text class="{style}" x="{x}" y="{y}"{turn}>{escape(words)}</text>'
