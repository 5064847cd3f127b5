"""A fixed set of synthetic shifts: what another room, device or copy does to the same film.

Each takes canonical films, uint8 (N, 1, 224, 224), and returns new ones of the same shape. Noise
is seeded by its place in the batch, so the same films always come out the same.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F
from torchvision.transforms.functional import gaussian_blur

SEED = 0
MARKER = 0.16  # of the side: a burned-in letter with its surroundings


def _on_grey(change: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """Apply a change on [0, 1] to uint8 films."""
    return lambda films: (change(films.float() / 255).clamp(0, 1) * 255).round().to(torch.uint8)


def _noise(x: Tensor) -> Tensor:
    generator = torch.Generator().manual_seed(SEED)
    return x + 0.04 * torch.randn(x.shape, generator=generator)


def _low_contrast(x: Tensor) -> Tensor:
    middle = x.mean(dim=(2, 3), keepdim=True)
    return middle + 0.6 * (x - middle)


def crop(films: Tensor, *, margin: float = 0.06) -> Tensor:
    """Cut the margins of the films and stretch the rest, as a tighter collimation would."""
    size = films.shape[-1]
    cut = round(margin * size)
    inner = films[:, :, cut : size - cut, cut : size - cut].float()
    grown = F.interpolate(inner, (size, size), mode="bilinear", align_corners=False)
    return grown.round().to(torch.uint8)


def erase_markers(films: Tensor) -> Tensor:
    """Paint the four corners, where letters are burned in, with each corner's own median grey."""
    films = films.clone()
    side = round(MARKER * films.shape[-1])
    for rows in (slice(None, side), slice(-side, None)):
        for columns in (slice(None, side), slice(-side, None)):
            corner = films[:, :, rows, columns]
            median = corner.flatten(2).median(dim=2).values  # (N, 1)
            films[:, :, rows, columns] = median[:, :, None, None]
    return films


def compress(films: Tensor, *, quality: int = 25) -> Tensor:
    """Store every film as a JPEG of low quality and read it back."""
    copies = []
    for film in films[:, 0]:
        file = io.BytesIO()
        Image.fromarray(film.numpy()).save(file, "JPEG", quality=quality)
        copies.append(torch.from_numpy(np.array(Image.open(file))))
    return torch.stack(copies)[:, None]


SHIFTS: dict[str, Callable[[Tensor], Tensor]] = {
    "exposure_up": _on_grey(lambda x: x + 0.15),
    "exposure_down": _on_grey(lambda x: x - 0.15),
    "gamma_up": _on_grey(lambda x: x**1.5),
    "gamma_down": _on_grey(lambda x: x ** (1 / 1.5)),
    "contrast_low": _on_grey(_low_contrast),
    "blur": _on_grey(lambda x: gaussian_blur(x, kernel_size=[9, 9], sigma=[1.5, 1.5])),
    "noise": _on_grey(_noise),
    "crop": crop,
    "marker_erased": erase_markers,
    "jpeg": compress,
}
