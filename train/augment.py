"""Batched augmentation on tensors: where a member looks, and how the film was exposed.

Everything a shortcut could live in is jittered hard: the extent and aspect of the box (the
frame), exposure and gamma (the device), sharpness, noise, and whole patches (letters, leads).
A horizontal flip moves the heart to the other side; it is used in training, and never on screen.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from pneumo.geometry import sample


@dataclass(frozen=True)
class Jitter:
    """How far each property is moved. All are standard deviations or shares, per film."""

    zoom: float = 0.10  # log-scale of the box's size
    aspect: float = 0.12  # log-scale of the box's width / height
    shift: float = 0.04  # of the box's side
    rotate: float = 0.10  # radians, about 6 degrees
    shear: float = 0.05
    collimate: float = 0.3  # share of films whose margins are blacked out, up to 0.2 of each side
    flip: float = 0.5  # share of films mirrored
    exposure: float = 0.08  # of the full range
    contrast: float = 0.20  # log-scale
    gamma: float = 0.25  # log-scale
    blur: float = 0.3  # share of films blurred, up to 1.5 pixels
    noise: float = 0.3  # share of films with noise, up to 0.06
    erase: float = 0.4  # share of films with patches painted over


def jitter_corners(corners: Tensor, jitter: Jitter, generator: torch.Generator) -> Tensor:
    """Move the boxes (B, 2, 3) that ``geometry.sample`` cuts."""

    device = generator.device

    def normal(scale: float) -> Tensor:
        return scale * torch.randn(len(corners), generator=generator, device=device)

    zoom, aspect = normal(jitter.zoom).exp(), normal(jitter.aspect / 2).exp()
    angle, shear = normal(jitter.rotate), normal(jitter.shear)
    chance = torch.rand(len(corners), generator=generator, device=device)
    mirror = 1 - 2 * (chance < jitter.flip).float()
    cos, sin = angle.cos(), angle.sin()
    turn = torch.stack(
        [
            torch.stack([zoom * aspect * cos * mirror, -zoom * sin + shear], dim=1),
            torch.stack([zoom * sin * mirror, zoom / aspect * cos], dim=1),
        ],
        dim=1,
    )  # (B, 2, 2), within the square
    shift = 2 * torch.stack([normal(jitter.shift), normal(jitter.shift)], dim=1)[:, :, None]
    inner = torch.cat([turn, shift], dim=2)  # (B, 2, 3)
    moved = corners[:, :, :2] @ inner
    moved[:, :, 2] += corners[:, :, 2]
    return moved


def collimate(x: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Black out random margins of a share of squares (B, 1, S, S), as a collimator does."""
    if share == 0:
        return x
    batch, size, device = len(x), x.shape[-1], generator.device
    margins = 0.2 * torch.rand(batch, 4, 1, generator=generator, device=device)
    left, right, top, bottom = margins.unbind(dim=1)  # (B, 1) each
    at = (torch.arange(size, device=device) + 0.5)[None] / size  # (1, S)
    columns = (at >= left) & (at <= 1 - right)
    rows = (at >= top) & (at <= 1 - bottom)
    open_field = rows[:, None, :, None] & columns[:, None, None, :]
    spared = torch.rand(batch, generator=generator, device=device) >= share
    return x * (open_field | spared[:, None, None, None])


def expose(x: Tensor, jitter: Jitter, generator: torch.Generator) -> Tensor:
    """Change exposure, contrast, gamma, sharpness and noise of squares (B, 1, S, S) in [0, 1]."""
    batch, device = (len(x), 1, 1, 1), generator.device

    def normal(scale: float) -> Tensor:
        return scale * torch.randn(batch, generator=generator, device=device)

    def uniform() -> Tensor:
        return torch.rand(batch, generator=generator, device=device)

    def chosen(share: float) -> Tensor:
        return (uniform() < share).float()

    x = x.clamp(1e-4, 1) ** normal(jitter.gamma).exp()
    middle = x.mean(dim=(2, 3), keepdim=True)
    x = (x - middle) * normal(jitter.contrast).exp() + middle + normal(jitter.exposure)
    soft = _blurred(_blurred(x))
    amount = chosen(jitter.blur) * uniform()
    x = x + amount * (soft - x)
    level = 0.06 * chosen(jitter.noise) * uniform()
    x = x + level * torch.randn(x.shape, generator=generator, device=device)
    return x.clamp(0, 1)


def _blurred(x: Tensor) -> Tensor:
    """One pass of the binomial kernel (1, 2, 1) / 4 along both axes; two blur by about a pixel."""
    # Slices, since a convolution of one channel is ten times slower on a CPU.
    p = F.pad(x, (1, 1, 0, 0), "replicate")
    x = 0.5 * x + 0.25 * (p[..., :-2] + p[..., 2:])
    p = F.pad(x, (0, 0, 1, 1), "replicate")
    return 0.5 * x + 0.25 * (p[..., :-2, :] + p[..., 2:, :])


def erase(x: Tensor, share: float, generator: torch.Generator, *, patches: int = 3) -> Tensor:
    """Paint up to three random patches of some squares with one random grey each."""
    generator, size = on_cpu(generator), x.shape[-1]
    for i in range(len(x)):
        if torch.rand((), generator=generator) >= share:
            continue
        for _ in range(int(torch.randint(1, patches + 1, (), generator=generator))):
            sides = torch.rand(2, generator=generator) * 0.25 + 0.05
            h, w = (sides * size).int().tolist()
            top = int(torch.randint(0, size - h + 1, (), generator=generator))
            left = int(torch.randint(0, size - w + 1, (), generator=generator))
            x[i, 0, top : top + h, left : left + w] = torch.rand((), generator=generator)
    return x


def on_cpu(generator: torch.Generator) -> torch.Generator:
    """A generator for single decisions: reading each from a GPU would wait for all its work."""
    if generator.device.type == "cpu":
        return generator
    seed = torch.randint(2**62, (), generator=generator, device=generator.device)
    return torch.Generator().manual_seed(int(seed))


def augment(
    films: Tensor, corners: Tensor, size_px: int, jitter: Jitter, generator: torch.Generator
) -> Tensor:
    """Training squares (B, 1, S, S) in [0, 1] from uint8 canonical films (B, 1, 224, 224).

    Films, corners and generator share a device.
    """
    x = sample(films.float() / 255, jitter_corners(corners, jitter, generator), size_px)
    x = collimate(x, jitter.collimate, generator)
    return erase(expose(x, jitter, generator), jitter.erase, generator)


def mix(
    x: Tensor, target: Tensor, generator: torch.Generator, *, alpha: float, cutmix: float
) -> tuple[Tensor, Tensor]:
    """Mixup (arXiv:1710.09412) or, for a share of batches, cutmix (arXiv:1905.04899).

    ``x`` is (B, 1, S, S), ``target`` (B, K) class probabilities.
    """
    if alpha == 0:
        return x, target
    generator = on_cpu(generator)
    partner = torch.randperm(len(x), generator=generator)
    gammas = torch._standard_gamma(torch.full((2,), alpha), generator=generator)
    keep = float(gammas[0] / gammas.sum())
    if torch.rand((), generator=generator) < cutmix:
        size = x.shape[-1]
        side = round(size * (1 - keep) ** 0.5)
        top = int(torch.randint(0, size - side + 1, (), generator=generator))
        left = int(torch.randint(0, size - side + 1, (), generator=generator))
        x = x.clone()
        x[:, :, top : top + side, left : left + side] = x[
            partner, :, top : top + side, left : left + side
        ]
        keep = 1 - (side / size) ** 2
    else:
        x = keep * x + (1 - keep) * x[partner]
    return x, keep * target + (1 - keep) * target[partner]
