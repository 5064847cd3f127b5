"""From the bytes of a file to a greyscale film."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


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
        return self.pixels.shape[1] / self.pixels.shape[0]


def decode(data: bytes) -> Radiograph:
    """Decode a file by its content. Raises UnreadableImage."""
    raise NotImplementedError
