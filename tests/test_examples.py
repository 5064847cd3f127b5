"""The sample films: readable, anonymous, small, and of no child."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pydicom
import pytest
import torch
from PIL import Image
from scipy import ndimage
from torch.nn import functional as F

from pneumo.decision import Decision
from pneumo.errors import UnsuitableImage
from pneumo.gate import require_film
from pneumo.geometry import canonical
from pneumo.radiograph import decode
from pneumo.reader import load_reader

FOLDER = Path(__file__).parents[1] / "examples"
FILMS = sorted(p for p in FOLDER.iterdir() if p.stem[-1].isdigit())
DICOM = FOLDER / "bacterial-3.dcm"
DEEP = FOLDER / "normal-3.png"
NON_FILM = FOLDER / "not-a-film.png"
SOURCES = FOLDER / "SOURCES.md"
MAX_BYTES = 300_000


def test_every_class_has_three_films() -> None:
    classes = [p.stem.partition("-")[0] for p in FILMS]
    assert sorted(classes) == sorted(["normal", "bacterial", "viral"] * 3)


@pytest.mark.parametrize("path", FILMS, ids=lambda p: p.name)
def test_every_sample_decodes_to_a_film_without_a_warning(path: Path) -> None:
    film = decode(path.read_bytes())
    assert require_film(film) == ()
    assert film.source.notes == ()
    # Air beside the neck and the arms is dark, the spine and the liver are bright.
    height, width = film.pixels.shape
    middle = film.pixels[:, width // 2 - 10 : width // 2 + 10].mean()
    corners = film.pixels[: height // 10, [*range(8), *range(width - 8, width)]].mean()
    assert corners < middle - 0.2


def test_the_non_film_is_refused() -> None:
    with pytest.raises(UnsuitableImage):
        require_film(decode(NON_FILM.read_bytes()))


def test_the_deep_sample_holds_more_than_eight_bits() -> None:
    with Image.open(DEEP) as picture:
        stored = np.array(picture)
    assert stored.dtype == np.uint16
    assert stored.max() > 0.8 * 65535
    assert len(np.unique(stored)) > 10 * 256
    film = decode(DEEP.read_bytes())
    assert film.source.bits == 16
    np.testing.assert_allclose(film.pixels, stored / 65535, atol=1e-6)


def test_the_dicom_sample_stores_air_bright_and_decodes_with_air_dark() -> None:
    image = pydicom.dcmread(DICOM)
    assert image.PhotometricInterpretation == "MONOCHROME1"
    assert (image.Modality, image.BodyPartExamined) == ("CR", "CHEST")
    film = decode(DICOM.read_bytes())
    assert (film.source.format, film.source.inverted) == ("DICOM", True)
    # PS3.3 C.11.2.1.2.1, written out, then turned over.
    centre, width = float(image.WindowCenter), float(image.WindowWidth)
    windowed = (image.pixel_array - (centre - 0.5)) / (width - 1) + 0.5
    np.testing.assert_allclose(film.pixels, 1 - windowed.clip(0, 1), atol=1e-3)
    assert np.ptp(film.pixels) > 0.7, "the window shows the whole film"


def test_the_dicom_sample_names_no_patient_place_or_time() -> None:
    image = pydicom.dcmread(DICOM)
    identifying = {"PN", "DA", "TM", "DT", "AS"}
    for element in image.iterall():
        assert not element.tag.is_private, element
        if element.VR in identifying or element.tag.group == 0x0010:
            assert not element.value, element
    for keyword in ("InstitutionName", "StationName", "AccessionNumber", "StudyID"):
        assert not image.get(keyword), keyword
    assert image.PatientIdentityRemoved == "YES"


@pytest.mark.parametrize("path", [*FILMS, NON_FILM], ids=lambda p: p.name)
def test_no_sample_carries_text_or_exif(path: Path) -> None:
    if path.suffix == ".png":
        with Image.open(io.BytesIO(path.read_bytes())) as picture:
            assert not picture.info
            assert not picture.getexif()


def test_the_page_names_every_file_its_source_and_its_licence() -> None:
    page = SOURCES.read_text()
    shipped = {p.name for p in FOLDER.iterdir()} - {SOURCES.name}
    rows = {line.split("`")[1] for line in page.splitlines() if line.startswith("| `")}
    assert rows == shipped
    for fact in ("10.17632/rscbjbr9sj.2", "CC BY 4.0", "k = 7", "Changes made", "Kermany"):
        assert fact in page


def test_the_samples_are_small() -> None:
    sizes = {p.name: p.stat().st_size for p in FOLDER.iterdir()}
    assert max(sizes.values()) < MAX_BYTES, sizes
    assert sum(sizes.values()) < 1_500_000


@pytest.mark.slow
@pytest.mark.weights
@pytest.mark.parametrize("path", FILMS, ids=lambda p: p.name)
def test_every_sample_is_read_as_its_class(path: Path) -> None:
    reader = load_reader()
    reading = reader.read(path.read_bytes())
    expected = path.stem.partition("-")[0]
    assert reading.classes[int(np.argmax(reading.estimate.pattern))] == expected
    sick = expected != "normal"
    assert reading.decision is (Decision.SUSPECTED if sick else Decision.NOT_SUSPECTED)


@pytest.mark.data
@pytest.mark.slow
def test_no_sample_is_a_training_film(data_folder: Path) -> None:
    from train.data import film_paths, load_films

    films = load_films(data_folder, film_paths(data_folder)).pixels[:, 0]

    def fine(pictures: torch.Tensor) -> np.ndarray:  # (N, 224, 224) -> unit vectors (N, 12544)
        small = F.avg_pool2d(pictures, 2).numpy()
        edges = small - ndimage.uniform_filter(small, size=(1, 5, 5))
        flat = edges.reshape(len(edges), -1)
        flat = flat - flat.mean(axis=1, keepdims=True)
        return np.asarray(flat / np.linalg.norm(flat, axis=1, keepdims=True))

    samples = fine(torch.cat([canonical(decode(p.read_bytes()).pixels)[0] for p in FILMS]))
    parts = torch.split(films, 512)
    nearest = max(float((fine(part.float()) @ samples.T).max()) for part in parts)
    assert nearest < 0.8
