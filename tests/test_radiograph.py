"""Pictures of every kind, decoded by content; the expected grey is the drawing itself."""

from __future__ import annotations

import os
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pneumo.errors import PneumoError, UnreadableImage
from pneumo.radiograph import MAX_PIXELS, Radiograph, decode
from tests import corpus, films

FILM = films.chest()
STORED = films.one_film_in_every_format(FILM)
BAD = corpus.bad_files()

# Pillow and pydicom warn of what a damaged file then fails on.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.mark.parametrize("name", STORED)
def test_one_film_decodes_to_the_same_picture_however_it_is_stored(name: str) -> None:
    film = decode(STORED[name])
    difference = np.abs(film.pixels - FILM / 255)
    assert difference.mean() < 0.005
    assert difference.max() < (0.05 if "JPEG 95" in name or name.endswith("JPEG DICOM") else 0.002)
    assert film.source.chroma == 0
    assert film.source.inverted == (name == "MONOCHROME1" or "white is zero" in name)


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_refused_with_one_sentence_that_says_what_to_do(name: str) -> None:
    with pytest.raises(PneumoError) as refusal:
        decode(BAD[name])
    sentence = str(refusal.value)
    assert sentence.endswith(".")
    assert sentence.count(". ") == 0
    assert any(todo in sentence for todo in ("export", "upload"))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF"])
def test_a_film_stored_turned_is_set_upright(orientation: int, format: str) -> None:
    film = decode(films.turned(FILM, orientation, format))
    assert film.pixels.shape == FILM.shape
    assert np.abs(film.pixels - FILM / 255).mean() < 0.005


def test_sixteen_bits_keep_more_levels_than_eight() -> None:
    ramp = np.arange(40_000, dtype=np.uint16).reshape(200, 200) + 20_000
    for format in ("PNG", "TIFF"):
        film = decode(films.picture(ramp, format))
        assert np.unique(film.pixels).size == 40_000
        np.testing.assert_allclose(film.pixels, ramp / 65535, atol=1e-6)


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_a_detectors_bits_in_a_sixteen_bit_file_span_the_whole_scale(bits: int) -> None:
    deep = np.round(FILM / 255 * (2**bits - 1)).astype(np.uint16)
    film = decode(films.picture(deep))
    np.testing.assert_allclose(film.pixels, FILM / 255, atol=0.003)
    assert bool(film.source.notes) == (bits < 16)
    assert film.source.bits == 16


def test_numbers_without_a_scale_are_shown_between_their_tails() -> None:
    numbers = FILM.astype(np.float32) * 40 - 3000
    film = decode(films.picture(numbers, "TIFF"))
    low, high = np.percentile(numbers, (0.5, 99.5))
    np.testing.assert_allclose(
        film.pixels, np.clip((numbers - low) / (high - low), 0, 1), atol=1e-5
    )
    assert film.source.notes


def test_transparency_lies_on_black() -> None:
    alpha = np.full_like(FILM, 255)
    alpha[:, :50] = 0
    film = decode(films.picture(np.dstack([FILM, FILM, FILM, alpha])))
    assert film.pixels[:, :50].max() == 0
    np.testing.assert_allclose(film.pixels[:, 50:], FILM[:, 50:] / 255, atol=1e-6)


def test_colour_is_measured_and_grey_is_luma() -> None:
    red = np.zeros((40, 50, 3), dtype=np.uint8)
    red[..., 0] = 255
    film = decode(films.picture(red))
    assert film.source.chroma == pytest.approx(2 / 3)  # of R-G, G-B and B-R two are 1
    np.testing.assert_allclose(film.pixels, 0.299, atol=1e-6)


def test_of_several_pages_the_first_is_read_and_told() -> None:
    pages = [Image.fromarray(FILM), Image.fromarray(255 - FILM)]
    for format in ("TIFF", "PNG"):
        film = decode(films.picture(pages[0], format, save_all=True, append_images=pages[1:]))
        np.testing.assert_allclose(film.pixels, FILM / 255, atol=1e-6)
        assert "first" in film.source.notes[0]


def test_one_pixel_decodes() -> None:
    assert decode(films.picture(np.full((1, 1), 51, np.uint8))).pixels.item() == np.float32(0.2)


def test_the_size_is_refused_before_pixels_are_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)  # as other libraries set it
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("pixels were decoded"))
    side = int(MAX_PIXELS**0.5) + 1
    for width, height in ((20_000, 20_000), (side, side)):
        with pytest.raises(UnreadableImage, match="million"):
            decode(corpus.png_header(width=width, height=height))


def test_a_film_cannot_be_changed_and_lies_within_its_range() -> None:
    film = decode(STORED["8-bit PNG"])
    with pytest.raises(ValueError, match="read-only"):
        film.pixels[0, 0] = 1
    assert film.aspect == 300 / 240
    for wrong in (np.full((2, 2), np.nan, np.float32), np.full((2, 2), 1.1, np.float32)):
        with pytest.raises(ValueError, match="grey levels"):
            Radiograph(wrong, film.source)
    with pytest.raises(TypeError, match="float32"):
        Radiograph(np.zeros((2, 2)), film.source)


@pytest.mark.data
def test_real_films_decode_as_pillow_decodes_them() -> None:
    folder = os.environ.get("PNEUMO_DATA")
    if not folder:
        pytest.skip("PNEUMO_DATA names no data folder")
    found = sorted(Path(folder).glob("train/*/*.jpeg"))[::500]
    assert found
    for path in found:
        data = path.read_bytes()
        expected = np.asarray(Image.open(BytesIO(data)).convert("L")) / 255
        np.testing.assert_allclose(decode(data).pixels, expected, atol=0.003)
