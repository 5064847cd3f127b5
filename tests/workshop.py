"""Invented pictures laid out as the real films are, and a network small enough to train on them."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor, nn

from pneumo.networks import Network

COUNTS = {
    "fit": (12, 12, 12),
    "select": (8, 8, 8),
    "calibrate": (4, 4, 4),
}  # normal, bacterial, viral
PATHS = (
    "train/NORMAL/IM-{:04d}-0001.jpeg",
    "train/PNEUMONIA/person{}_bacteria_1.jpeg",
    "train/PNEUMONIA/person{}_virus_1.jpeg",
)


class Small(Network):
    """Everything that a resumed run must restore: BatchNorm, dropout, two stages and a head."""

    def __init__(self, classes: tuple[str, ...]) -> None:
        super().__init__(classes)
        self.stem = nn.Sequential(nn.Conv2d(1, 8, 5, stride=4), nn.BatchNorm2d(8), nn.ReLU())
        self.deep = nn.Sequential(nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout(0.2))
        self.head = nn.Linear(8, len(classes))

    def features(self, x: Tensor) -> Tensor:  # (B, 1, S, S) -> (B, 8, h, w)
        maps: Tensor = self.deep(self.stem(x))
        return maps

    def logits(self, features: Tensor) -> Tensor:  # (B, 8, h, w) -> (B, K)
        logits: Tensor = self.head(features.mean(dim=(2, 3)))
        return logits


def invented(kind: int, chance: np.random.Generator) -> Image.Image:
    """Noise for a normal chest; broad stripes for bacterial, narrow ones for viral pneumonia."""
    columns = np.arange(int(chance.integers(50, 80)))
    grey = chance.integers(0, 120, (64, len(columns)))
    if kind:
        grey = grey + 100 * (np.sin(columns / (6 if kind == 1 else 1.5)) > 0)
    return Image.fromarray(grey.astype(np.uint8))


def write_films(folder: Path) -> None:
    """Write the pictures of two roles, and split.csv beside them."""
    chance = np.random.default_rng(0)
    rows: list[tuple[str, str]] = [("path", "role")]
    for role, counts in COUNTS.items():
        for kind, count in enumerate(counts):
            for _ in range(count):
                path = PATHS[kind].format(len(rows))
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                invented(kind, chance).save(folder / path)
                rows.append((path, role))
    with (folder / "split.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
