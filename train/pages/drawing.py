"""How every figure is drawn: its style, its colours, and the bytes of its SVG.

Drawn without pyplot and saved without a date, so that the same results give the same bytes. The
background is opaque and letters are outlines, so that a figure looks the same on a light page and
on a dark one, whatever fonts are there. Shapes and line styles say what the colours say; the
colours are those of Okabe and Ito (2008), which colour-blind eyes tell apart.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

WIDTH = 4.4  # inches of 72 points: 422 CSS pixels, so that a telephone hardly shrinks it
INK, MUTED, PALE = "#1f2328", "#59636e", "#d1d9e0"
ORANGE, SKY, GREEN, BLUE = "#e69f00", "#56b4e9", "#009e73", "#0072b2"
VERMILION, PURPLE = "#d55e00", "#cc79a7"
COLOURS = (ORANGE, BLUE, GREEN, VERMILION, PURPLE, SKY)
MARKERS = "osD^vP*X"  # another count than COLOURS: 24 pairs come before one is used again
STYLE: dict[Any, Any] = {
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.h_pad": 0.1,  # inches
    "figure.constrained_layout.w_pad": 0.1,
    "figure.facecolor": "white",
    "font.family": "DejaVu Sans",  # comes with matplotlib: every machine sets the same letters
    "font.size": 10,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": PALE,
    "grid.linewidth": 0.6,
    "xtick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.color": MUTED,
    "ytick.labelcolor": INK,
    "path.simplify": False,  # leaves out no point, by no rule of another version
    "svg.fonttype": "path",
    "svg.hashsalt": "pneumo",  # else the names inside the SVG are drawn by lot
}


@contextmanager
def style() -> Iterator[None]:
    """``STYLE`` and nothing else, whatever the machine's own matplotlibrc says."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        yield


def sheet(height: float, **options: object) -> tuple[Figure, Axes]:
    """An empty figure of the common width, its height in inches, and its axes."""
    figure = Figure(figsize=(WIDTH, height))
    return figure, figure.add_subplot(**options)


def percents() -> FuncFormatter:
    """Ticks of a share in percent."""
    return FuncFormatter(lambda share, _: f"{100 * share:.3g} %")


def measured(metric: Mapping[str, float]) -> str:
    """A value with its interval."""
    return f"{metric['value']:.3f} ({metric['low']:.3f}-{metric['high']:.3f})"


def legend(figure: Figure, axes: Axes, *, columns: int = 1) -> None:
    """A legend below the axes, where it covers nothing."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=columns)


def svg(draw: Callable[[], Figure], *, title: str) -> bytes:
    """The figure as SVG, the same bytes for the same results."""
    file = io.BytesIO()
    with style():
        nothing_else = {"Date": None, "Creator": None}
        draw().savefig(file, format="svg", metadata={"Title": title, **nothing_else})
    return file.getvalue()
