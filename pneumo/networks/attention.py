"""Attention over channels, then over places (Woo et al. 2018, CBAM, arXiv:1807.06521)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

REDUCTION = 16  # channels per hidden unit of the channel attention


class CBAM(nn.Module):
    """Weighs every channel by its mean and peak, then every place by those over the channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.of_channels = nn.Sequential(
            nn.Linear(channels, channels // REDUCTION, bias=False),
            nn.ReLU(),
            nn.Linear(channels // REDUCTION, channels, bias=False),
        )
        self.of_places = nn.Conv2d(2, 1, kernel_size=7, padding=3, bias=False)

    def forward(self, x: Tensor) -> Tensor:  # (B, C, h, w) -> (B, C, h, w)
        weight = self.of_channels(x.mean(dim=(2, 3))) + self.of_channels(x.amax(dim=(2, 3)))
        x = x * weight.sigmoid()[:, :, None, None]
        summary = torch.stack([x.mean(dim=1), x.amax(dim=1)], dim=1)  # (B, 2, h, w)
        places: Tensor = self.of_places(summary)
        return x * places.sigmoid()
