"""How unlike the training films a picture is: what is scored, and what the limits do."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import WEIGHTS
from PIL import Image

from pneumo import gate
from pneumo.bundle import load_familiarity, load_manifest
from pneumo.errors import UnsuitableImage
from pneumo.familiarity import (
    Familiarity,
    Gaussian,
    Likeness,
    Pose,
    appearance,
    from_tensors,
    sidedness,
    to_tensors,
)
from pneumo.geometry import canonical
from train import foreign
from train.gate import gaussian, upright_heart

ONE = torch.ones(())


@pytest.fixture(scope="module")
def cloud() -> torch.Tensor:
    """Points (400, 6) that vary most along the first two values."""
    scale = torch.tensor([5.0, 3.0, 1.0, 1.0, 1.0, 1.0])
    return 2 + scale * torch.randn(400, 6, generator=torch.Generator().manual_seed(0))


def test_the_distance_is_mahalanobis_where_every_direction_is_kept(cloud: torch.Tensor) -> None:
    found = gaussian(cloud, 5).distance(cloud)
    away = (cloud - cloud.mean(dim=0)).numpy()
    inverse = np.linalg.inv(np.cov(away.T, bias=True))
    expected = np.sqrt(np.einsum("ni,ij,nj->n", away, inverse, away) / 6)
    assert found.numpy() == pytest.approx(expected, rel=1e-3)


def test_what_lies_off_the_training_films_is_far_however_small_its_values(
    cloud: torch.Tensor,
) -> None:
    known = gaussian(cloud, 2)
    usual = torch.tensor([[7.0, 2, 2, 2, 2, 2]])  # five along the widest direction
    strange = torch.tensor([[2.0, 2, 2, 2, 2, 7]])  # five along a narrow one
    assert known.distance(strange) > 3 * known.distance(usual)


def test_exposure_and_contrast_do_not_make_a_film_look_foreign() -> None:
    film = torch.rand(1, 1, 224, 224, generator=torch.Generator().manual_seed(1))
    film = 0.2 * film + 0.8 * torch.linspace(0, 1, 224).square()
    assert appearance(0.5 * film + 0.2).numpy() == pytest.approx(appearance(film).numpy(), abs=0.1)


def made() -> Familiarity:
    vague = Gaussian(torch.zeros(4), torch.eye(4)[:, :2], torch.ones(2), ONE)
    two, weights = torch.ones(2), torch.randn(256)
    numbers = (0 * two, two, 2 * ONE, 4 * ONE, ONE, weights, -ONE)
    return Familiarity(vague, vague, "ab" * 32, *numbers)


def test_a_gate_file_holds_all_of_it() -> None:
    tensors = to_tensors(made())
    again = to_tensors(from_tensors(tensors))
    assert again.keys() == tensors.keys()
    assert all(torch.equal(again[name], tensors[name]) for name in tensors)


def test_a_gate_file_that_lacks_or_adds_something_is_refused() -> None:
    tensors = to_tensors(made())
    with pytest.raises(KeyError, match=r"features\.rest"):
        from_tensors({k: v for k, v in tensors.items() if k != "features.rest"})
    with pytest.raises(KeyError, match="colour"):
        from_tensors({**tensors, "colour": ONE})
    with pytest.raises(ValueError, match="variance must be positive"):
        from_tensors({**tensors, "appearance.rest": -ONE})


def test_an_unfamiliar_film_is_read_with_a_caution_and_a_foreign_picture_refused() -> None:
    likeness = Likeness(score=1.0, warn_above=2.0, refuse_above=4.0)
    assert gate.require_familiar(likeness) == ()
    warned = gate.require_familiar(dataclasses.replace(likeness, score=3.0))
    assert warned == (gate.Caution.UNFAMILIAR,)
    with pytest.raises(UnsuitableImage, match="upload one whole frontal chest film"):
        gate.require_familiar(dataclasses.replace(likeness, score=5.0))


@pytest.mark.parametrize("pose", Pose)
def test_every_pose_is_refused_with_what_to_do(pose: Pose) -> None:
    with pytest.raises(UnsuitableImage, match="upload it again") as refusal:
        gate.require_upright(pose)
    assert str(refusal.value).endswith(".")
    gate.require_upright(None)


def test_the_side_of_the_heart_is_learned_from_films_and_their_mirror_images() -> None:
    films = torch.rand(40, 1, 224, 224, generator=torch.Generator().manual_seed(2))
    films[:, :, 100:180, 120:170] += 1  # something bright, low and to the right of the middle
    weights = upright_heart(sidedness(films[:20]))
    assert (sidedness(films[20:]) @ weights > 0).all()
    mirrored = sidedness(films[20:].flip(3)) @ weights
    assert torch.allclose(mirrored, -(sidedness(films[20:]) @ weights), atol=1e-4)
    known = dataclasses.replace(made(), heart_side=weights, mirrored_below=0 * ONE)
    assert not known.mirrored(films[30:31])
    assert known.mirrored(films[30:31].flip(3))
    assert gate.note_side(True) == (gate.Caution.MIRRORED,)
    assert gate.note_side(False) == ()


@pytest.fixture(scope="module")
def shipped() -> Familiarity:
    known = load_familiarity(WEIGHTS, load_manifest(WEIGHTS / "manifest.json"))
    assert known is not None
    return known


@pytest.fixture(scope="module")
def canonical_film(film_path: Path) -> torch.Tensor:
    grey = np.asarray(Image.open(film_path).convert("L"), dtype=np.float32) / 255
    return canonical(grey)


@pytest.mark.weights
def test_a_mirrored_film_is_read_with_a_caution(
    shipped: Familiarity, canonical_film: torch.Tensor
) -> None:
    assert not shipped.mirrored(canonical_film)
    assert shipped.mirrored(canonical_film.flip(3))


@pytest.mark.weights
def test_a_film_on_its_head_on_its_side_or_inverted_is_told_from_one_upright(
    shipped: Familiarity, canonical_film: torch.Tensor
) -> None:
    assert shipped.pose(canonical_film) is None
    as_bytes = (255 * canonical_film).to(torch.uint8)
    for pose in Pose:
        assert shipped.pose(foreign.SPOILED[pose](as_bytes).float() / 255) is pose
