"""Inverted residuals (Sandler et al. 2018, MobileNetV2, arXiv:1801.04381), one grey channel in."""

from __future__ import annotations

import torchvision
from torch import Tensor, nn

from pneumo.networks.base import Network


class MobileNet(Network):
    """torchvision's MobileNetV2 with a one-channel stem and its own dropout before the head."""

    def __init__(self, body: torchvision.models.MobileNetV2, classes: tuple[str, ...]) -> None:
        super().__init__(classes)
        self.body = body.features
        self.body[0][0] = nn.Conv2d(1, 32, kernel_size=3, stride=2, padding=1, bias=False)
        self.head = nn.Sequential(nn.Dropout(0.2), nn.Linear(body.last_channel, len(classes)))

    def features(self, x: Tensor) -> Tensor:  # (B, 1, S, S) -> (B, C, S/32, S/32)
        features: Tensor = self.body(x)
        return features

    def logits(self, features: Tensor) -> Tensor:  # (B, C, h, w) -> (B, K)
        logits: Tensor = self.head(features.mean(dim=(2, 3)))
        return logits


def mobilenet_v2(classes: tuple[str, ...]) -> Network:
    """2.2 M parameters; features (B, 1280, S/32, S/32)."""
    return MobileNet(torchvision.models.mobilenet_v2(), classes)
