"""Architectures by name. Every one maps (B, 1, S, S) to features and features to class logits."""

from collections.abc import Callable

from pneumo.networks.base import BINARY, THREE_CLASS, Network
from pneumo.networks.cnn import cnn3, cnn5
from pneumo.networks.densenet import densenet121
from pneumo.networks.mobilenet import mobilenet_v2
from pneumo.networks.resnet import resnet18, resnet18_cbam, resnet50

ARCHITECTURES: dict[str, Callable[[tuple[str, ...]], Network]] = {
    "cnn3": cnn3,
    "cnn5": cnn5,
    "densenet121": densenet121,
    "mobilenet_v2": mobilenet_v2,
    "resnet18": resnet18,
    "resnet18_cbam": resnet18_cbam,
    "resnet50": resnet50,
}

__all__ = ["ARCHITECTURES", "BINARY", "THREE_CLASS", "Network"]
