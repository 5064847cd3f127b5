"""DICOM grey scales against the standard's formulas as pydicom computes them, and its headers."""

from __future__ import annotations

import os
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom import Dataset
from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut
from pydicom.uid import ImplicitVRLittleEndian, JPEG2000Lossless, JPEGLSLossless

from pneumo.errors import PneumoError, UnreadableImage, UnsuitableImage
from pneumo.radiograph import decode
from tests import films

FILM = films.chest()
TWELVE = np.round(FILM / 255 * 4095).astype(np.uint16)
FULL = {"WindowCenter": 2048, "WindowWidth": 4096}

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def film(samples: np.ndarray = TWELVE, *, bits: int = 12, **elements: Any) -> bytes:
    return films.dicom(samples, bits=bits, **elements)


def table(entries: np.ndarray, *, first: int, bits: int) -> list[Dataset]:
    item = Dataset()
    item.LUTDescriptor = [entries.size % 2**16, first, bits]
    item.LUTData = entries.astype("<u2").tobytes()
    item["LUTDescriptor"].VR, item["LUTData"].VR = "US", "OW"
    return [item]


def by_pydicom(data: bytes) -> np.ndarray:
    """The shown picture from pydicom's own functions, scaled to [0, 1] over the window's output."""
    dataset = pydicom.dcmread(BytesIO(data))
    values = apply_modality_lut(dataset.pixel_array, dataset)
    shown = apply_voi_lut(values, dataset).astype(float)
    if "VOILUTSequence" in dataset:
        return shown / (2 ** dataset.VOILUTSequence[0].LUTDescriptor[2] - 1)
    signed = dataset.PixelRepresentation
    ends = np.array([-2048, 2047] if signed else [0, 4095])
    low, high = ends * dataset.get("RescaleSlope", 1) + dataset.get("RescaleIntercept", 0)
    return (shown - low) / (high - low)


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize("rescale", [(1, 0), (0.5, -300)])
@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, JPEG2000Lossless])
def test_a_window_shows_what_pydicom_shows(
    function: str, rescale: tuple[float, float], syntax: str
) -> None:
    slope, intercept = rescale
    data = film(
        syntax=syntax,
        WindowCenter=900 * slope + intercept,
        WindowWidth=1500 * slope,
        RescaleSlope=slope,
        RescaleIntercept=intercept,
        VOILUTFunction=function,
    )
    np.testing.assert_allclose(decode(data).pixels, by_pydicom(data), atol=1e-5)


def test_the_window_comes_before_the_inversion() -> None:
    window = {"WindowCenter": 1000, "WindowWidth": 1200}
    plain = decode(film(**window)).pixels
    inverted = decode(film(**window, PhotometricInterpretation="MONOCHROME1"))
    np.testing.assert_allclose(inverted.pixels, 1 - plain, atol=1e-6)
    assert inverted.source.inverted
    assert inverted.source.window == (1000, 1200)


def test_tables_of_modality_and_display_are_applied_in_order() -> None:
    modality = table(np.arange(4096)[::-1] // 2, first=0, bits=16)
    display = table(np.sqrt(np.arange(2048) / 2047) * 1023, first=0, bits=10)
    for elements in (
        {"VOILUTSequence": display},
        {"ModalityLUTSequence": modality, "VOILUTSequence": display},
        {"VOILUTSequence": display, **FULL},  # the table is the more exact of the two
    ):
        data = film(**elements)
        np.testing.assert_allclose(decode(data).pixels, by_pydicom(data), atol=1e-5)


def test_of_several_windows_the_first_is_used_and_told() -> None:
    several = decode(film(WindowCenter=[1000, 3000], WindowWidth=[800, 100]))
    np.testing.assert_array_equal(
        several.pixels, decode(film(WindowCenter=1000, WindowWidth=800)).pixels
    )
    assert "first" in several.source.notes[0]


def test_a_film_without_a_window_is_shown_between_its_tails() -> None:
    shown = decode(film())
    low, high = np.percentile(TWELVE, (0.5, 99.5), method="inverted_cdf").astype(float)
    expected = np.clip((TWELVE - low) / (high - low), 0, 1)
    np.testing.assert_allclose(shown.pixels, expected, atol=1e-5)
    assert shown.source.window == ((low + high) / 2, high - low)
    assert shown.source.notes


@pytest.mark.parametrize(
    ("centre", "width"),
    [("nan", "4096"), ("2048", "0"), ("2048", "-5"), ("inf", "10"), ("abc", "10"), ("90000", "2")],
)
def test_a_useless_window_is_replaced_and_told(centre: str, width: str) -> None:
    data = film(WindowCenter="1111", WindowWidth="2222")
    for before, after in ((b"1111", centre), (b"2222", width)):
        before = b"DS\x04\x00" + before
        padded = after.encode() + b" " * (len(after) % 2)
        at = data.index(before)
        data = data[: at + 2] + len(padded).to_bytes(2, "little") + padded + data[at + 8 :]
    shown = decode(data)
    np.testing.assert_array_equal(shown.pixels, decode(film()).pixels)
    assert "cannot be used" in shown.source.notes[0]


def test_padding_is_black_and_does_not_move_the_scale() -> None:
    padded = TWELVE.copy()
    padded[:, :40] = 4095
    shown = decode(film(np.minimum(padded, 4095), PixelPaddingValue=4095))
    assert shown.pixels[:, :40].max() == 0
    inverted = decode(
        film(padded, PixelPaddingValue=4095, PhotometricInterpretation="MONOCHROME1", **FULL)
    )
    assert inverted.pixels[:, :40].max() == 0


def test_an_overlay_in_the_unused_bits_is_ignored() -> None:
    marked = TWELVE.copy()
    marked[50:60, 50:60] |= 0x8000
    np.testing.assert_array_equal(decode(film(marked, **FULL)).pixels, decode(film(**FULL)).pixels)


def test_a_constant_film_is_decoded_for_the_gate_to_refuse() -> None:
    assert np.ptp(decode(film(np.full_like(TWELVE, 700))).pixels) == 0


@pytest.mark.parametrize(
    ("elements", "said"),
    [
        ({"Modality": "CT"}, "CT"),
        ({"Modality": "US"}, "ultrasound"),
        ({"BodyPartExamined": "TIBIA"}, "TIBIA"),
        ({"BodyPartExamined": "skull "}, "SKULL"),
        ({"ViewPosition": "LL"}, "lateral"),
        ({"ViewPosition": "RLO"}, "oblique"),
    ],
)
def test_another_examination_is_refused_by_its_name(elements: dict[str, str], said: str) -> None:
    with pytest.raises(UnsuitableImage, match=said):
        decode(film(**elements))


@pytest.mark.parametrize(
    "elements",
    [
        {"BodyPartExamined": "RIBCAGE"},
        {"BodyPartExamined": "CHEST_ABDOMEN"},
        {"BodyPartExamined": "BABYGRAM"},
        {"BodyPartExamined": None, "ViewPosition": None, "Modality": None},
        {"Modality": "OT", "ViewPosition": "PA"},
    ],
)
def test_a_chest_film_or_a_silent_header_is_taken(elements: dict[str, Any]) -> None:
    assert decode(film(**elements, **FULL)).pixels.shape == FILM.shape


def test_what_the_header_says_of_the_film_is_kept() -> None:
    source = decode(
        film(BurnedInAnnotation="YES", ImagerPixelSpacing=[0.15, 0.14], PixelSpacing=[1, 1], **FULL)
    ).source
    assert source.burned_in
    assert source.spacing_mm == (0.15, 0.14)
    assert (source.format, source.bits, source.photometric) == ("DICOM", 12, "MONOCHROME2")


@pytest.mark.parametrize(
    ("age", "adult"),
    [
        ("018Y", True),
        ("64Y", True),
        ("017Y", False),
        ("200M", False),
        ("eighty", False),
        ("", False),
    ],
)
def test_of_an_age_no_more_is_kept_than_whether_it_is_an_adults(age: str, adult: bool) -> None:
    source = decode(film(PatientAge=age, **FULL)).source
    assert source.adult is adult
    assert not age or age not in repr(source)


def test_a_dataset_where_a_word_belongs_says_nothing() -> None:
    inner, outer = Dataset(), pydicom.dcmread(BytesIO(film(**FULL)))
    inner.Modality = "CT"
    del outer.BodyPartExamined
    outer.add_new("BodyPartExamined", "SQ", [inner])
    stream = BytesIO()
    outer.save_as(stream)
    assert decode(stream.getvalue()).pixels.shape == FILM.shape
    # Nor does one whose own elements are of no known kind, as fuzzing made it.
    assert stream.getvalue().count(b"CS\x02\x00CT") == 1
    unknown = stream.getvalue().replace(b"CS\x02\x00CT", b"AP\x02\x00CT")
    assert decode(unknown).pixels.shape == FILM.shape


def test_nothing_of_the_patient_survives() -> None:
    planted = film(**FULL, StudyDescription="PLANTED STUDY", PatientBirthDate="20200101")
    assert b"Planted^Name" in planted
    kept = repr(decode(planted).source)
    assert not any(word in kept for word in ("lanted", "LANTED", "4711", "20200101"))
    hidden = film(Modality="PLANTED", BodyPartExamined="PLANTED TIBIA")
    with pytest.raises(UnsuitableImage) as refusal:
        decode(hidden)
    assert "PLANTED" not in str(refusal.value)


def test_a_frame_that_never_ends_is_given_up_in_time() -> None:
    with pytest.raises(UnreadableImage):
        decode(films.dicom(TWELVE, bits=12, syntax=JPEGLSLossless)[:-3000] + bytes(3000))


@pytest.mark.parametrize("name", ["8-bit DICOM", "JPEG DICOM", "signed", "no preamble"])
def test_a_changed_byte_gives_a_film_or_a_refusal(name: str) -> None:
    original = films.one_film_in_every_format(films.chest(height=64, width=80))[name]
    rng = np.random.default_rng(0)
    for _ in range(150):
        data = bytearray(original)
        for place in rng.integers(0, min(len(data), 1200), size=rng.integers(1, 6)):
            data[place] = rng.integers(256)
        try:
            decode(bytes(data))
        except PneumoError as error:
            assert str(error)  # noqa: PT017 - either outcome is right


@pytest.mark.data
def test_real_dicom_files_are_read_or_refused_for_what_they_are() -> None:
    folder = os.environ.get("PNEUMO_DATA")
    found = sorted(Path(folder).parent.glob("dicom/*.dcm")) if folder else []
    if not found:
        pytest.skip("no DICOM files beside the folder that PNEUMO_DATA names")
    for path in found:
        if path.name.startswith("chest"):
            assert decode(path.read_bytes()).pixels.std() > 0.1
        else:
            with pytest.raises(UnsuitableImage):
                decode(path.read_bytes())
