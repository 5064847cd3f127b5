"""What the gate is shown to be measured: films, whole, altered or spoiled, and other pictures."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from pneumo import gate
from pneumo.errors import PneumoError, UnsuitableImage
from pneumo.geometry import CANONICAL_PX, canonical
from pneumo.radiograph import decode
from train import foreign
from train.data import Films, load_role, to_uint8
from train.shipped import spread

SHOWN = 50  # pictures of every kind made here
Shown = tuple[Films, list[bool]]  # pictures, and which pass the checks of their pixels


def as_films(pixels: Tensor, aspect: Tensor) -> Films:
    """Pictures of no class, for functions that take films."""
    return Films([""] * len(pixels), pixels.contiguous(), aspect, torch.zeros(len(pixels)).long())


def read_folder(folder: Path) -> Shown:
    """The pictures below a folder, and which pass the checks of their pixels.

    Small ones are enlarged first, so that size alone does not decide.
    """
    squares_, aspects, passed = [], [], []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        try:
            film = decode(path.read_bytes())
        except PneumoError:
            continue
        height, width = film.pixels.shape
        if (grow := CANONICAL_PX / min(height, width)) > 1:
            size = (round(width * grow), round(height * grow))
            grown = np.asarray(Image.fromarray(film.pixels).resize(size, Image.Resampling.BICUBIC))
            film = dataclasses.replace(film, pixels=grown.clip(0, 1).astype(np.float32))
        try:
            gate.require_film(film)
            passed.append(True)
        except UnsuitableImage:
            passed.append(False)
        squares_.append(to_uint8(canonical(film.pixels)))
        aspects.append(film.aspect)
    return as_films(torch.cat(squares_), torch.tensor(aspects)), passed


def groups(data: Path, folders: list[Path]) -> dict[str, dict[str, Shown]]:
    """Everything that is measured, by what it stands for."""
    test = load_role(data, "test")
    some = test.subset(torch.tensor(spread(len(test), SHOWN)))

    def altered(name: str, pixels: Tensor) -> Shown:
        aspect = 1 / some.aspect if name in foreign.QUARTER_TURNS else some.aspect
        return as_films(pixels, aspect), [True] * len(some)

    def drawn(kind: str) -> Shown:
        pictures = foreign.drawn(kind, SHOWN)
        pixels = torch.cat([to_uint8(canonical(each)) for each in pictures])
        sides = torch.tensor([each.shape[1] / each.shape[0] for each in pictures])
        return as_films(pixels, sides), [True] * len(pictures)

    kept = {name: altered(name, change(some.pixels)) for name, change in foreign.KEPT.items()}
    spoiled = {n: altered(n, change(some.pixels)) for n, change in foreign.SPOILED.items()}
    return {
        "films": {"hold-out": (as_films(test.pixels, test.aspect), [True] * len(test))},
        "altered films": kept,
        "spoiled films": spoiled,
        "drawn here": {kind: drawn(kind) for kind in foreign.DRAWN},
        "folders": {folder.name: read_folder(folder) for folder in folders},
    }
