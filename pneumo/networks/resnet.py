"""Residual networks (He et al. 2016, arXiv:1512.03385), one grey channel in."""

from __future__ import annotations

import torchvision
from torch import Tensor, nn

from pneumo.networks.base import Network


class ResNet(Network):
    """torchvision's ResNet with a one-channel stem and a linear head on the pooled features."""

    def __init__(self, body: torchvision.models.ResNet, classes: tuple[str, ...]) -> None:
        super().__init__(classes)
        self.stem = nn.Sequential(
            nn.Conv2d(1, 64, kernel_size=7, stride=2, padding=3, bias=False),
            body.bn1,
            body.relu,
            body.maxpool,
        )
        self.stages = nn.Sequential(body.layer1, body.layer2, body.layer3, body.layer4)
        self.head = nn.Linear(body.fc.in_features, len(classes))

    def features(self, x: Tensor) -> Tensor:  # (B, 1, S, S) -> (B, C, S/32, S/32)
        features: Tensor = self.stages(self.stem(x))
        return features

    def logits(self, features: Tensor) -> Tensor:  # (B, C, h, w) -> (B, K)
        logits: Tensor = self.head(features.mean(dim=(2, 3)))
        return logits


def resnet18(classes: tuple[str, ...]) -> Network:
    """11.2 M parameters; features (B, 512, S/32, S/32)."""
    return ResNet(torchvision.models.resnet18(), classes)
