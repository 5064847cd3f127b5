"""Plain convolutional networks, as a first course builds them; nothing to start from but chance."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pneumo.networks.base import Network


class CNN(Network):
    """Blocks of two 3x3 convolutions, halved in between, and a dense head with dropout.

    The head reads every channel's mean and peak over the grid, so it takes films of any size.
    """

    def __init__(
        self,
        widths: tuple[int, ...],
        classes: tuple[str, ...],
        *,
        hidden: int,
        dropout: float,
        normalised: bool = True,
    ) -> None:
        super().__init__(classes)
        blocks: list[nn.Module] = []
        for i, (before, width) in enumerate(zip((1, *widths), widths, strict=False)):
            blocks += [nn.MaxPool2d(2)] if i else []
            for channels in (before, width):
                blocks += _convolution(channels, width, normalised=normalised)
        self.body = nn.Sequential(*blocks)
        self.head = nn.Sequential(
            nn.Linear(2 * widths[-1], hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, len(classes)),
        )

    def features(self, x: Tensor) -> Tensor:  # (B, 1, S, S) -> (B, C, h, w)
        features: Tensor = self.body(x)
        return features

    def logits(self, features: Tensor) -> Tensor:  # (B, C, h, w) -> (B, K)
        pooled = torch.cat([features.mean(dim=(2, 3)), features.amax(dim=(2, 3))], dim=1)
        logits: Tensor = self.head(pooled)
        return logits


def _convolution(before: int, width: int, *, normalised: bool) -> list[nn.Module]:
    kernel = nn.Conv2d(before, width, kernel_size=3, padding=1, bias=not normalised)
    return [kernel, *([nn.BatchNorm2d(width)] if normalised else []), nn.ReLU()]


def cnn3(classes: tuple[str, ...]) -> Network:
    """0.55 M parameters; features (B, 128, S/4, S/4)."""
    return CNN((32, 64, 128), classes, hidden=1024, dropout=0.5)


def cnn5(classes: tuple[str, ...]) -> Network:
    """5.0 M parameters; features (B, 512, S/16, S/16)."""
    return CNN((32, 64, 128, 256, 512), classes, hidden=256, dropout=0.5)
