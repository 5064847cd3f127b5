"""Densely connected networks (Huang et al. 2017, arXiv:1608.06993), CheXNet's backbone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn
from torch.nn import functional as F

from pneumo.networks.base import Network

if TYPE_CHECKING:
    import torchvision


class DenseNet(Network):
    """torchvision's DenseNet with a one-channel stem and a linear head on the pooled features."""

    def __init__(self, body: torchvision.models.DenseNet, classes: tuple[str, ...]) -> None:
        super().__init__(classes)
        self.body = body.features
        self.body.conv0 = nn.Conv2d(1, 64, kernel_size=7, stride=2, padding=3, bias=False)
        self.head = nn.Linear(body.classifier.in_features, len(classes))

    def features(self, x: Tensor) -> Tensor:  # (B, 1, S, S) -> (B, C, S/32, S/32)
        return F.relu(self.body(x))

    def logits(self, features: Tensor) -> Tensor:  # (B, C, h, w) -> (B, K)
        logits: Tensor = self.head(features.mean(dim=(2, 3)))
        return logits


def densenet121(classes: tuple[str, ...]) -> Network:
    """7.0 M parameters; features (B, 1024, S/32, S/32)."""
    import torchvision  # here: it takes two seconds, and no member of the ensemble needs it

    return DenseNet(torchvision.models.densenet121(), classes)
