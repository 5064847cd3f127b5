"""What the rest of the project knows about a network."""

from __future__ import annotations

import torch
from torch import Tensor, nn

BINARY = ("normal", "pneumonia")
THREE_CLASS = ("normal", "bacterial", "viral")


class Network(nn.Module):
    """A classifier in two halves, so that evidence needs the gradient of the second one only.

    ``classes`` begins with "normal"; P(pneumonia) is always 1 - P(normal).
    """

    # Whether its rounding moves no probability by 0.001: tests/test_engine.py asks the samples.
    stands_bfloat16 = False

    def __init__(self, classes: tuple[str, ...]) -> None:
        if classes not in (BINARY, THREE_CLASS):
            raise ValueError(f"unknown classes: {classes}")
        super().__init__()
        self.classes = classes

    def features(self, x: Tensor) -> Tensor:  # (B, 1, S, S) -> (B, C, h, w)
        """The last convolutional maps, before pooling."""
        raise NotImplementedError

    def logits(self, features: Tensor) -> Tensor:  # (B, C, h, w) -> (B, K)
        """Class logits in the order of ``classes``."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:  # (B, 1, S, S) -> (B, K)
        return self.logits(self.features(x))


def log_odds(logits: Tensor) -> Tensor:  # (B, K) -> (B,)
    """Log-odds of pneumonia: log (1 - P(normal)) - log P(normal)."""
    return torch.logsumexp(logits[:, 1:], dim=1) - logits[:, 0]
