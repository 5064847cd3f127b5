"""Architectures by name. Every one maps (B, 1, S, S) to features and features to class logits."""

from collections.abc import Callable

from pneumo.networks.base import BINARY, THREE_CLASS, Network
from pneumo.networks.densenet import densenet121
from pneumo.networks.resnet import resnet18

ARCHITECTURES: dict[str, Callable[[tuple[str, ...]], Network]] = {
    "densenet121": densenet121,
    "resnet18": resnet18,
}

__all__ = ["ARCHITECTURES", "BINARY", "THREE_CLASS", "Network"]
