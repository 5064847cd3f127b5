"""PNG, JPEG and TIFF -> Radiograph, by Pillow.

Colour profiles are ignored: greyscale films carry none that a viewer applies. A transparent film
is laid on black, the grey of air and of collimated edges; what hides under full transparency is
arbitrary and must not show.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from io import BytesIO

import numpy as np
from PIL import Image, TiffImagePlugin

from pneumo.errors import UnreadableImage
from pneumo.greyscale import grey_of_bytes, grey_of_colour, grey_of_numbers, grey_of_words
from pneumo.radiograph import Radiograph, Source, require_few_scans, require_size

# What Pillow's parsers raise on damaged files, beside the OSError that they document.
DAMAGED = (
    OSError,  # includes UnidentifiedImageError and truncated data
    SyntaxError,  # Pillow's word for a broken header
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    EOFError,
    OverflowError,
    ZeroDivisionError,
    AttributeError,
    RuntimeError,
    MemoryError,
    struct.error,
    zlib.error,
)
ORIENTATION = 0x0112  # EXIF 2.32, 4.6.4.A
TURNS = {  # orientation: transpose?, then the steps down the rows and across the columns
    1: (False, 1, 1),
    2: (False, 1, -1),
    3: (False, -1, -1),
    4: (False, -1, 1),
    5: (True, 1, 1),
    6: (True, 1, -1),
    7: (True, -1, -1),
    8: (True, -1, 1),
}
BITS_PER_SAMPLE, PHOTOMETRIC = 258, 262  # TIFF 6.0, section 8
WHITE_IS_ZERO = 0
PNG_DEPTH_AT = 24  # byte of IHDR's bit depth, a fixed place


def decode_picture(data: bytes) -> Radiograph:
    """Decode a PNG, JPEG or TIFF file. Raises UnreadableImage."""
    image = _open(data)
    require_size(width=image.width, height=image.height)
    if image.format in ("JPEG", "MPO"):
        require_few_scans(data)
    orientation = _orientation(image)
    bits = _bits_per_sample(image, data)
    tiff_tags = image.tag_v2 if isinstance(image, TiffImagePlugin.TiffImageFile) else {}
    inverted = tiff_tags.get(PHOTOMETRIC) == WHITE_IS_ZERO
    notes = ["This file holds several pictures; the first was read."] if _several(image) else []
    mode = image.mode
    try:
        image.load()  # applies a TIFF's orientation itself
        grey, chroma, note = _grey(image, inverted=inverted)
    except DAMAGED as error:
        raise UnreadableImage(
            "This picture is damaged or cut short; export the film again and upload the new copy."
        ) from error
    if bits == 16 and chroma is not None:
        note = "This 16-bit colour picture was read at 8 bits."
    source = Source(
        format="JPEG" if image.format == "MPO" else str(image.format),
        bits=bits,
        photometric=mode,
        sha256=hashlib.sha256(data).hexdigest(),
        inverted=inverted,
        chroma=chroma or 0.0,
        notes=(*notes, *([note] if note else [])),
    )
    return Radiograph(_upright(grey, orientation), source)


def _open(data: bytes) -> Image.Image:
    try:
        image = Image.open(BytesIO(data), formats=("PNG", "JPEG", "TIFF"))
        if image.format == "PNG":
            image.verify()  # decoding alone skips the checksums, and verifying spends the object
            image = Image.open(BytesIO(data), formats=("PNG",))
        return image
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UnreadableImage(
            "This picture has far too many pixels; export the film at a lower resolution."
        ) from error
    except DAMAGED as error:
        raise UnreadableImage(
            "This file is not a readable PNG, JPEG or TIFF picture; export the film again."
        ) from error


def _orientation(image: Image.Image) -> int:
    if image.format == "TIFF":
        return 1  # Pillow turns a TIFF while loading it
    try:
        return int(image.getexif().get(ORIENTATION, 1))
    except DAMAGED:
        return 1  # unreadable EXIF says nothing; the pixels stand as stored


def _bits_per_sample(image: Image.Image, data: bytes) -> int:
    if image.format == "PNG":
        return data[PNG_DEPTH_AT]
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        return int(image.tag_v2.get(BITS_PER_SAMPLE, (1,))[0])
    return 8


def _several(image: Image.Image) -> bool:
    return image.format != "MPO" and bool(getattr(image, "is_animated", False))


def _grey(image: Image.Image, *, inverted: bool) -> tuple[np.ndarray, float | None, str | None]:
    """Grey (H, W) in [0, 1], chroma (None where the file has one channel), what is to be told."""
    mode = image.mode
    if mode.startswith("I;16") or mode in ("I", "F"):
        grey, note = _grey_of_deep(np.asarray(image))
        # Pillow inverts WhiteIsZero up to 8 bits only.
        return 1 - grey if inverted else grey, None, note
    if mode in ("1", "L"):
        return grey_of_bytes(np.asarray(image.convert("L"))), None, None
    if mode in ("LA", "La", "PA", "RGBA", "RGBa") or (mode == "P" and "transparency" in image.info):
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), image)
    grey, chroma = grey_of_colour(np.asarray(image.convert("RGB")))
    return grey, chroma, None


def _grey_of_deep(samples: np.ndarray) -> tuple[np.ndarray, str | None]:
    """Samples of more than 8 bits (H, W) -> grey (H, W) in [0, 1], what is to be told."""
    if not np.isfinite(samples).all():
        raise UnreadableImage(
            "This picture holds values that are no numbers; export the film as 16-bit PNG or DICOM."
        )
    if samples.dtype.kind in "iu" and samples.min() >= 0 and samples.max() < 2**16:
        grey, depth = grey_of_words(samples.astype(np.uint16, copy=False))
        told = f"This 16-bit file uses {depth} bits only and was shown on that scale."
        return grey, told if depth < 16 else None
    grey, (low, high) = grey_of_numbers(samples)
    if low >= 0 and high <= 1:
        return grey, None
    return grey, f"This file names no grey scale: {low:g} was shown as black, {high:g} as white."


def _upright(grey: np.ndarray, orientation: int) -> np.ndarray:
    """Undo an EXIF orientation: (H, W) -> (H, W) or (W, H)."""
    turned, down, across = TURNS.get(orientation, TURNS[1])
    return np.ascontiguousarray((grey.T if turned else grey)[::down, ::across])
