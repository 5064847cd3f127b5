"""Where the evidence lies: outside the lungs, or in which of their six zones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from pneumo.geometry import Box

# The patient's sides as a film is hung: the right lung is on the left of the picture. Whether this
# copy was mirrored cannot be seen from its pixels, so whoever names a side says how it was found.
SIDES = ("right", "left")
LEVELS = ("upper", "middle", "lower")  # thirds of each lung's own height
HUNG = "The patient's sides on a film hung as usual; on a mirrored copy they change places."
LEAST_INSIDE = 0.01  # share of all evidence; of less, no zone is worth naming


@dataclass(frozen=True)
class Zones:
    """How the evidence of one film is shared out, for those who cannot or do not see the map."""

    peak: float  # strongest cell, in the unit of the map
    shares: tuple[tuple[float, float], ...]  # of all evidence, in [0, 1]: (3 LEVELS, 2 SIDES)

    @property
    def inside(self) -> float:
        """Share of all evidence that lies within the lungs, in [0, 1]."""
        return min(sum(map(sum, self.shares)), 1.0)

    @property
    def strongest(self) -> tuple[str, str] | None:
        """Level and side of the zone that holds the largest share; None where none holds any."""
        if self.inside < LEAST_INSIDE:
            return None
        level, side = np.unravel_index(int(np.argmax(self.shares)), (len(LEVELS), len(SIDES)))
        return LEVELS[level], SIDES[side]

    @property
    def concentrated(self) -> bool:
        """Whether one zone holds more than the five others together."""
        return 2 * max(map(max, self.shares)) > self.inside


def share_out(evidence: np.ndarray, mask: np.ndarray) -> Zones | None:
    """Add evidence (h, w) up over the six zones of a bool mask (h, w); None where there is none."""
    total = float(evidence.sum())
    if total <= 0 or not mask.any():
        return None
    columns = [[float(evidence[zone].sum()) / total for zone in thirds(f)] for f in fields(mask)]
    shares = tuple((right, left) for right, left in zip(*columns, strict=True))
    return Zones(float(evidence.max()), shares)


def fields(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The two lung fields of a bool mask (h, w), that on the left of the picture first.

    Two separate fields stay whole, however the child is turned; fields that touch, or a single
    one, are cut at the middle of the lungs' width.
    """
    labels, count = ndimage.label(mask)
    if count == 2:
        first, second = labels == 1, labels == 2
        centres = [float(np.nonzero(field)[1].mean()) for field in (first, second)]
        return (first, second) if centres[0] <= centres[1] else (second, first)
    columns = np.flatnonzero(mask.any(axis=0))
    middle = (columns[0] + columns[-1] + 1) / 2
    left_of_picture = np.arange(mask.shape[1]) + 0.5 <= middle
    return mask & left_of_picture, mask & ~left_of_picture


def thirds(field: np.ndarray) -> tuple[np.ndarray, ...]:
    """One lung field, bool (h, w), cut into upper, middle and lower third of its height."""
    rows = np.flatnonzero(field.any(axis=1))
    if rows.size == 0:
        return (field,) * len(LEVELS)
    edges = np.linspace(rows[0], rows[-1] + 1, len(LEVELS) + 1)
    level = np.searchsorted(edges[1:-1], np.arange(field.shape[0]) + 0.5)  # (h,) of 0, 1, 2
    return tuple(field & (level == i)[:, None] for i in range(len(LEVELS)))


def looked_at(boxes: Iterable[Box], shape: tuple[int, int]) -> np.ndarray:
    """Where on a film of (h, w) cells at least one network looked, bool (h, w)."""
    y, x = ((np.arange(n) + 0.5) / n for n in shape)
    seen = np.zeros(shape, dtype=bool)
    for box in boxes:
        rows, columns = (y >= box.top) & (y <= box.bottom), (x >= box.left) & (x <= box.right)
        seen |= rows[:, None] & columns
    return seen
