"""What each synthetic shift does to a film, and what it leaves alone."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from train.shifts import SHIFTS


@pytest.fixture(scope="module")
def films() -> Tensor:
    """Two smooth pictures with a bright letter in one corner."""
    rows = torch.linspace(0, 3, 224)
    wave = (rows[:, None].sin() * (rows * 2).cos()) * 60 + 120
    pair = torch.stack([wave, wave.T])[:, None].round().to(torch.uint8)
    pair[0, 0, 8:24, 8:20] = 255
    return pair


@pytest.mark.parametrize("name", SHIFTS)
def test_a_shift_gives_other_films_of_the_same_form_and_the_same_ones_again(name, films):
    before = films.clone()
    once, again = SHIFTS[name](films), SHIFTS[name](films)
    assert once.shape == films.shape
    assert once.dtype == torch.uint8
    assert torch.equal(films, before)
    assert torch.equal(once, again)
    assert not torch.equal(once, films)


def mean_grey(films: Tensor) -> float:
    return float(films.float().mean())


def test_more_exposure_and_less_gamma_brighten_a_film(films):
    plain = mean_grey(films)
    assert mean_grey(SHIFTS["exposure_up"](films)) == pytest.approx(plain + 0.15 * 255, abs=1)
    assert mean_grey(SHIFTS["exposure_down"](films)) == pytest.approx(plain - 0.15 * 255, abs=1)
    assert mean_grey(SHIFTS["gamma_down"](films)) > plain > mean_grey(SHIFTS["gamma_up"](films))


def test_low_contrast_keeps_the_mean_and_narrows_the_spread(films):
    flat = SHIFTS["contrast_low"](films)
    assert mean_grey(flat) == pytest.approx(mean_grey(films), abs=0.5)
    assert float(flat.float().std()) == pytest.approx(0.6 * float(films.float().std()), rel=0.02)


def test_blur_spreads_one_pixel_as_a_gaussian():
    point = torch.zeros(1, 1, 224, 224, dtype=torch.uint8)
    point[0, 0, 112, 112] = 255
    row = SHIFTS["blur"](point)[0, 0, 112].float()
    # A Gaussian of 1.5 px falls to exp(-1 / (2 * 1.5^2)) one pixel away.
    assert float(row[113] / row[112]) == pytest.approx(0.80, abs=0.05)


def test_noise_has_its_stated_strength_and_no_bias():
    grey = torch.full((4, 1, 224, 224), 128, dtype=torch.uint8)
    change = SHIFTS["noise"](grey).float() - 128
    assert float(change.std()) == pytest.approx(0.04 * 255, rel=0.02)
    assert float(change.mean()) == pytest.approx(0, abs=0.1)


def test_erasing_markers_removes_the_letter_and_leaves_the_middle(films):
    bare = SHIFTS["marker_erased"](films)
    assert int(bare[0, 0, :36, :36].max()) < 255
    assert torch.equal(bare[:, :, 40:-40], films[:, :, 40:-40])


def test_cropping_magnifies_about_the_middle():
    bar = torch.zeros(1, 1, 224, 224, dtype=torch.uint8)
    bar[:, :, :, 102:122] = 255
    width = int((SHIFTS["crop"](bar)[0, 0, 112] > 127).sum())
    assert width == pytest.approx(20 * 224 / (224 - 2 * 13), abs=1)
