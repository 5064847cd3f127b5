"""Residual networks (He et al. 2016, arXiv:1512.03385), one grey channel in.

The blocks and the names in them are torchvision's, so that its weights fit. They are written out
because importing torchvision takes as long as importing torch, and every start would wait for it.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from pneumo.networks.attention import CBAM
from pneumo.networks.base import Network

WIDTHS = (64, 128, 256, 512)  # of the four stages; the first keeps the size, the others halve it


class Block(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut."""

    EXPANSION = 1

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = _shortcut(inputs, width * self.EXPANSION, stride)

    def forward(self, x: Tensor) -> Tensor:  # (B, C, h, w) -> (B, C', h / stride, w / stride)
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return F.relu(y + self.downsample(x))


class Bottleneck(nn.Module):
    """A 3 x 3 convolution between two of 1 x 1, beside a shortcut; the stride is in the middle."""

    EXPANSION = 4

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = width * self.EXPANSION
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.downsample = _shortcut(inputs, outputs, stride)

    def forward(self, x: Tensor) -> Tensor:  # (B, C, h, w) -> (B, C', h / stride, w / stride)
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return F.relu(y + self.downsample(x))


def _shortcut(inputs: int, outputs: int, stride: int) -> nn.Module:
    if stride == 1 and inputs == outputs:
        return nn.Identity()
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(outputs)
    )


class ResNet(Network):
    """A stem, four stages of blocks, and a head that reads the pooled features."""

    stands_bfloat16 = True

    def __init__(
        self,
        classes: tuple[str, ...],
        block: type[Block | Bottleneck],
        depths: Sequence[int],
        head: nn.Module,
    ) -> None:
        super().__init__(classes)
        self.stem = nn.Sequential(
            nn.Conv2d(1, 64, kernel_size=7, stride=2, padding=3, bias=False),
            nn.BatchNorm2d(64),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=3, stride=2, padding=1),
        )
        stages, inputs = [], 64
        for stage, (width, depth) in enumerate(zip(WIDTHS, depths, strict=True)):
            blocks = []
            for place in range(depth):
                blocks.append(block(inputs, width, stride=2 if stage and not place else 1))
                inputs = width * block.EXPANSION
            stages.append(nn.Sequential(*blocks))
        self.stages = nn.Sequential(*stages)
        self.head = head

    def features(self, x: Tensor) -> Tensor:  # (B, 1, S, S) -> (B, C, S/32, S/32)
        features: Tensor = self.stages(self.stem(x))
        return features

    def logits(self, features: Tensor) -> Tensor:  # (B, C, h, w) -> (B, K)
        logits: Tensor = self.head(features.mean(dim=(2, 3)))
        return logits


class AttentiveResNet(ResNet):
    """A ResNet of 18 layers with CBAM after each of its four stages."""

    def __init__(self, classes: tuple[str, ...]) -> None:
        super().__init__(classes, Block, (2, 2, 2, 2), nn.Linear(512, len(classes)))
        self.attention = nn.ModuleList([CBAM(channels) for channels in WIDTHS])

    def features(self, x: Tensor) -> Tensor:  # (B, 1, S, S) -> (B, C, S/32, S/32)
        x = self.stem(x)
        for stage, attend in zip(self.stages, self.attention, strict=True):
            x = attend(stage(x))
        return x


def resnet18(classes: tuple[str, ...]) -> Network:
    """11.2 M parameters; features (B, 512, S/32, S/32)."""
    return ResNet(classes, Block, (2, 2, 2, 2), nn.Linear(512, len(classes)))


def resnet18_cbam(classes: tuple[str, ...]) -> Network:
    """11.2 M parameters; features (B, 512, S/32, S/32), after the last attention."""
    return AttentiveResNet(classes)


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
    return ResNet(classes, Bottleneck, (3, 4, 6, 3), head)
