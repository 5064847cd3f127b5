"""Evidence on the film: a map with its colour scale, and a thin lung outline.

Our own Grad-CAM's scale ends where the manifest says, not at the map's own maximum: weak evidence
looks weak.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from contourpy import LineType, contour_generator
from matplotlib import colormaps
from PIL import Image
from scipy import ndimage

COLOURS = colormaps["inferno"]  # perceptually uniform, ordered in lightness for every eye
TABLE = np.round(COLOURS(np.arange(COLOURS.N)) * 255).astype(np.uint8)  # (256, 4)
OUTLINE_BLUR_PX = 1.5  # on the 224 pixel grid: removes the staircase, moves the edge by under 1 px
GRAD_CAM = "grad_cam"  # the only method whose maps have a unit
EIGEN_CAM = "eigen_cam"  # the only method that knows no class


@dataclass(frozen=True, eq=False)
class EvidenceMap:
    """What speaks for a class, where on the film, and on which scale it is drawn."""

    values: np.ndarray  # float32 (224, 224), at least 0, on the canonical film
    full_scale: float  # what the top colour stands for, in the unit of the values
    method: str = GRAD_CAM  # a key of cams.METHODS
    target: str = "pneumonia"  # or one of the manifest's classes

    @property
    def in_logits(self) -> bool:
        """Calibrated logit units on a scale fixed for every film; else stretched to this film."""
        return self.method == GRAD_CAM


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
    row = np.minimum(strength * len(TABLE), len(TABLE) - 1).astype(np.uint8)
    colour = TABLE.take(row, axis=0)  # (h, w, 4); ten times as fast as TABLE[row]
    colour[..., 3] = np.round(strength * 255)
    return colour


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
