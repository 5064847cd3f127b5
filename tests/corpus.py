"""Files that must be answered with a sentence: foreign, damaged, lying, swelling or no film.

They are made here at every run, so that none of them is ever stored; what a user meets by accident
stands beside what somebody would build on purpose.
"""

from __future__ import annotations

import io
import tarfile
import zlib
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
from films import (
    COMPRESSED,
    HEIGHT_PX,
    NATIVE,
    chest,
    dicom,
    jpeg_dicom,
    picture,
)
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.uid import (
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    JPEGBaseline8Bit,
    RLELossless,
)


def png_header(*, width: int, height: int) -> bytes:
    """A PNG that declares a size and holds hardly any pixels."""

    ihdr = width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x00\x00\x00\x00"
    pixels = zlib.compress(bytes(10_000))
    start = b"\x89PNG\r\n\x1a\n"
    return start + _chunk(b"IHDR", ihdr) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


def bad_files() -> dict[str, bytes]:
    """Files that must be refused with a sentence, whoever asks."""
    film = chest()
    twelve = film.astype(np.uint16) * 16
    whole = {
        "PNG": picture(film),
        "JPEG": picture(film, "JPEG"),
        "TIFF": picture(film, "TIFF"),
        "TIFF, LZW": picture(film, "TIFF", compression="tiff_lzw"),
        "DICOM": dicom(twelve, bits=12),
        "JPEG DICOM": jpeg_dicom(film),
        **{f"{s.name} DICOM": dicom(twelve, bits=12, syntax=s) for s in (*NATIVE[3:], *COMPRESSED)},
    }
    cut = {f"{name} cut in half": data[: len(data) // 2] for name, data in whole.items()}
    heads = {f"only the first 20 bytes of {name}": data[:20] for name, data in whole.items()}
    made_up = _polyglots(film) | _archives(film) | _bombs(film)
    return cut | heads | _foreign_files(film) | _bad_pictures(film) | _bad_dicom(twelve) | made_up


def _foreign_files(film: np.ndarray) -> dict[str, bytes]:
    frames = [Image.fromarray(film), Image.fromarray(film[::-1])]
    return {
        "empty": b"",
        "one byte": b"\x00",
        "text": "Röntgen thorax: unauffällig.\n".encode() * 20,
        "zeros": bytes(5000),
        "noise": np.random.default_rng(1).bytes(5000),
        "51 MB of zeros": bytes(51_000_000),
        "animated GIF": picture(frames[0], "GIF", save_all=True, append_images=frames[1:]),
        "BMP": picture(film, "BMP"),
        "WebP": picture(film, "WEBP"),
        "bare JPEG 2000": picture(film, "JPEG2000"),
        "PDF": b"%PDF-1.7\n%%EOF\n",
        "ZIP": b"PK\x03\x04" + bytes(100),
        "gzip": b"\x1f\x8b" + bytes(100),
        "SVG": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "PNG named in its first bytes only": b"\x89PNG\r\n\x1a\n",
        "JPEG named in its first bytes only": b"\xff\xd8\xff",
        "TIFF named in its first bytes only": b"II*\x00",
        "DICOM named in its first bytes only": bytes(128) + b"DICM",
    }


def _bad_pictures(film: np.ndarray) -> dict[str, bytes]:
    broken = bytearray(picture(film))
    broken[len(broken) // 2] ^= 0xFF
    return {
        "20,000 x 20,000 PNG": png_header(width=20_000, height=20_000),
        "8,000 x 8,000 PNG": png_header(width=8_000, height=8_000),
        "PNG without rows": png_header(width=100, height=0),
        "PNG with too few pixels": png_header(width=2_000, height=2_000),
        "PNG with a flipped byte": bytes(broken),
        "TIFF of no numbers": picture(np.full((50, 60), np.nan, np.float32), "TIFF"),
        "PNG inside text": b"hello" + picture(film),
    }


def _bad_dicom(twelve: np.ndarray) -> dict[str, bytes]:
    def film(**elements: Any) -> bytes:
        return dicom(twelve, bits=12, **elements)

    eight = (twelve // 16).astype(np.uint8)
    larger = encapsulate([picture(chest(height=2 * HEIGHT_PX), "JPEG")])
    bomb = zlib.compressobj(1, wbits=-15)
    zeros = b"".join([*(bomb.compress(bytes(10**6)) for _ in range(160)), bomb.flush()])
    deflated = dicom(twelve, bits=12, syntax=DeflatedExplicitVRLittleEndian)
    meta_end = 144 + int.from_bytes(deflated[140:144], "little")
    runs = np.array([2, 64, 100_064] + [0] * 13, dtype="<u4").tobytes() + b"\x81\x00" * 100_000
    return {
        "DICOM CT": film(Modality="CT", SOPClassUID=CTImageStorage, BodyPartExamined="CHEST"),
        "DICOM mammogram": film(Modality="MG"),
        "DICOM of a made-up modality": film(Modality="QQ"),
        "DICOM tibia": film(BodyPartExamined="TIBIA"),
        "DICOM abdomen": film(BodyPartExamined="ABDOMEN"),
        "DICOM lateral": film(ViewPosition="LL"),
        "DICOM of many frames": film(NumberOfFrames=30),
        "DICOM without rows": film(Rows=0),
        "DICOM without the number of rows": film(Rows=None),
        "DICOM of 65,535 x 65,535": film(Rows=65535, Columns=65535),
        "DICOM larger than its data": film(Rows=1000),
        "DICOM of 32 bits": film(BitsAllocated=32),
        "DICOM of 1 bit": film(BitsAllocated=1, BitsStored=1),
        "DICOM with more bits than room": film(BitsStored=20),
        "DICOM of two channels": film(SamplesPerPixel=2),
        "DICOM with a palette": film(PhotometricInterpretation="PALETTE COLOR"),
        "DICOM with a slope of zero": film(RescaleSlope=0, RescaleIntercept=0),
        "DICOM with a slope beyond numbers": dicom(eight, bits=8, RescaleSlope="1e308"),
        "DICOM lost in its intercept": dicom(
            eight, bits=8, RescaleSlope=1, RescaleIntercept="1e30"
        ),
        "DICOM of an unknown syntax": film(
            syntax="1.2.840.10008.1.2.4.100", pixels=encapsulate([bytes(100)])
        ),
        "DICOM whose JPEG is zeros": film(
            syntax=JPEGBaseline8Bit, pixels=encapsulate([bytes(100)])
        ),
        "DICOM whose JPEG is text": film(
            syntax=JPEGBaseline8Bit, pixels=encapsulate([b"text" * 9])
        ),
        "DICOM whose frame is larger than declared": film(syntax=JPEGBaseline8Bit, pixels=larger),
        "DICOM whose runs never end": film(syntax=RLELossless, pixels=encapsulate([runs])),
        "DICOM that inflates without end": deflated[:meta_end] + zeros,
        "DICOM without pixel data": film(pixels=b"").rpartition(b"\xe0\x7f\x10\x00")[0],
    }


def unsuitable_pictures() -> dict[str, bytes]:
    """Files that decode, and that the gate must refuse before any number is shown."""
    rng = np.random.default_rng(3)
    colour = rng.integers(0, 256, (200, 240, 3), dtype=np.uint8)
    return {
        "a black picture": picture(np.zeros((300, 300), np.uint8)),
        "a white picture": picture(np.full((300, 300), 255, np.uint8), "JPEG"),
        "a grey DICOM": dicom(np.full((200, 200), 700, np.uint16), bits=12),
        "a coloured photograph": picture(colour, "JPEG"),
        "an icon": picture(chest(height=32, width=32)),
        "a banner": picture(chest(height=130, width=900)),
        "a column": picture(chest(height=900, width=130)),
        "one pixel": picture(np.zeros((1, 1), np.uint8), "TIFF"),
        "an inverted drawing": picture(255 - chest()),
    }


def scans(film: np.ndarray, times: int) -> bytes:
    """A progressive JPEG whose last scan stands there many times over."""
    data = picture(film, "JPEG", progressive=True)
    last, end = data.rindex(b"\xff\xda"), data.rindex(b"\xff\xd9")
    return data[:last] + times * data[last:end] + data[end:]


def _chunk(kind: bytes, body: bytes) -> bytes:
    check = zlib.crc32(kind + body).to_bytes(4, "big")
    return len(body).to_bytes(4, "big") + kind + body + check


def _polyglots(film: np.ndarray) -> dict[str, bytes]:
    """Two kinds of file in one; the first bytes decide, and what they promise is not there."""
    jpeg = picture(film, "JPEG")
    return {
        "PDF that is a JPEG further down": b"%PDF-1.4\n" + jpeg,
        "GIF that is a JPEG further down": b"GIF89a" + jpeg,
        "HTML with a JPEG behind it": b"<!doctype html><script>alert(1)</script>" + jpeg,
        "program with a PNG behind it": b"\x7fELF" + bytes(60) + picture(film),
        "shell script": b"#!/bin/sh\nexit 0\n",
        "JPEG start before a PNG": b"\xff\xd8\xff" + picture(film),
        "TIFF start before a DICOM": b"II*\0" + dicom(film, bits=8)[132:],
        "DICOM mark before a PNG": bytes(128) + b"DICM" + picture(film),
        "film of a camera": b"\0\0\0\x18ftypmp42" + bytes(200),
    }


def _archives(film: np.ndarray) -> dict[str, bytes]:
    inner = io.BytesIO()
    with ZipFile(inner, "w", ZIP_DEFLATED) as file:
        file.writestr("../../film.png", picture(film))
    outer = io.BytesIO()
    with ZipFile(outer, "w") as file:
        file.writestr("inner.zip", inner.getvalue())
    tape = io.BytesIO()
    with tarfile.open(fileobj=tape, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("film.png"), io.BytesIO())
    return {
        "ZIP of one film": inner.getvalue(),
        "ZIP in a ZIP": outer.getvalue(),
        "tape archive": tape.getvalue(),
        "7z archive": b"7z\xbc\xaf\x27\x1c" + bytes(40),
    }


def _bombs(film: np.ndarray) -> dict[str, bytes]:
    start = b"\x89PNG\r\n\x1a\n"
    png = picture(film)
    ihdr_end = len(start) + 25
    swelling = zlib.compress(bytes(80_000_000), 9)
    text = _chunk(b"zTXt", b"Comment\0\0" + swelling)
    tiff = bytearray(picture(film, "TIFF"))
    at = int.from_bytes(tiff[4:8], "little")
    entries = int.from_bytes(tiff[at : at + 2], "little")
    tiff[at + 2 : at + 2 + 12 * entries] = tiff[at + 2 : at + 14] * entries  # one tag, repeated
    return {
        "PNG whose comment swells to 80 MB": png[:ihdr_end] + text + png[ihdr_end:],
        "JPEG of 3,000 scans": scans(film, 3_000),
        "DICOM whose JPEG has 3,000 scans": dicom(
            film, bits=8, syntax=JPEGBaseline8Bit, pixels=encapsulate([scans(film, 3_000)])
        ),
        "JPEG of 65,500 x 65,500": _resized_jpeg(film, 65_500),
        "TIFF that repeats one tag": bytes(tiff),
        "TIFF whose directory lies beyond its end": b"II*\0" + b"\xff\xff\xff\x7f" + bytes(100),
        "TIFF whose directory is its own header": b"II*\0\0\0\0\0" + bytes(100),
    }


def _resized_jpeg(film: np.ndarray, side: int) -> bytes:
    """A JPEG whose header declares another size than it holds."""
    data = bytearray(picture(film, "JPEG"))
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = side.to_bytes(2, "big") * 2
    return bytes(data)
