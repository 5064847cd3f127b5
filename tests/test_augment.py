"""Augmentation moves what a shortcut could live in, and nothing else."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor

from pneumo.geometry import CANONICAL_PX, WHOLE_FILM, corners_of, sample
from train.augment import Jitter, augment, erase, jitter_corners, mix

STILL = Jitter(**{f.name: 0.0 for f in dataclasses.fields(Jitter)})
WILD = Jitter(exposure=0.5, contrast=1.0, gamma=1.0, blur=1.0, noise=1.0, erase=1.0)
CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
DEVICES = ["cpu", pytest.param("cuda", marks=CUDA)]


def films(count: int = 6) -> Tensor:
    """Noise, uint8 (N, 1, 224, 224)."""
    shape = (count, 1, CANONICAL_PX, CANONICAL_PX)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=seeded(9))


def boxes(count: int = 6) -> Tensor:
    return corners_of(WHOLE_FILM).repeat(count, 1, 1)


def seeded(seed: int, device: str = "cpu") -> torch.Generator:
    return torch.Generator(device).manual_seed(seed)


@pytest.mark.parametrize("device", DEVICES)
def test_one_seed_gives_one_augmentation_and_another_seed_another(device: str) -> None:
    x, corners = films().to(device), boxes().to(device)
    first, again, other = (
        augment(x, corners, 64, Jitter(), seeded(seed, device)) for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("device", DEVICES)
def test_the_hardest_augmentation_still_gives_a_picture(device: str) -> None:
    x = augment(films().to(device), boxes().to(device), 64, WILD, seeded(3, device))
    assert x.shape == (6, 1, 64, 64)
    assert x.min() >= 0
    assert x.max() <= 1
    assert torch.isfinite(x).all()
    assert x.flatten(1).std(dim=1).min() > 0.01  # and is not one grey


def test_without_jitter_training_sees_what_reading_sees() -> None:
    plain = sample(films().float() / 255, boxes(), 64)
    torch.testing.assert_close(
        augment(films(), boxes(), 64, STILL, seeded(0)), plain, atol=1e-4, rtol=0
    )


def test_a_mirrored_box_gives_the_mirrored_square() -> None:
    mirrored = jitter_corners(boxes(), dataclasses.replace(STILL, flip=1.0), seeded(0))
    x = films().float() / 255
    torch.testing.assert_close(sample(x, mirrored, 64), sample(x, boxes(), 64).flip(3))


def test_the_share_of_erased_films_is_the_share_asked_for() -> None:
    x = torch.full((400, 1, 16, 16), 0.5)
    changed = (erase(x.clone(), 0.4, seeded(5)) != x).flatten(1).any(dim=1)
    assert 0.33 < changed.float().mean() < 0.47
    assert torch.equal(erase(x.clone(), 0.0, seeded(5)), x)


@pytest.mark.parametrize("cutmix", [0.0, 1.0])
def test_a_mixed_target_says_how_much_of_each_film_is_in_the_square(cutmix: float) -> None:
    grey = torch.linspace(0, 1, 5)
    x = grey[:, None, None, None].expand(5, 1, 32, 32)
    for seed in range(8):
        mixed, target = mix(x, torch.eye(5), seeded(seed), alpha=0.8, cutmix=cutmix)
        torch.testing.assert_close(target.sum(dim=1), torch.ones(5))
        torch.testing.assert_close(mixed.mean(dim=(1, 2, 3)), target @ grey)


def test_mixing_can_be_switched_off() -> None:
    x, target = torch.rand(4, 1, 8, 8), torch.eye(4)
    assert mix(x, target, seeded(0), alpha=0, cutmix=1.0) == (x, target)
