"""From films in memory to what a network sees: boxes, squares, standardised tensors."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from pneumo.geometry import GEOMETRIES, corners_of, sample
from pneumo.lungs import LungNetwork, Lungs, find_lungs
from train import record
from train.data import CACHE, Films

# Grey level of canonical films, role fit; standardises every member's input.
MEAN, STD = 0.48, 0.23
ANSWERS = CACHE / "answers"
CORE = record.HOME / "pneumo"
DECISIVE = [CORE / name for name in ("geometry.py", "gradcam.py", "lungs.py")]
DECISIVE += [*sorted((CORE / "networks").glob("*.py")), record.HOME / "train" / "squares.py"]
LUNGS = record.HOME / "weights" / "lungs.safetensors"


def load_lung_network(path: Path) -> LungNetwork:
    """The lung network of a weight file, in evaluation mode."""
    network = LungNetwork()
    network.load_state_dict(load_file(path), strict=True)
    return network.eval()


def remembered(
    name: str, network: nn.Module, *tensors: Tensor, make: Callable[[], dict[str, Tensor]]
) -> dict[str, Tensor]:
    """What ``make`` returns for this network and these tensors, from disk where it is known.

    Several commands ask the same network about the same films. The key holds all that decides
    the answer, the sources included, so what is remembered is what would be computed.
    """
    whole = hashlib.sha256(f"{type(network).__qualname__} {record.code_sha256(DECISIVE)}".encode())
    for tensor in (*network.state_dict().values(), *tensors):
        whole.update(tensor.contiguous().numpy().tobytes())
    path = ANSWERS / f"{name}-{whole.hexdigest()[:24]}.safetensors"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(make(), path)
    return load_file(path)


def lungs_of(network: LungNetwork, films: Films) -> list[Lungs]:
    """The lungs of every film."""

    def find() -> dict[str, Tensor]:
        found = [find_lungs(network, film[None].float() / 255) for film in films.pixels]
        masks = np.packbits([lungs.mask.ravel() for lungs in found], axis=1)
        certainty = torch.tensor([lungs.certainty for lungs in found], dtype=torch.float64)
        return {"masks": torch.from_numpy(masks), "certainty": certainty}

    known = remembered("lungs", network, films.pixels, make=find)
    masks = np.unpackbits(known["masks"].numpy(), axis=1).astype(bool)
    masks = masks.reshape(len(films), *films.pixels.shape[2:])
    masks.setflags(write=False)
    return [Lungs(m, c) for m, c in zip(masks, known["certainty"].tolist(), strict=True)]


def corners_for(films: Films, geometry: str, lungs: Path = LUNGS) -> Tensor:
    """The box of every film as an affine map (N, 2, 3), from the lung network's masks."""
    place = GEOMETRIES[geometry]
    found = lungs_of(load_lung_network(lungs), films)
    pairs = zip(films.aspect.tolist(), found, strict=True)
    return torch.stack([corners_of(place(aspect, each.mask)) for aspect, each in pairs])


def standardise(x: Tensor) -> Tensor:
    """Squares in [0, 1] on the scale that every member expects."""
    return ((x - MEAN) / STD).contiguous(memory_format=torch.channels_last)


def squares(films: Films, corners: Tensor, size_px: int, batch: int = 128) -> list[Tensor]:
    """Unaugmented squares, as reading cuts them, in batches (B, 1, S, S)."""
    return [
        standardise(sample(x.float() / 255, c, size_px))
        for x, c in zip(films.pixels.split(batch), corners.split(batch), strict=True)
    ]
