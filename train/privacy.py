"""How near a composite is to any single child's film."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from train.composite import SOURCES, Composite, correlation
from train.data import Films

BATCH = 256
DETAIL_PX = 9  # side of the local mean that is taken off: finer structure tells children apart


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


def closeness(composite: Composite, films: Films) -> Closeness:
    """Compare a composite with its seven sources and with every film there is."""
    picture, sources = composite.pixels[None], composite.sources
    others = ~torch.eye(SOURCES, dtype=torch.bool)
    pairs = [correlation(s[:, None], s[None])[others] for s in (sources, detail(sources))]
    return Closeness(
        sources=Likeness(
            float(correlation(picture, sources).max()),
            float(correlation(detail(picture), detail(sources)).max()),
        ),
        films=nearest_film(composite, films.pixels[:, 0]),
        between_children=Likeness(float(pairs[0].max()), float(pairs[1].max())),
    )


def nearest_film(composite: Composite, films: Tensor) -> Likeness:
    """The nearest of canonical films, uint8 (N, 224, 224), cut to the composite's box."""
    box, side_px = composite.box, films.shape[-1]
    rows = slice(round(box.top * side_px), round(box.bottom * side_px))
    columns = slice(round(box.left * side_px), round(box.right * side_px))
    shape = (rows.stop - rows.start, columns.stop - columns.start)
    picture = F.interpolate(
        composite.pixels[None, None], shape, mode="bilinear", antialias=True, align_corners=False
    )[0]
    fine = detail(picture)
    whole, details = [], []
    for batch in torch.split(films[:, rows, columns], BATCH):
        whole.append(correlation(picture, batch.float()).max())
        details.append(correlation(fine, detail(batch.float())).max())
    return Likeness(float(torch.stack(whole).max()), float(torch.stack(details).max()))


def detail(pictures: Tensor) -> Tensor:
    """What is finer than a local mean: (N, H, W) -> (N, H, W)."""
    pad = DETAIL_PX // 2
    local = pictures[:, None]
    for window, margin in (((DETAIL_PX, 1), (pad, 0)), ((1, DETAIL_PX), (0, pad))):
        local = F.avg_pool2d(local, window, 1, margin, count_include_pad=False)
    return pictures - local[:, 0]
