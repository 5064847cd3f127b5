"""A composite as a file, in each format that a ward might upload; and a picture that is no film."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian, generate_uid

# Stored values of a 12-bit detector that a plate never fills: only the window shows the film well.
DARKEST, BRIGHTEST, BITS = 3600, 500, 12

# What the standard wants to be there, if only empty (PS3.3 C.7.1.1, C.7.2.1, C.7.3.1, C.7.6.1).
EMPTY = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "StudyID",
    "AccessionNumber",
    "ReferringPhysicianName",
    "SeriesNumber",
    "InstanceNumber",
    "Manufacturer",
)


def png(film: np.ndarray) -> bytes:
    """A film, float (H, W) in [0, 1], as an 8-bit grey PNG."""
    return _png(Image.fromarray(np.round(film * 255).astype(np.uint8)))


def png16(film: np.ndarray) -> bytes:
    """The same as a 16-bit grey PNG."""
    return _png(Image.fromarray(np.round(film * 65535).astype(np.uint16)))


def monochrome1(film: np.ndarray) -> bytes:
    """The same as an anonymous CR image of 12 bits, air stored bright."""
    stored = np.round(DARKEST + (BRIGHTEST - DARKEST) * film).astype("<u2")
    content = stored.tobytes()
    image = Dataset()
    image.SOPClassUID = ComputedRadiographyImageStorage
    image.SOPInstanceUID = _uid(content, "instance")
    image.StudyInstanceUID = _uid(content, "study")
    image.SeriesInstanceUID = _uid(content, "series")
    for empty in EMPTY:
        setattr(image, empty, None)
    image.PatientIdentityRemoved = "YES"
    image.DeidentificationMethod = "Composite of seven films; shows no single patient"
    image.Modality = "CR"
    image.BodyPartExamined = "CHEST"
    image.ViewPosition = "AP"
    image.BurnedInAnnotation = "NO"
    image.SamplesPerPixel = 1
    image.PhotometricInterpretation = "MONOCHROME1"
    image.Rows, image.Columns = film.shape
    image.BitsAllocated, image.BitsStored, image.HighBit = 16, BITS, BITS - 1
    image.PixelRepresentation = 0
    # PS3.3 C.11.2.1.2.1: a linear window runs from centre - 0.5 -+ (width - 1) / 2.
    image.WindowWidth = DARKEST - BRIGHTEST + 1
    image.WindowCenter = (DARKEST + BRIGHTEST + 1) / 2
    image.PixelData = content
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file = io.BytesIO()
    image.save_as(file, enforce_file_format=True)
    return file.getvalue()


def colour_card() -> bytes:
    """Colour bars over a grey ramp and a chequerboard: well exposed, and no radiograph."""
    rows, columns = 300, 400
    card = np.zeros((rows, columns, 3), dtype=np.uint8)
    bar = np.arange(columns) * 7 // columns
    for channel, period in enumerate((2, 4, 1)):  # white, yellow, cyan, ... blue, as on television
        card[:180, :, channel] = np.where(bar // period % 2 == 0, 190, 20)
    card[180:230] = np.linspace(0, 255, columns).astype(np.uint8)[None, :, None]
    chequers = (np.arange(rows - 230)[:, None] // 10 + np.arange(columns) // 10) % 2
    card[230:] = (chequers * 235)[:, :, None]
    return _png(Image.fromarray(card))


def _png(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=True)
    return file.getvalue()


def _uid(content: bytes, what: str) -> str:
    # Derived from the pixels, so that making the file again gives the same file.
    return generate_uid(entropy_srcs=[what, content.hex()])
