"""How composites are made, against pictures whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from pneumo.geometry import CANONICAL_PX
from train.composite import (
    SOURCES,
    compose,
    correlation,
    effective_number,
    radial_amplitude,
    register,
    sharpen,
    without_letters,
)
from train.examples import Resemblance, typical_sevens
from train.privacy import detail


def chest(seed: int, *, grain: float = 0.05) -> Tensor:
    """A drawn chest (224, 224): two dark lungs in a bright body in dark air, and a texture."""
    axis = torch.linspace(-1, 1, CANONICAL_PX)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    body = ((x / 0.85) ** 4 + (y / 1.3) ** 4 < 1).float() * 0.7
    for side in (-0.4, 0.4):
        body -= (((x - side) / 0.25) ** 2 + ((y + 0.1) / 0.6) ** 2 < 1).float() * 0.45
    blurred = F.avg_pool2d(body[None, None], 5, 1, 2)[0, 0]
    texture = torch.randn(CANONICAL_PX, CANONICAL_PX, generator=torch.Generator().manual_seed(seed))
    return (blurred + 0.1 + grain * texture).clamp(0, 1)


def lungs() -> Tensor:
    axis = torch.linspace(-1, 1, CANONICAL_PX)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    return ((((x.abs() - 0.4) / 0.25) ** 2 + ((y + 0.1) / 0.6) ** 2 < 1) * 255).to(torch.uint8)


def test_registration_finds_the_map_that_moved_a_film() -> None:
    film = chest(0)[None, None]
    true = torch.tensor([[[1.05, 0.04, 0.06], [-0.03, 0.96, -0.05]]])
    grid = F.affine_grid(true, list(film.shape), align_corners=False)
    moved = F.grid_sample(film, grid, padding_mode="border", align_corners=False)
    found = register(moved, film)
    torch.testing.assert_close(found, true, atol=0.015, rtol=0)


def test_a_letter_beside_the_chest_is_filled_and_the_lungs_are_left_alone() -> None:
    clean = chest(0, grain=0.01).numpy()
    lettered = clean.copy()
    lettered[30:45, 30:33] = lettered[30:45, 40:43] = lettered[36:39, 30:43] = 1.0  # an H
    filled = without_letters(lettered, lungs().numpy() > 0)
    assert np.abs(filled - clean)[30:45, 30:43].mean() < 0.03
    np.testing.assert_array_equal(filled[60:170, 50:175], clean[60:170, 50:175])


def test_sharpening_gives_averaged_texture_its_amplitude_back_within_the_limit() -> None:
    films = torch.stack([chest(seed) for seed in range(SOURCES)])
    target = torch.stack([radial_amplitude(f) for f in films]).mean(dim=0)
    mean = films.mean(dim=0)
    fine = slice(20, 40)  # of 48 radial bins: texture only
    lost = radial_amplitude(mean)[fine] / target[fine]
    assert float(lost.mean()) == pytest.approx(SOURCES**-0.5, abs=0.03)
    restored = radial_amplitude(sharpen(mean, target))[fine] / target[fine]
    assert float(restored.mean()) == pytest.approx(1, abs=0.05)
    faint = radial_amplitude(sharpen(mean, 100 * target)) / radial_amplitude(mean)
    assert float(faint.max()) < SOURCES**0.5 + 0.05


def test_a_composite_holds_no_more_of_one_child_than_of_another() -> None:
    films = torch.stack([chest(seed) for seed in range(SOURCES)])[:, None]
    composite = compose(films, lungs().expand(SOURCES, 1, -1, -1), aspect=1.3)
    shares = correlation(detail(composite.pixels[None]), detail(composite.sources))
    assert float(shares.max()) < 0.6
    assert float(shares.max() - shares.min()) < 0.15
    height, width = composite.pixels.shape
    assert width / height == pytest.approx(1.3, rel=0.1)


def test_three_equal_weights_count_as_three_children_and_one_alone_as_one() -> None:
    weight = torch.zeros(SOURCES, 1, 2)
    weight[:3, 0, 0] = 0.5
    weight[3, 0, 1] = 1.0
    torch.testing.assert_close(effective_number(weight), torch.tensor([[3.0, 1.0]]))


def test_the_seven_are_seven_children_and_no_child_is_used_twice() -> None:
    children = [film // 3 for film in range(90)]  # three films of each of thirty children
    place = torch.rand(90, 2, generator=torch.Generator().manual_seed(1)) * 0.01
    place += torch.tensor(children)[:, None] * 0.001  # films of one child are nearest of all
    alike = Resemblance(1 - torch.cdist(place, place), children)
    used = {0, 1}
    sevens = typical_sevens(alike, 3, used=used)
    shown = [children[film] for seven in sevens for film in seven]
    assert len(shown) == len(set(shown)) == len(sevens) * SOURCES
    assert not {0, 1} & set(shown)
    assert used == {0, 1, *shown}
