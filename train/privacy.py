"""How near a composite is to any single child's film."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from train.composite import SOURCES, Composite, correlation
from train.data import Films

GRID_PX = 112  # pictures are compared at half the sources' resolution: finer is grain and JPEG
DETAIL_PX = 5  # side of the local mean that is taken off: finer structure tells children apart


@dataclass(frozen=True)
class Likeness:
    """Largest normalised correlation of pictures, as they are and of their detail."""

    picture: float
    detail: float


@dataclass(frozen=True)
class Closeness:
    """How near a composite is to films, and for scale its sources to one another."""

    sources: Likeness  # to the nearest of its seven sources, each registered to it
    films: Likeness  # to the nearest of all films, cut to the same part
    between_children: Likeness  # of the two sources that are most alike, both registered


def comparable(films: Films) -> Tensor:
    """All films on the grid where they are compared: float32 (N, 112, 112), 262 MB for 5,216."""
    parts = torch.split(films.pixels[:, 0], 512)
    return torch.cat([_on_grid(part.float(), (GRID_PX, GRID_PX)) for part in parts])


def closeness(composite: Composite, films: Tensor) -> Closeness:
    """Compare a composite with its seven sources and with ``comparable`` films (N, 112, 112)."""
    box = composite.box
    rows = slice(round(box.top * GRID_PX), round(box.bottom * GRID_PX))
    columns = slice(round(box.left * GRID_PX), round(box.right * GRID_PX))
    shape = (rows.stop - rows.start, columns.stop - columns.start)
    picture = _on_grid(composite.pixels[None], shape)
    sources = _on_grid(composite.sources, shape)
    pairs = torch.triu_indices(SOURCES, SOURCES, offset=1)
    return Closeness(
        sources=nearest(picture, sources),
        films=nearest(picture, films[:, rows, columns]),
        between_children=nearest(sources[pairs[0]], sources[pairs[1]]),
    )


def nearest(a: Tensor, b: Tensor) -> Likeness:
    """The largest likenesses of pictures (N, H, W) paired in order, a single one with every one."""
    return Likeness(
        picture=float(correlation(a, b).max()),
        detail=float(correlation(detail(a), detail(b)).max()),
    )


def _on_grid(pictures: Tensor, shape: tuple[int, int]) -> Tensor:
    shrunk = F.interpolate(
        pictures[:, None], shape, mode="bilinear", antialias=True, align_corners=False
    )
    return shrunk[:, 0]


def detail(pictures: Tensor) -> Tensor:
    """What is finer than a local mean: (N, H, W) -> (N, H, W)."""
    pad = DETAIL_PX // 2
    local = pictures[:, None]
    for window, margin in (((DETAIL_PX, 1), (pad, 0)), ((1, DETAIL_PX), (0, pad))):
        local = F.avg_pool2d(local, window, 1, margin, count_include_pad=False)
    return pictures - local[:, 0]
