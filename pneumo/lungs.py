"""Where the lungs are: a small U-Net (Ronneberger et al. 2015, arXiv:1505.04597)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor, nn
from torch.nn import functional as F

from pneumo.geometry import CANONICAL_PX

LungLogits = Callable[[Tensor], Tensor]  # a LungNetwork, or an engine that runs one

LUNG_INPUT_PX = 128  # a lung outline is smooth: twice the resolution gains under 0.005 in Dice


class Join(nn.Conv2d):
    """Convolves what came through a skip connection together with x at twice its size.

    Enlarging to the nearest pixel shows the 3 x 3 taps each pixel of x four times. Here taps that
    meet the same pixel are added up first: a transposed convolution of 4 x 4 taps, with 4/9 of the
    multiply-adds for x, and nothing is enlarged or put together.
    """

    def __init__(self, deep: int, skip: int) -> None:
        super().__init__(deep + skip, skip, kernel_size=3, padding=1, bias=False)

    def taps(self) -> tuple[Tensor, Tensor]:
        """Those for x, transposed, (deep, skip, 4, 4), and those for the skip connection."""
        deep = self.in_channels - self.out_channels
        far, near = self.weight[:, :deep], self.weight[:, deep:]
        turned = F.pad(far.flip(2, 3), (1, 1, 1, 1))  # (skip, deep, 5, 5)
        rows = turned[:, :, :-1] + turned[:, :, 1:]
        pairs = rows[:, :, :, :-1] + rows[:, :, :, 1:]
        return pairs.transpose(0, 1), near

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:  # type: ignore[override]
        """(B, deep, s, s) and (B, skip, 2s, 2s) -> (B, skip, 2s, 2s)."""
        far, near = self.taps()
        return F.conv2d(skip, near, padding=1) + F.conv_transpose2d(x, far, stride=2, padding=1)


class _DoubleConv(nn.Sequential):
    """Two convolutions, normalised and rectified; the first takes all inputs."""

    def __init__(self, first: nn.Conv2d) -> None:
        outputs = first.out_channels
        second = nn.Conv2d(outputs, outputs, kernel_size=3, padding=1, bias=False)
        layers: list[nn.Module] = []
        for conv in (first, second):
            layers += [conv, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]
        super().__init__(*layers)

    def forward(self, *inputs: Tensor) -> Tensor:
        first, *others = self
        x: Tensor = first(*inputs)
        for layer in others:
            x = layer(x)
        return x


class LungNetwork(nn.Module):
    """U-Net of four levels, 0.5 M parameters: (B, 1, 128, 128) in [0, 1] -> logits, alike."""

    WIDTHS = (16, 32, 64, 128)

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.ModuleList(
            _DoubleConv(nn.Conv2d(a, b, kernel_size=3, padding=1, bias=False))
            for a, b in pairwise((1, *self.WIDTHS))
        )
        self.up = nn.ModuleList(
            _DoubleConv(Join(deep, skip)) for deep, skip in pairwise(self.WIDTHS[::-1])
        )
        self.head = nn.Conv2d(self.WIDTHS[0], 1, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:  # (B, 1, s, s) -> (B, 1, s, s)
        x = (x - 0.5) / 0.25
        skips: list[Tensor] = []
        for level, block in enumerate(self.down):
            x = block(F.max_pool2d(x, 2) if level else x)
            skips.append(x)
        skips.pop()
        for block in self.up:
            x = block(x, skips.pop())
        logits: Tensor = self.head(x)
        return logits


@dataclass(frozen=True, eq=False)
class Lungs:
    """The lung fields of one film, on its canonical 224 x 224 grid."""

    mask: np.ndarray  # bool (224, 224), read-only
    certainty: float  # mean probability inside the mask, 0 where there is none

    @property
    def fraction(self) -> float:
        """Share of the film covered by lung, in [0, 1]."""
        return float(self.mask.mean())

    @property
    def halves(self) -> tuple[float, float]:
        """Share of the film covered by lung left and right of the lungs' own middle."""
        columns = np.flatnonzero(self.mask.any(axis=0))
        if columns.size == 0:
            return 0.0, 0.0
        middle = (columns[0] + columns[-1] + 1) // 2
        size = self.mask.size
        return float(self.mask[:, :middle].sum() / size), float(self.mask[:, middle:].sum() / size)


def lung_logits(network: LungLogits, films: Tensor) -> Tensor:
    """Lung logits of canonical films: (B, 1, 224, 224) in [0, 1] -> (B, 1, 224, 224)."""
    small = F.interpolate(
        films, (LUNG_INPUT_PX, LUNG_INPUT_PX), mode="bilinear", antialias=True, align_corners=False
    )
    logits = network(small)
    return F.interpolate(logits, (CANONICAL_PX, CANONICAL_PX), mode="bilinear", align_corners=False)


@torch.no_grad()
def find_lungs(network: LungLogits, film: Tensor) -> Lungs:
    """The lungs of one canonical film (1, 1, 224, 224); small islands are dropped."""
    probability = lung_logits(network, film).sigmoid()[0, 0].cpu().numpy()  # (224, 224)
    mask = largest_fields(probability > 0.5)
    mask.setflags(write=False)
    return Lungs(mask=mask, certainty=float(probability[mask].mean()) if mask.any() else 0.0)


def largest_fields(mask: np.ndarray) -> np.ndarray:
    """Keep the two largest connected regions of a mask, each at least a tenth of the largest.

    A stray island (the stomach bubble, a burned-in letter) would widen the lung box.
    """
    labels, count = ndimage.label(mask)
    if count == 0:
        return mask.copy()
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0  # the background
    kept = sizes >= 0.1 * sizes.max()
    kept[np.argsort(sizes)[:-2]] = False
    return np.asarray(kept[labels])
