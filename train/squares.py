"""From films in memory to what a network sees: boxes, squares, standardised tensors."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from pneumo.geometry import GEOMETRIES, corners_of, sample
from pneumo.lungs import LungNetwork, find_lungs
from train.data import CACHE, Films

# Grey level of canonical films, role fit; standardises every member's input.
MEAN, STD = 0.48, 0.23
LUNGS = Path(__file__).parents[1] / "weights" / "lungs.safetensors"


def load_lung_network(path: Path) -> LungNetwork:
    """The lung network of a weight file, in evaluation mode."""
    network = LungNetwork()
    network.load_state_dict(load_file(path), strict=True)
    return network.eval()


@torch.no_grad()
def corners_for(films: Films, geometry: str, lungs: Path = LUNGS) -> Tensor:
    """The box of every film as an affine map (N, 2, 3), from the lung network's masks; cached."""
    key = hashlib.sha256(lungs.read_bytes() + "\n".join([geometry, *films.paths]).encode())
    cached = CACHE / f"boxes-{key.hexdigest()[:16]}.pt"
    if cached.exists():
        corners: Tensor = torch.load(cached, weights_only=True)
        return corners
    network = load_lung_network(lungs)
    boxes = []
    for film, aspect in zip(films.pixels, films.aspect, strict=True):
        mask = find_lungs(network, film[None].float() / 255).mask
        boxes.append(corners_of(GEOMETRIES[geometry](float(aspect), mask)))
    corners = torch.stack(boxes)
    torch.save(corners, cached)
    return corners


def standardise(x: Tensor) -> Tensor:
    """Squares in [0, 1] on the scale that every member expects."""
    return ((x - MEAN) / STD).contiguous(memory_format=torch.channels_last)


def squares(films: Films, corners: Tensor, size_px: int, batch: int = 128) -> list[Tensor]:
    """Unaugmented squares, as reading cuts them, in batches (B, 1, S, S)."""
    return [
        standardise(sample(x.float() / 255, c, size_px))
        for x, c in zip(films.pixels.split(batch), corners.split(batch), strict=True)
    ]
