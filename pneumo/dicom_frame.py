"""The stored samples of a DICOM file, decoded only after its declared size is believed.

| transfer syntax                         | decoder               | licence    |
|-----------------------------------------|-----------------------|------------|
| uncompressed, little or big endian      | pydicom               | MIT        |
| JPEG baseline (8 bits)                  | Pillow                | MIT-CMU    |
| JPEG extended (12 bits), JPEG lossless  | imagecodecs           | BSD-3      |
| JPEG-LS (in a process of its own)       | imagecodecs           | BSD-3      |
| JPEG 2000, high-throughput JPEG 2000    | pylibjpeg-openjpeg    | MIT        |
| RLE                                     | imagecodecs           | BSD-3      |

pydicom would also take python-gdcm, which ends the whole process on some damaged lossless JPEGs,
pylibjpeg-rle, which panics on damaged runs, and pylibjpeg-libjpeg, which is under the GPL.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydicom import FileDataset, uid
from pydicom.encaps import get_frame
from pydicom.pixels.decoders.base import get_decoder

from pneumo.codestream import codestream_size, deep_jpeg_samples, jpeg_ls_samples, rle_samples
from pneumo.dicom_header import DAMAGED, count, word
from pneumo.errors import UnreadableImage
from pneumo.radiograph import require_few_scans, require_size

DECODERS = {
    uid.JPEGBaseline8Bit: "pillow",
    uid.JPEG2000Lossless: "pylibjpeg",
    uid.JPEG2000: "pylibjpeg",
    uid.HTJ2KLossless: "pylibjpeg",
    uid.HTJ2KLosslessRPCL: "pylibjpeg",
    uid.HTJ2K: "pylibjpeg",
}
DEEP_JPEG = (uid.JPEGExtended12Bit, uid.JPEGLossless, uid.JPEGLosslessSV1)
PLAIN = (
    uid.ImplicitVRLittleEndian,
    uid.ExplicitVRLittleEndian,
    uid.ExplicitVRBigEndian,
)
JPEG_LS = (uid.JPEGLSLossless, uid.JPEGLSNearLossless)
GREY = ("MONOCHROME1", "MONOCHROME2")
COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")
CUT_SHORT = "This DICOM file is damaged or cut short; export the film again."


@dataclass(frozen=True, eq=False)
class Frame:
    """Samples as they are stored: unsigned codes of ``bits`` bits."""

    samples: np.ndarray  # uint8 or uint16, (H, W) grey or (H, W, 3) RGB
    bits: int
    signed: bool  # the codes are two's complement
    photometric: str


@dataclass(frozen=True)
class _Layout:
    """The declared layout of the pixel data, checked for what this module can decode."""

    rows: int
    columns: int
    channels: int
    allocated: int
    bits: int
    photometric: str

    @property
    def bytes(self) -> int:
        """Length of the uncompressed samples."""
        size = self.rows * self.columns * self.channels * (self.allocated // 8)
        return size * 2 // 3 if self.photometric == "YBR_FULL_422" else size


def read_frame(dataset: FileDataset) -> Frame:
    """The one frame of a dataset. Raises UnreadableImage."""
    layout = _layout(dataset)
    syntax = _transfer_syntax(dataset)
    try:
        pixels = dataset.PixelData
    except DAMAGED as error:
        raise UnreadableImage(CUT_SHORT) from error
    if not isinstance(pixels, bytes):
        raise UnreadableImage(CUT_SHORT)
    if syntax in PLAIN:
        if len(pixels) < layout.bytes:
            raise UnreadableImage(CUT_SHORT)
    elif not _is_decodable(syntax, layout.photometric):
        raise UnreadableImage(
            "This DICOM file is compressed in a way that is not supported; export it uncompressed."
        )
    dataset.file_meta.TransferSyntaxUID = syntax
    try:
        samples = _decoded(dataset, pixels, layout, syntax)
    except DAMAGED as error:
        raise UnreadableImage(CUT_SHORT) from error
    expected = (layout.rows, layout.columns) + ((3,) if layout.channels == 3 else ())
    if samples.shape != expected or samples.dtype.itemsize > 2:
        raise UnreadableImage(CUT_SHORT)
    return Frame(
        samples=_codes(samples, layout.bits),
        bits=layout.bits,
        signed=count(dataset, "PixelRepresentation", absent=0) == 1,
        photometric=layout.photometric,
    )


def _is_decodable(syntax: uid.UID, photometric: str) -> bool:
    if syntax == uid.RLELossless:
        return photometric in (*GREY, "RGB")  # no decoder here changes the colour space
    return syntax in DECODERS or (syntax in (*DEEP_JPEG, *JPEG_LS) and photometric in GREY)


def _decoded(dataset: FileDataset, pixels: bytes, layout: _Layout, syntax: uid.UID) -> np.ndarray:
    """The stored samples, (H, W) or (H, W, 3) RGB. Raises one of DAMAGED."""
    if syntax not in PLAIN:
        frame = get_frame(pixels, 0, number_of_frames=1)
        size = (layout.rows, layout.columns, layout.channels)
        if syntax == uid.RLELossless:
            return rle_samples(frame, size=size, depth_bytes=layout.allocated // 8)
        # Decoders believe the frame, whatever the header says, and allocate what it asks for.
        if codestream_size(frame) != size:
            raise ValueError("the frame is not of the size in the header")
        if syntax == uid.JPEGBaseline8Bit or syntax in DEEP_JPEG:
            require_few_scans(frame)
        if syntax in DEEP_JPEG:
            return deep_jpeg_samples(frame)
        if syntax in JPEG_LS:
            return jpeg_ls_samples(frame, size=size)
    plugin = DECODERS.get(syntax, "")
    samples: np.ndarray = get_decoder(syntax).as_array(dataset, index=0, decoding_plugin=plugin)[0]
    return samples


def _layout(dataset: FileDataset) -> _Layout:
    if "PixelData" not in dataset:
        raise UnreadableImage(
            "This DICOM file holds no complete picture; export it again, or choose another file of"
            " the examination."
        )
    if count(dataset, "NumberOfFrames", absent=1) > 1:
        raise UnreadableImage(
            "This DICOM file holds several frames; upload a single film, not a series or a cine."
        )
    layout = _Layout(
        rows=count(dataset, "Rows"),
        columns=count(dataset, "Columns"),
        channels=count(dataset, "SamplesPerPixel", absent=1),
        allocated=count(dataset, "BitsAllocated"),
        bits=count(dataset, "BitsStored"),
        photometric=word(dataset, "PhotometricInterpretation") or "MONOCHROME2",
    )
    require_size(width=layout.columns, height=layout.rows)
    known = GREY if layout.channels == 1 else COLOUR if layout.channels == 3 else ()
    if layout.photometric not in known or layout.allocated not in (8, 16):
        raise UnreadableImage(
            "This DICOM file stores its picture in a way that is not supported; export it as"
            " 8 to 16-bit greyscale."
        )
    if not 1 <= layout.bits <= layout.allocated:
        raise UnreadableImage(CUT_SHORT)
    return layout


def _transfer_syntax(dataset: FileDataset) -> uid.UID:
    declared = dataset.file_meta.get("TransferSyntaxUID")
    if declared:
        return uid.UID(str(declared))
    implicit, little = dataset.original_encoding  # as pydicom found it, for a file that omits it
    if implicit:
        return uid.ImplicitVRLittleEndian
    return uid.ExplicitVRLittleEndian if little else uid.ExplicitVRBigEndian


def _codes(samples: np.ndarray, bits: int) -> np.ndarray:
    """Samples as unsigned codes, without the overlays that old files keep in the unused bits."""
    native = np.ascontiguousarray(samples, dtype=samples.dtype.newbyteorder("="))
    codes = native.view(f"u{native.dtype.itemsize}")
    return codes if bits >= 8 * codes.dtype.itemsize else codes & codes.dtype.type(2**bits - 1)
