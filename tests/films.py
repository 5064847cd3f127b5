"""Films for tests: one drawn picture, written in every way that films are stored.

The picture is a drawing for tests only; no model ever learns or reports from it.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any

import imagecodecs
import numpy as np
from PIL import Image
from pydicom import Dataset, FileMetaDataset, dcmwrite
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
    generate_uid,
)

HEIGHT_PX, WIDTH_PX = 240, 300
EXIF_ORIENTATION = 0x0112
NATIVE = (
    ImplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
)
COMPRESSED = (RLELossless, JPEG2000Lossless, JPEGLSLossless, JPEGLosslessSV1)


def chest(*, height: int = HEIGHT_PX, width: int = WIDTH_PX, seed: int = 0) -> np.ndarray:
    """A drawn chest-like picture, uint8 (height, width), from 0 (air) to 255; not symmetric."""
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    body = np.clip(1.25 - (np.abs(x) / 0.9) ** 6, 0, 1) * 0.75
    lungs = sum(
        np.exp(-((np.hypot((x - centre) / 0.33, (y + 0.05) / 0.62)) ** 6))
        for centre in (-0.42, 0.42)
    )
    heart = np.exp(-((np.hypot((x - 0.12) / 0.3, (y - 0.35) / 0.3)) ** 4))
    ribs = 0.08 * np.cos(18 * (y - 0.35 * x**2)) * lungs
    spine = 0.2 * np.exp(-((x / 0.07) ** 2))
    noise = np.random.default_rng(seed).normal(0, 0.01, (height, width))
    film = body - 0.5 * lungs * (1 - 0.8 * heart) + ribs + spine + noise
    film[: height // 12, : width // 10] = 1  # a marker, so that turning and flipping show
    film[-1] = 0
    return np.round(np.clip(film, 0, 1) * 255).astype(np.uint8)


def picture(samples: np.ndarray | Image.Image, format: str = "PNG", **options: Any) -> bytes:
    """Samples as one file of Pillow's."""
    image = samples if isinstance(samples, Image.Image) else Image.fromarray(samples)
    stream = BytesIO()
    image.save(stream, format=format, **options)
    return stream.getvalue()


def turned(film: np.ndarray, orientation: int, format: str = "JPEG") -> bytes:
    """A film stored turned or mirrored, with the EXIF orientation that undoes it."""
    T = Image.Transpose
    stored = {
        1: None,
        2: T.FLIP_LEFT_RIGHT,
        3: T.ROTATE_180,
        4: T.FLIP_TOP_BOTTOM,
        5: T.TRANSPOSE,
        6: T.ROTATE_90,
        7: T.TRANSVERSE,
        8: T.ROTATE_270,
    }[orientation]
    image = Image.fromarray(film)
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = orientation
    options = {"quality": 95} if format == "JPEG" else {}
    return picture(
        image if stored is None else image.transpose(stored), format, exif=exif, **options
    )


def header(samples: np.ndarray, *, bits: int, **elements: Any) -> Dataset:
    """A DICOM header for grey (H, W) or RGB (H, W, 3) samples; elements set None are removed."""
    dataset = Dataset()
    dataset.SOPClassUID = DigitalXRayImageStorageForPresentation
    dataset.SOPInstanceUID = generate_uid(entropy_srcs=["film"])
    dataset.PatientName, dataset.PatientID = "Planted^Name", "PLANTED-4711"
    dataset.Modality, dataset.BodyPartExamined, dataset.ViewPosition = "DX", "CHEST", "AP"
    dataset.Rows, dataset.Columns = samples.shape[:2]
    dataset.SamplesPerPixel = 3 if samples.ndim == 3 else 1
    dataset.PhotometricInterpretation = "RGB" if samples.ndim == 3 else "MONOCHROME2"
    if samples.ndim == 3:
        dataset.PlanarConfiguration = 0
    dataset.BitsAllocated = 8 * samples.dtype.itemsize
    dataset.BitsStored, dataset.HighBit = bits, bits - 1
    dataset.PixelRepresentation = int(samples.dtype.kind == "i")
    for keyword, value in elements.items():
        if value is None:
            delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)
    return dataset


def dicom(
    samples: np.ndarray,
    *,
    bits: int,
    syntax: str = ExplicitVRLittleEndian,
    pixels: bytes | None = None,
    **elements: Any,
) -> bytes:
    """A DICOM file of samples; ``pixels`` replaces the pixel data as it stands in the file."""
    if syntax in (JPEGLosslessSV1, JPEGLSLossless) and pixels is None:
        return _by_imagecodecs(samples, bits=bits, syntax=syntax, **elements)
    dataset = header(samples, bits=bits, **elements)
    dataset.file_meta = FileMetaDataset()
    compress = syntax in COMPRESSED and pixels is None
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian if compress else syntax
    order = ">" if syntax == ExplicitVRBigEndian else "<"
    stored = samples.astype(samples.dtype.newbyteorder(order)).tobytes()
    dataset.PixelData = stored + bytes(len(stored) % 2) if pixels is None else pixels
    dataset["PixelData"].VR = "OW" if samples.dtype.itemsize == 2 else "OB"
    if pixels is not None and syntax not in NATIVE:
        dataset["PixelData"].is_undefined_length = True
    if compress:
        dataset.compress(syntax, generate_instance_uid=False)
    stream = BytesIO()
    dcmwrite(stream, dataset, enforce_file_format=True)
    return stream.getvalue()


def jpeg_dicom(film: np.ndarray, **elements: Any) -> bytes:
    """A baseline JPEG inside DICOM."""
    frame = encapsulate([picture(film, "JPEG", quality=95)])
    return dicom(film, bits=8, syntax=JPEGBaseline8Bit, pixels=frame, **elements)


def _by_imagecodecs(samples: np.ndarray, *, bits: int, syntax: str, **elements: Any) -> bytes:
    """Lossless JPEG (process 14, selection value 1) or JPEG-LS: pydicom alone writes neither."""
    codes = samples.view(f"u{samples.dtype.itemsize}") & (2**bits - 1)
    if syntax == JPEGLosslessSV1:
        frame = imagecodecs.jpeg8_encode(codes, lossless=True, bitspersample=bits)
    else:
        frame = imagecodecs.jpegls_encode(codes)
    pixels = encapsulate([frame])
    return dicom(samples, bits=bits, syntax=syntax, pixels=pixels, **elements)


def one_film_in_every_format(film: np.ndarray) -> dict[str, bytes]:
    """One uint8 (H, W) film, stored in every way that must decode to the same picture."""
    deep = film.astype(np.uint16) * 257  # 255 -> 65535
    twelve = np.round(film / 255 * 4095).astype(np.uint16)
    window = {"WindowCenter": 2048, "WindowWidth": 4096}
    opaque = np.full_like(film, 255)
    files = {
        "8-bit PNG": picture(film),
        "16-bit PNG": picture(deep),
        "12 bits in a 16-bit PNG": picture(twelve),
        "RGB PNG": picture(np.stack([film] * 3, axis=2)),
        "RGBA PNG": picture(np.dstack([film, film, film, opaque])),
        "grey and alpha PNG": picture(Image.merge("LA", [*map(Image.fromarray, (film, opaque))])),
        "palette PNG": picture(Image.fromarray(film).convert("P")),
        "8-bit TIFF": picture(film, "TIFF"),
        "16-bit TIFF": picture(deep, "TIFF"),
        "16-bit TIFF, big endian": picture(deep.astype(">u2"), "TIFF"),
        "16-bit TIFF, deflated": picture(deep, "TIFF", compression="tiff_adobe_deflate"),
        "float TIFF": picture(film.astype(np.float32) / 255, "TIFF"),
        "8-bit TIFF, white is zero": white_is_zero(255 - film),
        "16-bit TIFF, white is zero": white_is_zero(65535 - deep),
        "CMYK TIFF": picture(Image.fromarray(film).convert("CMYK"), "TIFF"),
        "JPEG 95": picture(film, "JPEG", quality=95),
        "RGB JPEG 95": picture(np.stack([film] * 3, axis=2), "JPEG", quality=95),
        "CMYK JPEG 95": picture(Image.fromarray(film).convert("CMYK"), "JPEG", quality=95),
        "8-bit DICOM": dicom(film, bits=8),
        "RGB DICOM": dicom(np.stack([film] * 3, axis=2), bits=8),
        "JPEG DICOM": jpeg_dicom(film),
        "12-bit JPEG DICOM": dicom(
            twelve,
            bits=12,
            syntax=JPEGExtended12Bit,
            pixels=encapsulate([imagecodecs.jpeg8_encode(twelve, level=95, bitspersample=12)]),
            **window,
        ),
        "MONOCHROME1": dicom(
            4095 - twelve, bits=12, PhotometricInterpretation="MONOCHROME1", **window
        ),
        "signed": dicom(twelve.astype(np.int16) - 2048, bits=12, WindowCenter=0, WindowWidth=4096),
        "no preamble": dicom(twelve, bits=12, **window)[132:],
    }
    for syntax in (*NATIVE, *COMPRESSED):
        files[f"MONOCHROME2, {syntax.name}"] = dicom(twelve, bits=12, syntax=syntax, **window)
    return files


def white_is_zero(samples: np.ndarray) -> bytes:
    """A TIFF whose tag 262 says that 0 is white; the samples are written as they are."""
    data = bytearray(picture(samples, "TIFF"))
    at = data.index(b"\x06\x01\x03\x00\x01\x00\x00\x00")  # tag 262, SHORT, one value
    data[at + 8] = 0
    return bytes(data)
