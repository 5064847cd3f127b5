"""Measured numbers as they are written on the page, and tables of them as HTML."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Protocol

from pneumo.view import escape

UNMEASURED = "not measurable"
NBSP = "\N{NO-BREAK SPACE}"
PERCENT = f"{NBSP}%"
SMALLEST_SHOWN = 0.0005  # share; nothing is ever shown as impossible or certain


class Spread(Protocol):
    """Anything with a value and its 95 % interval."""

    @property
    def value(self) -> float: ...
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...


def percentage(share: float) -> str:
    """A share in [0, 1], to a tenth of a percent; never broken over two lines."""
    if math.isnan(share):
        return UNMEASURED
    if share < SMALLEST_SHOWN:
        return f"<{NBSP}0.1{PERCENT}"
    return f">{NBSP}99.9{PERCENT}" if share > 1 - SMALLEST_SHOWN else f"{100 * share:.1f}{PERCENT}"


def decimal(number: float) -> str:
    """A number to three decimals."""
    return UNMEASURED if math.isnan(number) else f"{number:.3f}"


def ratio(number: float) -> str:
    """A likelihood ratio to two or three figures; one without an upper bound says so."""
    if math.isnan(number):
        return UNMEASURED
    if math.isinf(number):
        return "unbounded"
    if number < 0.001:
        return f"<{NBSP}0.001"
    return f"{number:.3f}" if number < 0.1 else f"{number:.2f}" if number < 10 else f"{number:.1f}"


def spread(measured: Spread) -> str:
    """The interval of a share, without its value."""
    return _between(percentage(measured.low), percentage(measured.high))


def ratio_spread(measured: Spread) -> str:
    """The interval of a likelihood ratio, without its value."""
    return _between(ratio(measured.low), ratio(measured.high))


def with_interval(measured: Spread) -> str:
    """A number to three decimals, and its interval."""
    if math.isnan(measured.value):
        return UNMEASURED
    return f"{decimal(measured.value)} ({decimal(measured.low)} to {decimal(measured.high)})"


def share_cell(measured: Spread) -> str:
    """A share and its interval, one above the other."""
    return _cell(percentage(measured.value), spread(measured))


def decimal_cell(measured: Spread) -> str:
    """A number and its interval, one above the other."""
    return _cell(decimal(measured.value), _between(decimal(measured.low), decimal(measured.high)))


def table(
    caption: str, head: Sequence[str], body: Iterable[Sequence[str]], *, chosen: str = ""
) -> str:
    """A table of HTML cells; each row's first cell is its heading, ``chosen`` the one to mark."""
    titles = "".join(f'<th scope="col">{title}</th>' for title in head)
    lines = "".join(
        f"<tr{' class=chosen aria-current=true' if line[0] == chosen else ''}>"
        f'<th scope="row">{line[0]}</th>{"".join(f"<td>{cell}</td>" for cell in line[1:])}</tr>'
        for line in body
    )
    return (
        f"<table><caption>{caption}</caption><thead><tr>{titles}</tr></thead>"
        f"<tbody>{lines}</tbody></table>"
    )


def words(key: str) -> str:
    """A key of the results as it is read, fit for HTML."""
    return escape(key.replace("_", " "))


def _between(low: str, high: str) -> str:
    return low if UNMEASURED in (low, high) else f"{low.removesuffix(PERCENT)} to {high}"


def _cell(value: str, between: str) -> str:
    return value if value == UNMEASURED else f"{value}<small>{between}</small>"
