"""From the bytes of a file to a greyscale film."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pneumo.errors import UnreadableImage

MAX_BYTES = 50_000_000  # a 43 x 43 cm film at 0.1 mm and 16 bits has 37 MB
MAX_SCANS = 100  # of a JPEG; encoders write 1 to 15, and a thumbnail in its header as many
MAX_PIXELS = 40_000_000  # that film has 18.5 million; above 40 memory is the only thing gained

PICTURE_STARTS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
DICOM_STARTS = (b"\x02\x00\x00\x00", b"\x08\x00", b"\x00\x08\x00")  # of a file without preamble
FOREIGN_STARTS = {
    b"GIF8": "a GIF picture",
    b"BM": "a BMP picture",
    b"RIFF": "a WebP or video file",
    b"%PDF": "a PDF document",
    b"PK\x03\x04": "a ZIP archive or office document",
    b"\x1f\x8b": "a compressed archive",
    b"\0\0\0\x0cjP  ": "a bare JPEG 2000 file",
    b"\xff\x4f\xff\x51": "a bare JPEG 2000 file",
}


@dataclass(frozen=True)
class Source:
    """What was decoded. Holds nothing that could identify a patient."""

    format: str  # "JPEG", "PNG", "TIFF" or "DICOM"
    bits: int  # stored bits per sample
    photometric: str  # DICOM's term, or Pillow's mode for other files
    sha256: str  # of the file's bytes, hexadecimal
    window: tuple[float, float] | None = None  # centre and width, modality units; DICOM only
    inverted: bool = False  # True where the file stores air bright (MONOCHROME1, WhiteIsZero)
    spacing_mm: tuple[float, float] | None = None  # row and column pitch at the detector
    chroma: float = 0.0  # mean difference between colour channels, in [0, 1]
    burned_in: bool = False  # the file says that annotation is burned into the pixels
    adult: bool = False  # the file says that the patient was 18 years or older
    notes: tuple[str, ...] = ()  # choices made while decoding, one English sentence each


@dataclass(frozen=True, eq=False)
class Radiograph:
    """A greyscale film: air is dark, bone is bright, range [0, 1]."""

    pixels: np.ndarray  # float32 (H, W), read-only
    source: Source

    def __post_init__(self) -> None:
        if self.pixels.ndim != 2 or self.pixels.dtype != np.float32:
            raise TypeError(f"expected float32 (H, W), got {self.pixels.dtype} {self.pixels.shape}")
        if not (self.pixels.min() >= 0 and self.pixels.max() <= 1):  # also false for NaN
            raise ValueError("a film's grey levels lie in [0, 1]")
        self.pixels.setflags(write=False)

    @property
    def aspect(self) -> float:
        """Width / height."""
        height, width = self.pixels.shape
        return float(width / height)


def decode(data: bytes) -> Radiograph:
    """Decode a file by its content, never by its name. Raises UnreadableImage, UnsuitableImage.

    UnsuitableImage is raised only where a DICOM header names another modality, body part or view.
    """
    if not data:
        raise UnreadableImage("This file is empty; export the film again and upload the new copy.")
    if len(data) > MAX_BYTES:
        raise UnreadableImage(
            f"This file has {len(data) / 1e6:.0f} MB, above the limit of {MAX_BYTES // 10**6} MB;"
            " export the film at a lower resolution."
        )
    # Imported late: both modules build on this one, and training needs neither of their decoders.
    from pneumo.dicom import decode_dicom
    from pneumo.picture import decode_picture

    # A DICOM preamble may hold a TIFF header (PS3.10, 7.1); DICOM knows the polarity, so it wins.
    if data[128:132] == b"DICM":
        return decode_dicom(data)
    if data.startswith(PICTURE_STARTS):
        return decode_picture(data)
    if data.startswith(DICOM_STARTS):
        return decode_dicom(data)
    kind = next((name for start, name in FOREIGN_STARTS.items() if data.startswith(start)), None)
    known = f"This is {kind}" if kind else "This file is not a readable image"
    raise UnreadableImage(f"{known}; export the film as DICOM, PNG, JPEG or TIFF and upload that.")


def require_few_scans(data: bytes) -> None:
    """Refuse a JPEG whose picture is built up in more steps than any program writes.

    Each costs as much time as the whole picture and takes no more than a few bytes (Cure53 2015,
    "libjpeg-turbo audit", LJT-01-004). Raises UnreadableImage.
    """
    # Within the coded pixels an 0xFF is followed by a zero, so this counts the scans' markers.
    if data.count(b"\xff\xda") > MAX_SCANS:
        raise UnreadableImage(
            "This JPEG is made up to keep a program busy; export the film again as a plain JPEG."
        )


def require_size(*, width: int, height: int) -> None:
    """Refuse a declared size before any pixel is decoded. Raises UnreadableImage."""
    if width < 1 or height < 1:
        raise UnreadableImage("This file holds no pixels; export the film again.")
    if width * height > MAX_PIXELS:
        raise UnreadableImage(
            f"This picture has {width} x {height} pixels, above the limit of"
            f" {MAX_PIXELS // 10**6} million; export the film at a lower resolution."
        )
