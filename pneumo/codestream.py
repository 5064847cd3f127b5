"""Compressed frames by themselves: what size they declare, and the formats decoded here."""

from __future__ import annotations

import struct
import subprocess
import sys
from io import BytesIO

import numpy as np

START_OF_IMAGE = b"\xff\xd8"  # JPEG and JPEG-LS
START_OF_CODESTREAM = b"\xff\x4f\xff\x51"  # JPEG 2000: SOC, then SIZ
JPEG_LS_FRAME = 0xF7
RLE_HEADER = struct.Struct("<16I")  # number of segments, then their offsets (PS3.5, G.5)
START_SECONDS = 4.0  # for the JPEG-LS process; it needs 0.2 idle, over 1 on a busy machine
SECONDS_PER_PIXEL = 1e-6  # twenty times what CharLS needs
DECODE_JPEG_LS = """
import io, sys, imagecodecs, numpy
stream = io.BytesIO()
numpy.save(stream, imagecodecs.jpegls_decode(sys.stdin.buffer.read()))
sys.stdout.buffer.write(stream.getvalue())
"""
NO_FRAMES = (0xC4, 0xC8, 0xCC)  # tables that stand among the frame markers 0xC0-0xCF


def codestream_size(frame: bytes) -> tuple[int, int, int]:
    """Rows, columns and channels in a JPEG, JPEG-LS or JPEG 2000 header. Raises ValueError."""
    if frame.startswith(START_OF_IMAGE):
        return _jpeg_size(frame)
    start = frame.find(START_OF_CODESTREAM)  # behind boxes where the frame is a whole JP2 file
    if start < 0:
        raise ValueError("no codestream")
    right, bottom, left, top = struct.unpack_from(">4I", frame, start + 8)
    (channels,) = struct.unpack_from(">H", frame, start + 40)
    return bottom - top, right - left, channels


def _jpeg_size(frame: bytes) -> tuple[int, int, int]:
    at = 2
    while at + 10 <= len(frame):
        if frame[at] != 0xFF:
            raise ValueError("no marker where one must be")
        marker = frame[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        if marker == JPEG_LS_FRAME or (0xC0 <= marker <= 0xCF and marker not in NO_FRAMES):
            rows, columns, channels = struct.unpack_from(">HHB", frame, at + 5)
            return rows, columns, channels
        at += 2 + struct.unpack_from(">H", frame, at + 2)[0]
    raise ValueError("no frame header")


def deep_jpeg_samples(frame: bytes) -> np.ndarray:
    """A lossless or 12-bit JPEG -> (H, W), by libjpeg-turbo. Raises RuntimeError, ValueError."""
    import imagecodecs  # takes a second to import, and few films need it

    samples: np.ndarray = imagecodecs.jpeg8_decode(frame)
    return samples


def jpeg_ls_samples(frame: bytes, *, size: tuple[int, int, int]) -> np.ndarray:
    """A JPEG-LS frame -> (H, W), by CharLS. Raises SubprocessError, ValueError.

    On some damaged frames of 5 kB CharLS 2.4.3 works for half a minute, and nothing inside this
    process could stop it.
    """
    done = subprocess.run(
        [sys.executable, "-I", "-c", DECODE_JPEG_LS],
        input=frame,
        capture_output=True,
        check=True,
        timeout=START_SECONDS + size[0] * size[1] * SECONDS_PER_PIXEL,
    )
    samples: np.ndarray = np.load(BytesIO(done.stdout), allow_pickle=False)
    return samples


def rle_samples(frame: bytes, *, size: tuple[int, int, int], depth_bytes: int) -> np.ndarray:
    """A DICOM RLE frame (PS3.5, G) -> (H, W) or (H, W, C), uint8 or uint16.

    Never writes more than the declared size, however the runs add up. Raises RuntimeError where
    they do not add up, ValueError or struct.error for a broken header.
    """
    import imagecodecs

    rows, columns, channels = size
    count, *offsets = RLE_HEADER.unpack_from(frame)
    if count != channels * depth_bytes:
        raise ValueError(f"{count} segments for {channels} channels of {depth_bytes} bytes")
    ends = [*offsets[1:count], len(frame)]
    planes = np.zeros((channels, depth_bytes, rows * columns), dtype=np.uint8)
    for plane, start, end in zip(planes.reshape(count, -1), offsets[:count], ends, strict=True):
        if len(imagecodecs.packbits_decode(frame[start:end], out=plane.data)) != plane.size:
            raise ValueError("a segment is too short")
    # The most significant byte comes first.
    samples = planes.astype(f"u{depth_bytes}")[:, 0]
    if depth_bytes == 2:
        samples = samples << 8 | planes[:, 1]
    shaped = samples.reshape(channels, rows, columns)
    return shaped[0] if channels == 1 else np.ascontiguousarray(shaped.transpose(1, 2, 0))
