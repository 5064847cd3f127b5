"""One sample film, stored in every way that hospitals store it, read by the shipped weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from conftest import EXAMPLES, WEIGHTS
from films import one_film_in_every_format

from pneumo.radiograph import decode
from pneumo.reader import Reader, load_reader

# Of the readings of the samples this is the one farthest from certainty: it would show a change.
FILM = EXAMPLES / "normal-3.png"
STORED = (
    *("8-bit PNG", "16-bit PNG", "8-bit TIFF", "16-bit TIFF", "JPEG 95"),
    *("8-bit DICOM", "MONOCHROME1", "MONOCHROME2, Explicit VR Little Endian", "signed"),
)
TOLERANCE = 0.01

pytestmark = [
    pytest.mark.slow,
    pytest.mark.weights,
    pytest.mark.filterwarnings("ignore::UserWarning"),
]


@pytest.fixture(scope="module")
def reader() -> Reader:
    return load_reader(WEIGHTS, device=torch.device("cpu"))


@pytest.fixture(scope="module")
def films() -> dict[str, bytes]:
    grey = decode(FILM.read_bytes()).pixels
    return one_film_in_every_format(np.round(255 * grey).astype(np.uint8))


@pytest.fixture(scope="module")
def expected(reader: Reader) -> float:
    return reader.read(FILM.read_bytes()).estimate.probability


@pytest.mark.parametrize("name", STORED)
def test_a_film_has_one_probability_however_it_is_stored(
    name: str, reader: Reader, films: dict[str, bytes], expected: float
) -> None:
    assert reader.read(films[name]).estimate.probability == pytest.approx(expected, abs=TOLERANCE)
