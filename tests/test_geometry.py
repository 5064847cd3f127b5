"""Film to square and back."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from pneumo.geometry import (
    BY_LUNGS,
    CANONICAL_PX,
    GEOMETRIES,
    NO_LUNGS,
    Box,
    canonical,
    centre_crop,
    lung_box,
    to_film,
    to_square,
)

ASPECTS = [0.7, 1.0, 1.37, 2.4]


def smooth_film(height: int, width: int, *, seed: int = 0) -> np.ndarray:
    """A film without detail finer than a twelfth of its side, float32 (H, W) in [0, 1]."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    y, x = (y + 0.5) / height, (x + 0.5) / width
    film = np.zeros((height, width))
    for _ in range(8):
        down, across, phase = rng.uniform([-6, -6, 0], [6, 6, 2 * np.pi])
        film += np.sin(2 * np.pi * (down * y + across * x) + phase)
    return ((film - film.min()) / np.ptp(film)).astype(np.float32)


def ellipses(height: int, width: int) -> np.ndarray:
    """Two lung-like fields, bool (H, W), placed in fractions of the film."""
    y, x = np.mgrid[0:height, 0:width]
    y, x = (y + 0.5) / height, (x + 0.5) / width
    return np.logical_or.reduce(
        [((x - c) / 0.12) ** 2 + ((y - 0.5) / 0.3) ** 2 < 1 for c in (0.33, 0.66)]
    )


@pytest.mark.parametrize("aspect", ASPECTS)
def test_the_centre_crop_is_a_true_square_that_spans_the_short_edge(aspect: float) -> None:
    box = centre_crop(aspect, NO_LUNGS)
    width_px, height_px = (box.right - box.left) * aspect, box.bottom - box.top
    assert width_px == pytest.approx(height_px)
    assert width_px == pytest.approx(min(aspect, 1))
    assert box.left + box.right == pytest.approx(1)
    assert box.top + box.bottom == pytest.approx(1)


@pytest.mark.parametrize("aspect", ASPECTS)
@pytest.mark.parametrize("size_px", [96, 128, 192, 224])
@pytest.mark.parametrize("geometry", sorted(set(GEOMETRIES) - {"letterbox"}))
def test_no_square_has_bars(geometry: str, size_px: int, aspect: float) -> None:
    white = torch.ones(1, 1, CANONICAL_PX, CANONICAL_PX)
    box = GEOMETRIES[geometry](aspect, ellipses(CANONICAL_PX, CANONICAL_PX))
    assert to_square(white, box, size_px=size_px).min() == pytest.approx(1, abs=1e-5)


def test_a_circle_on_the_film_is_a_circle_in_the_centre_crop() -> None:
    height, width = 300, 500
    y, x = np.mgrid[0:height, 0:width]
    film = ((x - 250) ** 2 + (y - 150) ** 2 < 75**2).astype(np.float32)
    box = centre_crop(width / height, NO_LUNGS)
    disc = to_square(canonical(film), box, size_px=192)[0, 0] > 0.5
    across, down = int(disc.any(dim=0).sum()), int(disc.any(dim=1).sum())
    assert across == pytest.approx(96, abs=2)  # diameter 150 of 300 film pixels, at 192 pixels
    assert down == pytest.approx(96, abs=2)


@pytest.mark.parametrize("box", [Box(0, 0, 1, 1), Box(0.1, 0.25, 0.7, 0.95)])
def test_to_film_is_the_inverse_of_to_square(box: Box) -> None:
    film = canonical(smooth_film(400, 500))
    laid = to_film(to_square(film, box, size_px=CANONICAL_PX)[0, 0], box)
    inside = _inside(box)
    assert (laid - film[0, 0])[inside].abs().max() < 0.03
    assert (laid[~inside] == 0).all()


def _inside(box: Box) -> Tensor:
    """Pixels of the canonical film whose centre lies in the box."""
    centre = (torch.arange(CANONICAL_PX) + 0.5) / CANONICAL_PX
    across = (centre > box.left) & (centre < box.right)
    down = (centre > box.top) & (centre < box.bottom)
    return down[:, None] & across[None, :]


def test_evidence_in_the_upper_left_cell_lands_in_the_upper_left_of_the_box() -> None:
    evidence = torch.zeros(4, 4)
    evidence[0, 0] = 1
    laid = to_film(evidence, Box(0.5, 0.25, 1.0, 0.75))
    row, column = divmod(int(laid.argmax()), CANONICAL_PX)
    assert 0.25 <= row / CANONICAL_PX < 0.25 + 0.5 / 4
    assert 0.5 <= column / CANONICAL_PX < 0.5 + 0.5 / 4


def test_stretching_the_film_leaves_the_lung_box_square_unchanged() -> None:
    film, lungs = smooth_film(300, 360), ellipses(300, 360)
    squares = {}
    for stretch in (1, 2):
        wide, mask = np.repeat(film, stretch, axis=1), np.repeat(lungs, stretch, axis=1)
        aspect = wide.shape[1] / wide.shape[0]
        squares[stretch] = [
            to_square(canonical(wide), geometry(aspect, mask), size_px=192)
            for geometry in (lung_box, centre_crop)
        ]
    (boxed, cropped), (boxed_wide, cropped_wide) = squares[1], squares[2]
    assert (boxed - boxed_wide).abs().max() < 0.02
    assert (cropped - cropped_wide).abs().mean() > 0.1  # the comparison is not blind


def test_the_lung_box_holds_every_lung_pixel_and_little_more() -> None:
    lungs = ellipses(200, 260)
    box = lung_box(1.3, lungs)
    rows, columns = np.nonzero(lungs)
    assert box.left < columns.min() / 260
    assert box.right > (columns.max() + 1) / 260
    assert box.top < rows.min() / 200
    assert box.bottom > (rows.max() + 1) / 200
    assert (box.right - box.left) * (box.bottom - box.top) < 0.57 * 0.6 * 1.3


def test_a_lung_box_without_lungs_is_an_error_and_not_the_whole_film() -> None:
    with pytest.raises(ValueError, match="at least one lung pixel"):
        lung_box(1.0, NO_LUNGS)


@pytest.mark.parametrize("scale", [2, 5])
def test_the_canonical_picture_of_an_enlarged_film_is_that_of_the_film(scale: int) -> None:
    film = smooth_film(336, 448)
    enlarged = np.kron(film, np.ones((scale, scale), dtype=np.float32))
    assert (canonical(film) - canonical(enlarged)).abs().max() < 0.01


@pytest.mark.parametrize("name", sorted(GEOMETRIES))
def test_what_need_not_wait_for_the_lungs_looks_where_it_would_anyway(name: str) -> None:
    lungs = ellipses(CANONICAL_PX, CANONICAL_PX)
    if name in BY_LUNGS:
        with pytest.raises(ValueError, match="lung pixel"):
            GEOMETRIES[name](1.37, NO_LUNGS)
    else:
        assert GEOMETRIES[name](1.37, NO_LUNGS) == GEOMETRIES[name](1.37, lungs)


@pytest.mark.parametrize("aspect", ASPECTS)
def test_a_letterbox_shows_the_whole_film_at_true_aspect_and_bars_for_the_rest(
    aspect: float,
) -> None:
    white = torch.ones(1, 1, CANONICAL_PX, CANONICAL_PX)
    box = GEOMETRIES["letterbox"](aspect, NO_LUNGS)
    shown = to_square(white, box, size_px=192)[0, 0] > 0.5
    down, across = int(shown.any(dim=1).sum()), int(shown.any(dim=0).sum())
    assert max(down, across) == 192
    assert across / down == pytest.approx(aspect, rel=0.02)


@pytest.mark.parametrize("corners", [(0.6, 0.0, 0.6, 1.0), (1.0, 0.0, 1.1, 1.0), (0, -1, 1, 0)])
def test_a_box_without_any_film_cannot_be_made(corners: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="a box"):
        Box(*corners)
