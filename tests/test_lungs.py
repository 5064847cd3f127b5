"""The lung network and what is made of its masks."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import ndimage
from torch.nn import functional as F

from pneumo.geometry import CANONICAL_PX, canonical
from pneumo.lungs import Join, LungNetwork, find_lungs, largest_fields, lung_logits
from pneumo.radiograph import decode
from pneumo.reader import Reader

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "train" / "results"


def test_the_lung_network_has_at_most_two_million_parameters() -> None:
    assert sum(p.numel() for p in LungNetwork().parameters()) <= 2_000_000


def test_held_out_dice_is_at_least_0_93() -> None:
    result = json.loads((RESULTS / "lungs.json").read_text())
    assert result["dice_mean"] >= 0.93
    assert result["films"] >= 400  # a tenth of 5,216 films, less the doubtful masks


def test_a_composite_film_has_two_lung_fields(tiny_reader: Reader, film_bytes: bytes) -> None:
    lungs = find_lungs(tiny_reader.lung_network, canonical(decode(film_bytes).pixels))
    assert ndimage.label(lungs.mask)[1] == 2
    assert 0.1 < lungs.fraction < 0.6
    assert min(lungs.halves) > 0.03
    assert lungs.certainty > 0.85


def test_a_grey_field_has_no_lungs(tiny_reader: Reader) -> None:
    lungs = find_lungs(
        tiny_reader.lung_network, torch.full((1, 1, CANONICAL_PX, CANONICAL_PX), 0.5)
    )
    assert lungs.fraction < 0.06


def test_lung_logits_lie_on_the_canonical_grid() -> None:
    films = torch.rand(2, 1, CANONICAL_PX, CANONICAL_PX)
    with torch.no_grad():
        assert lung_logits(LungNetwork().eval(), films).shape == films.shape


@torch.no_grad()
def test_joining_is_a_convolution_of_both_at_the_same_size() -> None:
    torch.manual_seed(0)
    join, x, skip = Join(6, 3), torch.rand(2, 6, 5, 7), torch.rand(2, 3, 10, 14)
    both = torch.cat([F.interpolate(x, scale_factor=2, mode="nearest"), skip], dim=1)
    torch.testing.assert_close(join(x, skip), F.conv2d(both, join.weight, padding=1))


def test_an_island_is_dropped_and_both_lungs_are_kept() -> None:
    mask = np.zeros((100, 100), dtype=bool)
    mask[20:80, 10:40] = mask[20:80, 60:90] = True
    lungs = mask.copy()
    mask[90:95, 48:52] = True  # a gas bubble below the diaphragm
    np.testing.assert_array_equal(largest_fields(mask), lungs)


def test_a_single_lung_is_not_completed_by_an_island() -> None:
    mask = np.zeros((100, 100), dtype=bool)
    mask[20:80, 10:40] = True
    lung = mask.copy()
    mask[5:8, 90:93] = True
    np.testing.assert_array_equal(largest_fields(mask), lung)


def test_no_lung_stays_no_lung() -> None:
    assert not largest_fields(np.zeros((10, 10), dtype=bool)).any()


@pytest.mark.slow
@pytest.mark.data
def test_masks_of_held_out_films_overlap_the_human_ones(
    tiny_reader: Reader, data_folder: Path
) -> None:
    with (ROOT / "train" / "results" / "split.csv").open(newline="") as file:
        held_out = [row["path"] for row in csv.DictReader(file) if row["role"] == "test"]
    with (data_folder / "films.csv").open(newline="") as file:
        masks = {
            row["path"]: row["lung_mask"]
            for row in csv.DictReader(file)
            if row["lung_mask"] and float(row["mask_check_dice"] or 0) >= 0.8
        }
    dice = []
    for path in [p for p in held_out if p in masks][::12]:
        film = canonical(decode((data_folder / path).read_bytes()).pixels)
        found = find_lungs(tiny_reader.lung_network, film).mask
        true = decode_mask(data_folder / masks[path])
        dice.append(2 * (found & true).sum() / (found.sum() + true.sum()))
    assert len(dice) >= 30
    assert np.mean(dice) >= 0.93


def decode_mask(path: Path) -> np.ndarray:
    """A stored mask on the canonical grid, bool (224, 224)."""
    with Image.open(path) as picture:
        pixels = np.asarray(picture.convert("L"), dtype=np.float32)
    return canonical((pixels > 0).astype(np.float32))[0, 0].numpy() > 0.5
