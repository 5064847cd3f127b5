"""Inverted residuals (Sandler et al. 2018, MobileNetV2, arXiv:1801.04381), one grey channel in.

The layers and their names are torchvision's; see networks.resnet for why they are written out.
"""

from __future__ import annotations

from torch import Tensor, nn

from pneumo.networks.base import Network

# Expansion, channels out, blocks, stride of the first block.
STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
STEM, LAST = 32, 1280


def _layer(
    inputs: int, outputs: int, size: int = 1, *, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    frame = size // 2
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, frame, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU6(inplace=True),
    )


class InvertedResidual(nn.Module):
    """Widen, look at each channel by itself, narrow; with a shortcut where the shape stays."""

    def __init__(self, inputs: int, outputs: int, *, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inputs * expansion
        self.shortcut = stride == 1 and inputs == outputs
        self.conv = nn.Sequential(
            *([_layer(inputs, wide)] if expansion > 1 else []),
            _layer(wide, wide, 3, stride=stride, groups=wide),
            nn.Conv2d(wide, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )

    def forward(self, x: Tensor) -> Tensor:  # (B, C, h, w) -> (B, C', h / stride, w / stride)
        y: Tensor = self.conv(x)
        return x + y if self.shortcut else y


class MobileNet(Network):
    """MobileNetV2 with its own dropout before the head."""

    def __init__(self, classes: tuple[str, ...]) -> None:
        super().__init__(classes)
        layers: list[nn.Module] = [_layer(1, STEM, 3, stride=2)]
        inputs = STEM
        for expansion, outputs, blocks, stride in STAGES:
            for place in range(blocks):
                layers.append(
                    InvertedResidual(
                        inputs, outputs, stride=1 if place else stride, expansion=expansion
                    )
                )
                inputs = outputs
        self.body = nn.Sequential(*layers, _layer(inputs, LAST))
        self.head = nn.Sequential(nn.Dropout(0.2), nn.Linear(LAST, len(classes)))

    def features(self, x: Tensor) -> Tensor:  # (B, 1, S, S) -> (B, C, S/32, S/32)
        features: Tensor = self.body(x)
        return features

    def logits(self, features: Tensor) -> Tensor:  # (B, C, h, w) -> (B, K)
        logits: Tensor = self.head(features.mean(dim=(2, 3)))
        return logits


def mobilenet_v2(classes: tuple[str, ...]) -> Network:
    """2.2 M parameters; features (B, 1280, S/32, S/32)."""
    return MobileNet(classes)
