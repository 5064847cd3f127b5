"""DICOM -> Radiograph: modality values, then the window, then the polarity (PS3.3, C.11).

Only the elements listed here are ever read; names, dates and numbers of patients are skipped
unread, and no message quotes a header value that is not one of this module's own words.
"""

from __future__ import annotations

import hashlib
import logging
import zlib
from io import BytesIO

import numpy as np
import pydicom.config
from pydicom import Dataset, FileDataset, dcmread
from pydicom.filereader import read_dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian

from pneumo.dicom_frame import Frame, read_frame
from pneumo.dicom_grey import shown_grey
from pneumo.dicom_header import (
    DAMAGED,
    DAMAGED_HEADER,
    is_adult,
    number,
    require_frontal_chest,
    word,
)
from pneumo.errors import UnreadableImage
from pneumo.greyscale import grey_of_colour
from pneumo.radiograph import Radiograph, Source

# pydicom's warnings and error logs quote header values; a refusal says what is to be said.
pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
logging.getLogger("pydicom").setLevel(logging.CRITICAL)

MAX_INFLATED_BYTES = 150_000_000  # the largest allowed film at 3 x 8 bits, and its header
WANTED: list[str] = [
    *("SOPClassUID", "Modality", "BodyPartExamined", "ViewPosition", "BurnedInAnnotation"),
    "PatientAge",  # of which no more is kept than whether it is an adult's
    *("PresentationIntentType", "PresentationLUTShape", "PhotometricInterpretation"),
    *("Rows", "Columns", "SamplesPerPixel", "NumberOfFrames", "PlanarConfiguration"),
    *("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"),
    *("PixelPaddingValue", "PixelPaddingRangeLimit", "ImagerPixelSpacing", "PixelSpacing"),
    *("RescaleSlope", "RescaleIntercept", "ModalityLUTSequence", "VOILUTSequence"),
    *("WindowCenter", "WindowWidth", "VOILUTFunction", "PixelData"),
    *("ExtendedOffsetTable", "ExtendedOffsetTableLengths"),
]


def decode_dicom(data: bytes) -> Radiograph:
    """Decode a DICOM file. Raises UnreadableImage, or UnsuitableImage for another examination."""
    dataset = _read(data)
    require_frontal_chest(dataset)
    frame = read_frame(dataset)
    notes: list[str] = []
    if word(dataset, "PresentationIntentType") == "FOR PROCESSING":
        notes.append("This is the detector's raw picture, not the one meant for reading.")
    window, inverted, chroma = None, False, 0.0
    if frame.samples.ndim == 3:
        grey, chroma = grey_of_colour(_as_bytes(frame))
    else:
        grey, window, told = shown_grey(dataset, frame)
        notes.extend(told)
        inverted = frame.photometric == "MONOCHROME1"
    source = Source(
        format="DICOM",
        bits=frame.bits,
        photometric=frame.photometric,
        sha256=hashlib.sha256(data).hexdigest(),
        window=window,
        inverted=inverted,
        spacing_mm=_spacing_mm(dataset),
        chroma=chroma,
        burned_in=word(dataset, "BurnedInAnnotation") == "YES",
        adult=is_adult(word(dataset, "PatientAge")),
        notes=tuple(notes),
    )
    return Radiograph(grey, source)


def _read(data: bytes) -> FileDataset:
    has_preamble = data[128:132] == b"DICM"
    try:
        stream = BytesIO(_inflated(data, start=132 if has_preamble else 0))
        dataset = dcmread(stream, force=not has_preamble, specific_tags=WANTED)
    except DAMAGED as error:
        raise UnreadableImage(DAMAGED_HEADER) from error
    if not has_preamble and ("Rows" not in dataset or "PixelData" not in dataset):
        raise UnreadableImage(
            "This file is not a readable image; export the film as DICOM, PNG, JPEG or TIFF and"
            " upload that."
        )
    return dataset


def _inflated(data: bytes, *, start: int) -> bytes:
    """A deflated file (PS3.5, A.5) as a plain one; any other file as it is.

    pydicom would inflate without limit, and 50 MB can hold 50 GB of zeros.
    """
    if DeflatedExplicitVRLittleEndian.encode() not in data:
        return data
    stream = BytesIO(data)
    stream.seek(start)
    meta = read_dataset(
        stream,
        is_implicit_VR=False,
        is_little_endian=True,
        stop_when=lambda tag, vr, length: tag >> 16 != 2,
    )
    if meta.get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
        return data
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    plain = inflater.decompress(data[stream.tell() :], MAX_INFLATED_BYTES)
    if not inflater.eof:
        raise UnreadableImage(
            "This DICOM file is cut short or unpacks to more than the size allowed; export it"
            " again without compression."
        )
    syntax = b"\x02\x00\x10\x00UI\x14\x001.2.840.10008.1.2.1\x00"  # explicit VR little endian
    return bytes(128) + b"DICM" + syntax + plain


def _as_bytes(frame: Frame) -> np.ndarray:
    """Colour samples (H, W, 3) of any depth as 8 bits."""
    if frame.bits <= 8:
        return frame.samples.astype(np.uint8, copy=False)
    return (frame.samples >> (frame.bits - 8)).astype(np.uint8)


def _spacing_mm(dataset: Dataset) -> tuple[float, float] | None:
    """Row and column pitch in millimetres, at the detector where the file says so."""
    for keyword in ("ImagerPixelSpacing", "PixelSpacing"):
        row, column = number(dataset, keyword), number(dataset, keyword, index=1)
        if row and column and row > 0 and column > 0:
            return row, column
    return None
