"""From a film to a member's square, and from the square back to the film.

Every film first becomes one *canonical* picture of 224 x 224 pixels, whatever its size and
aspect ratio. Each member then looks at a box of it: the resolution and softness that a member
sees are the same for a 2,900 pixel original and for a 224 pixel teaching copy. This module is
the only preprocessing in the project; training samples its augmented boxes with the same
function that reading uses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

CANONICAL_PX = 224  # the training films carry no more detail than this
TYPICAL_BOX = 0.75  # of the film's side: what a centre crop or a lung box spans
LUNG_MARGIN = 0.06  # of the lungs' box, on every side: keeps the pleura and the costophrenic angles


@dataclass(frozen=True)
class Box:
    """A rectangle in fractions of a film's width and height, y downwards; it may reach beyond."""

    left: float
    top: float
    right: float
    bottom: float

    def __post_init__(self) -> None:
        if not (self.left < self.right and self.top < self.bottom):
            raise ValueError(f"a box without area: {self}")
        if self.left >= 1 or self.right <= 0 or self.top >= 1 or self.bottom <= 0:
            raise ValueError(f"a box beside the film: {self}")


WHOLE_FILM = Box(0.0, 0.0, 1.0, 1.0)


def canonical(pixels: np.ndarray) -> Tensor:
    """Shrink or stretch a film, float32 (H, W) in [0, 1], to (1, 1, 224, 224) with antialiasing."""
    film = torch.from_numpy(np.array(pixels, dtype=np.float32))[None, None]  # (1, 1, H, W)
    square = F.interpolate(
        film, (CANONICAL_PX, CANONICAL_PX), mode="bilinear", antialias=True, align_corners=False
    )
    return square.clamp(0, 1)


def centre_crop(aspect: float, lungs: np.ndarray) -> Box:
    """The largest central square of the film, at true aspect and without bars.

    ``aspect`` is width / height of the film; ``lungs`` is not used.
    """
    width, height = min(1.0, 1 / aspect), min(1.0, aspect)
    return Box((1 - width) / 2, (1 - height) / 2, (1 + width) / 2, (1 + height) / 2)


def lung_box(aspect: float, lungs: np.ndarray) -> Box:
    """The lungs' bounding box plus a margin, within the film.

    ``lungs`` is a bool mask (h, w) over the whole film. The square stretches this box, so that
    neither the film's aspect ratio nor its collimation reaches the network.
    """
    rows, columns = np.flatnonzero(lungs.any(axis=1)), np.flatnonzero(lungs.any(axis=0))
    if rows.size == 0:
        raise ValueError("a lung box needs at least one lung pixel")
    height, width = lungs.shape
    top, bottom = rows[0] / height, (rows[-1] + 1) / height
    left, right = columns[0] / width, (columns[-1] + 1) / width
    dx, dy = LUNG_MARGIN * (right - left), LUNG_MARGIN * (bottom - top)
    return Box(
        float(max(left - dx, 0)),
        float(max(top - dy, 0)),
        float(min(right + dx, 1)),
        float(min(bottom + dy, 1)),
    )


def squash(aspect: float, lungs: np.ndarray) -> Box:
    """The whole film, squashed: aspect ratio becomes anatomy. For comparison only."""
    return WHOLE_FILM


def letterbox(aspect: float, lungs: np.ndarray) -> Box:
    """The whole film at true aspect, with black bars that tell the aspect. For comparison only."""
    width, height = max(1.0, 1 / aspect), max(1.0, aspect)
    return Box((1 - width) / 2, (1 - height) / 2, (1 + width) / 2, (1 + height) / 2)


GEOMETRIES: dict[str, Callable[[float, np.ndarray], Box]] = {
    "centre_crop": centre_crop,
    "letterbox": letterbox,
    "lung_box": lung_box,
    "squash": squash,
}
BY_LUNGS = frozenset({"lung_box"})  # the rest need not wait until the lungs are found
NO_LUNGS = np.zeros((1, 1), dtype=bool)


def sample(films: Tensor, corners: Tensor, size_px: int) -> Tensor:
    """Sample squares out of canonical films: (B, 1, 224, 224) -> (B, 1, S, S).

    ``corners`` is (B, 2, 3): per film the affine map from the square's coordinates in [-1, 1] to
    the film's, so that training can rotate and shear the very boxes that reading cuts straight.
    """
    film_px = min(CANONICAL_PX, round(size_px / TYPICAL_BOX))
    if film_px < CANONICAL_PX:
        # The grid reads two pixels per axis: without this low pass, ribs alias into false texture.
        films = F.interpolate(
            films, (film_px, film_px), mode="bilinear", antialias=True, align_corners=False
        )
    grid = F.affine_grid(corners, [len(films), 1, size_px, size_px], align_corners=False)
    return F.grid_sample(films, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def corners_of(box: Box) -> Tensor:
    """The affine map (2, 3) from the square's [-1, 1] coordinates to the film's, for one box."""
    return torch.tensor(
        [
            [box.right - box.left, 0.0, box.right + box.left - 1],
            [0.0, box.bottom - box.top, box.bottom + box.top - 1],
        ]
    )


def to_square(film: Tensor, box: Box, *, size_px: int) -> Tensor:
    """Cut one box out of a canonical film: (1, 1, 224, 224) -> (1, 1, S, S) in [0, 1]."""
    return sample(film, corners_of(box)[None].to(film.device), size_px)


def to_film(evidence: Tensor, box: Box) -> Tensor:
    """Lay a square map (h, w) back on the canonical film (224, 224); zero outside the box."""
    height, width = evidence.shape
    rows = _share_of_cells(box.top, box.bottom, height).to(evidence.device)
    columns = _share_of_cells(box.left, box.right, width).to(evidence.device)
    return rows @ evidence @ columns.T


def _share_of_cells(start: float, end: float, cells: int) -> Tensor:
    """Bilinear weights (224, n) of a box's cells 0..n-1 in the film's pixels, along one axis.

    The box stands upright, so two small products do what a grid of 224 x 224 places would; and in
    numpy, because torch takes three times as long for arrays of this size.
    """
    place = ((np.arange(CANONICAL_PX, dtype=np.float32) + 0.5) / CANONICAL_PX - start) / (
        end - start
    )
    # Clamped, so that the outer half cell keeps its full strength up to the box's edge.
    centre = (place * cells - 0.5).clip(0, cells - 1)
    share = (1 - np.abs(centre[:, None] - np.arange(cells, dtype=np.float32))).clip(min=0)
    return torch.from_numpy(share * ((place >= 0) & (place <= 1))[:, None])
