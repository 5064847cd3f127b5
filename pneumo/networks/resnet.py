"""Residual networks (He et al. 2016, arXiv:1512.03385), one grey channel in."""

from __future__ import annotations

import torchvision
from torch import Tensor, nn

from pneumo.networks.attention import CBAM
from pneumo.networks.base import Network


class ResNet(Network):
    """torchvision's ResNet with a one-channel stem; the head reads the pooled features."""

    def __init__(
        self, body: torchvision.models.ResNet, classes: tuple[str, ...], head: nn.Module
    ) -> None:
        super().__init__(classes)
        self.stem = nn.Sequential(
            nn.Conv2d(1, 64, kernel_size=7, stride=2, padding=3, bias=False),
            body.bn1,
            body.relu,
            body.maxpool,
        )
        self.stages = nn.Sequential(body.layer1, body.layer2, body.layer3, body.layer4)
        self.head = head

    def features(self, x: Tensor) -> Tensor:  # (B, 1, S, S) -> (B, C, S/32, S/32)
        features: Tensor = self.stages(self.stem(x))
        return features

    def logits(self, features: Tensor) -> Tensor:  # (B, C, h, w) -> (B, K)
        logits: Tensor = self.head(features.mean(dim=(2, 3)))
        return logits


class AttentiveResNet(ResNet):
    """A ResNet with CBAM after each of its four stages."""

    def __init__(
        self, body: torchvision.models.ResNet, classes: tuple[str, ...], head: nn.Module
    ) -> None:
        super().__init__(body, classes, head)
        self.attention = nn.ModuleList([CBAM(channels) for channels in (64, 128, 256, 512)])

    def features(self, x: Tensor) -> Tensor:  # (B, 1, S, S) -> (B, C, S/32, S/32)
        x = self.stem(x)
        for stage, attend in zip(self.stages, self.attention, strict=True):
            x = attend(stage(x))
        return x


def resnet18(classes: tuple[str, ...]) -> Network:
    """11.2 M parameters; features (B, 512, S/32, S/32)."""
    return ResNet(torchvision.models.resnet18(), classes, nn.Linear(512, len(classes)))


def resnet18_cbam(classes: tuple[str, ...]) -> Network:
    """11.2 M parameters; features (B, 512, S/32, S/32), after the last attention."""
    return AttentiveResNet(torchvision.models.resnet18(), classes, nn.Linear(512, len(classes)))


def resnet50(classes: tuple[str, ...]) -> Network:
    """24.6 M parameters with a head of two hidden layers; features (B, 2048, S/32, S/32)."""
    head = nn.Sequential(
        nn.Linear(2048, 512),
        nn.BatchNorm1d(512),
        nn.ReLU(),
        nn.Dropout(0.4),
        nn.Linear(512, 128),
        nn.ReLU(),
        nn.Linear(128, len(classes)),
    )
    return ResNet(torchvision.models.resnet50(), classes, head)
