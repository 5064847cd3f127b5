"""What the instrument refuses to score, and with which words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pneumo.errors import UnsuitableImage
from pneumo.gate import Caution, require_film, require_lungs
from pneumo.geometry import CANONICAL_PX
from pneumo.lungs import Lungs
from pneumo.radiograph import Radiograph, Source

GREY_SOURCE = Source(format="PNG", bits=8, photometric="L", sha256="0" * 64)


def film(height: int = 300, width: int = 400, *, contrast: float = 0.2) -> Radiograph:
    """A film of noise about mid grey; ``contrast`` is its standard deviation."""
    noise = np.random.default_rng(0).normal(0.5, contrast, (height, width))
    return Radiograph(noise.clip(0, 1).astype(np.float32), GREY_SOURCE)


def lungs(*fields: tuple[slice, slice], certainty: float = 0.97) -> Lungs:
    mask = np.zeros((CANONICAL_PX, CANONICAL_PX), dtype=bool)
    for rows, columns in fields:
        mask[rows, columns] = True
    return Lungs(mask, certainty)


LEFT = (slice(40, 180), slice(30, 95))
RIGHT = (slice(40, 180), slice(130, 195))


def test_an_ordinary_film_passes_without_a_caution() -> None:
    assert require_film(film()) == ()


@pytest.mark.parametrize(
    ("picture", "sentence"),
    [
        (film(119, 150), "only 150 x 119 pixels; upload the film at its original size"),
        (film(200, 800), "too narrow or too wide for a chest film"),
        (film(600, 200), "too narrow or too wide for a chest film"),
        (film(contrast=0.01), "blank or nearly so"),
        (replace(film(), source=replace(GREY_SOURCE, chroma=0.2)), "colour picture"),
    ],
    ids=["small", "wide", "narrow", "blank", "colour"],
)
def test_what_is_no_film_is_refused_with_its_own_sentence(
    picture: Radiograph, sentence: str
) -> None:
    with pytest.raises(UnsuitableImage, match=sentence) as refusal:
        require_film(picture)
    assert str(refusal.value).endswith(".")
    assert "upload" in str(refusal.value)  # every refusal says what to do


def test_a_scan_with_a_slight_tint_is_still_a_film() -> None:
    assert require_film(replace(film(), source=replace(GREY_SOURCE, chroma=0.02))) == ()


def test_a_small_film_is_read_with_a_caution() -> None:
    assert require_film(film(150, 190)) == (Caution.SMALL,)


def test_burned_in_text_is_said() -> None:
    burned = replace(film(), source=replace(GREY_SOURCE, burned_in=True))
    assert require_film(burned) == (Caution.BURNED_IN,)


def test_an_adults_film_is_said_to_be_one() -> None:
    grown = replace(film(), source=replace(GREY_SOURCE, adult=True))
    assert require_film(grown) == (Caution.ADULT,)


def test_two_lungs_pass_without_a_caution() -> None:
    assert require_lungs(lungs(LEFT, RIGHT)) == ()


@pytest.mark.parametrize(
    "found",
    [
        lungs(),
        lungs((slice(100, 130), slice(50, 80)), (slice(100, 130), slice(140, 170))),
        lungs(LEFT, RIGHT, certainty=0.7),
    ],
    ids=["none", "tiny", "doubtful"],
)
def test_a_picture_without_two_clear_lungs_is_refused(found: Lungs) -> None:
    with pytest.raises(UnsuitableImage, match="No pair of lungs was found"):
        require_lungs(found)


def test_a_lung_cut_by_the_edge_is_said() -> None:
    cut = lungs(LEFT, (slice(40, 180), slice(130, CANONICAL_PX)))
    assert Caution.LUNGS_AT_EDGE in require_lungs(cut)


def test_unequal_lungs_are_said() -> None:
    assert require_lungs(lungs(LEFT, (slice(40, 80), slice(130, 165)))) == (Caution.ONE_SIDED,)


@pytest.mark.parametrize("caution", Caution)
def test_every_caution_is_one_sentence(caution: Caution) -> None:
    assert caution.value.endswith(".")
    assert caution.value.count(".") == 1
