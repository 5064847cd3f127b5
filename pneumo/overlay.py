"""Evidence on the film: one fixed colour scale, a thin lung outline, and where the evidence lies.

The scale ends where the manifest says, not at the map's own maximum: weak evidence looks weak.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from contourpy import LineType, contour_generator
from matplotlib import colormaps
from PIL import Image
from scipy import ndimage

COLOURS = colormaps["inferno"]  # perceptually uniform, ordered in lightness for every eye
OUTLINE_BLUR_PX = 1.5  # on the 224 pixel grid: removes the staircase, moves the edge by under 1 px
SIDES = ("left", "right")  # of the picture, not of the patient: a copy may have been mirrored
LEVELS = ("upper", "middle", "lower")


def grey(pixels: np.ndarray, *, max_side_px: int) -> Image.Image:
    """A film, float32 (H, W) in [0, 1], as an 8-bit picture of at most ``max_side_px``."""
    picture = Image.fromarray(np.round(pixels * 255).astype(np.uint8))
    scale = max_side_px / max(picture.size)
    if scale >= 1:
        return picture
    width, height = picture.size
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    return picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=3)


def layer(evidence: np.ndarray, *, full_scale: float) -> np.ndarray:
    """Colour and opacity of evidence (h, w) in logit units -> uint8 RGBA (h, w, 4).

    Opacity grows with strength, so that the film stays visible where there is little evidence;
    everything at or above ``full_scale`` looks the same.
    """
    strength = np.clip(evidence / full_scale, 0, 1)
    colour = COLOURS(strength)  # (h, w, 4) in [0, 1]
    colour[..., 3] = strength
    return np.asarray(np.round(colour * 255), dtype=np.uint8)


def outline(mask: np.ndarray) -> str:
    """The border of a bool mask (h, w) as an SVG path in pixels, closed at the picture's edge."""
    # The frame of zeros closes a lung that is cut by the edge of the film.
    framed = np.pad(ndimage.gaussian_filter(mask.astype(np.float32), OUTLINE_BLUR_PX), 1)
    height, width = mask.shape
    parts = []
    for line in contour_generator(z=framed, line_type=LineType.Separate).lines(0.5):
        points = np.asarray(line) - 0.5  # (n, 2): from centres of the framed grid to pixel edges
        x, y = np.clip(points[:, 0], 0, width), np.clip(points[:, 1], 0, height)
        parts.append("M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x, y, strict=True)) + "Z")
    return "".join(parts)


@dataclass(frozen=True)
class Whereabouts:
    """Where the evidence of one film lies, for those who cannot or do not see the map."""

    peak: float  # strongest cell, logit units
    inside: float  # share of all evidence that lies within the lungs, in [0, 1]
    side: str  # of SIDES: the lung field that holds the largest share
    level: str  # of LEVELS
    zone: float  # share of all evidence in that field, in [0, 1]


def whereabouts(evidence: np.ndarray, mask: np.ndarray) -> Whereabouts | None:
    """Add evidence (h, w) up over six lung fields of a bool mask (h, w); None without evidence.

    The fields are the lungs left and right of their own middle, in thirds of their height.
    """
    total = float(evidence.sum())
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if total <= 0 or rows.size == 0:
        return None
    middle = (columns[0] + columns[-1] + 1) / 2
    heights = np.linspace(rows[0], rows[-1] + 1, len(LEVELS) + 1)
    within = np.where(mask, evidence, 0.0)
    y, x = np.mgrid[: mask.shape[0], : mask.shape[1]] + 0.5
    right = x > middle
    shares = np.array(
        [
            [within[half & (y >= top) & (y < bottom)].sum() / total for half in (~right, right)]
            for top, bottom in pairwise(heights)
        ]
    )  # (3, 2)
    level, side = np.unravel_index(int(shares.argmax()), shares.shape)
    return Whereabouts(
        peak=float(evidence.max()),
        inside=float(within.sum() / total),
        side=SIDES[side],
        level=LEVELS[level],
        zone=float(shares[level, side]),
    )
