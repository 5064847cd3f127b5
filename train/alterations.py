"""Films altered in one nuisance with the lungs untouched: the interventions of the audit.

A *lung pixel* is a pixel inside the lung mask found on the unaltered film, or closer to it than
``MARGIN_PX``. An alteration leaves the lungs untouched when every lung pixel keeps its grey level
and its place beside the other lung pixels: the frame around them may grow, shrink or be painted.
The mask holds the lung behind the heart; the spine and the upper mediastinum lie outside it, and
exposure, gamma and blur do change them, fading in over ``FEATHER`` so that no edge is drawn along
the lungs. Two kinds are different and say so: ``stretched`` changes only the width of a pixel, a
number that the film carries, and JPEG touches every pixel.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from pneumo.geometry import CANONICAL_PX

MARGIN_PX = 4  # of 224: twice the reach of both resamplings, and the mask's own uncertainty
FEATHER = 0.06  # of the film's height: where a change outside the lungs reaches full strength
BOX_MARGIN = 0.05  # of the lungs' box: how much of the frame a cut leaves
BAR = 0.10  # of the film's side, on each side that gets a bar
LETTER = 0.12  # of the film's height: a large lead marker
LETTER_AT = 0.03  # of the film's height, from the corner
CORNER = 0.16  # of the side: a burned-in letter with its surroundings
EXPOSURE, GAMMA = 0.15, 1.5  # as in train.shifts
BLUR = 1.5 / CANONICAL_PX  # of the film's height, as in train.shifts
QUALITY = 30


@dataclass(frozen=True, eq=False)
class Plate:
    """A film at its own resolution, and where the lungs of the unaltered film lie on it."""

    pixels: NDArray[np.float32]  # (H, W) in [0, 1]
    lungs: NDArray[np.bool_]  # (H, W), margin included
    pixel_aspect: float = 1.0  # width / height of one pixel

    def __post_init__(self) -> None:
        if self.pixels.shape != self.lungs.shape:
            raise ValueError(f"film {self.pixels.shape}, lungs {self.lungs.shape}")

    @property
    def aspect(self) -> float:
        """Width / height of the film."""
        height, width = self.pixels.shape
        return float(width / height * self.pixel_aspect)


Change = Callable[[Plate], Plate]


@dataclass(frozen=True)
class Alteration:
    """One intervention on one nuisance."""

    nuisance: str
    words: str  # what is done, for the reader of the audit
    change: Change
    touches_lungs: bool = False


def plate_of(pixels: NDArray[np.float32], mask: NDArray[np.bool_]) -> Plate:
    """A film (H, W) with the lung mask (224, 224) that was found on its canonical picture."""
    square = np.ones((3, 3), dtype=bool)
    wide = ndimage.binary_dilation(mask, structure=square, iterations=MARGIN_PX)
    rows, columns = (np.arange(side) * CANONICAL_PX // side for side in pixels.shape)
    return Plate(pixels, wide[np.ix_(rows, columns)])


def stretched(factor: float) -> Change:
    """The same pixels, each wider or narrower: the canonical picture stays, ``aspect`` moves."""
    return lambda plate: replace(plate, pixel_aspect=plate.pixel_aspect * factor)


def cut_sides(plate: Plate) -> Plate:
    """Cut left and right of the lungs' box and its margin."""
    _, columns = _around_lungs(plate)
    return _cut(plate, slice(None), columns)


def cut_margins(plate: Plate) -> Plate:
    """Cut everything outside the lungs' box and its margin."""
    return _cut(plate, *_around_lungs(plate))


def black_bars(*, rows: float, columns: float) -> Change:
    """Add black bars above and below, left and right, as shares of the film's sides."""

    def change(plate: Plate) -> Plate:
        height, width = plate.pixels.shape
        bars = [(round(rows * height),) * 2, (round(columns * width),) * 2]
        return replace(plate, pixels=np.pad(plate.pixels, bars), lungs=np.pad(plate.lungs, bars))

    return change


def collimated(plate: Plate) -> Plate:
    """Paint everything outside the lungs' box and its margin black."""
    rows, columns = _around_lungs(plate)
    painted = np.zeros_like(plate.pixels)
    painted[rows, columns] = plate.pixels[rows, columns]
    return replace(plate, pixels=painted)


def letter(plate: Plate) -> Plate:
    """Burn a white R into the upper corner on the patient's right, outside the lungs."""
    height, width = plate.pixels.shape
    canvas = Image.new("L", (width, height))
    at, font = LETTER_AT * height, ImageFont.load_default(size=LETTER * height)
    ImageDraw.Draw(canvas).text((at, at), "R", fill=255, font=font)
    drawn = np.asarray(canvas, dtype=np.float32) / 255
    return _outside(plate, np.maximum(plate.pixels, drawn))


def erased_corners(plate: Plate) -> Plate:
    """Paint the four corners with their own median grey, outside the lungs."""
    painted = plate.pixels.copy()
    for rows, columns in corners(plate.pixels.shape):
        painted[rows, columns] = np.median(plate.pixels[rows, columns])
    return _outside(plate, painted)


def regraded(grade: Callable[[NDArray[np.float32]], NDArray[np.float32]]) -> Change:
    """Change grey levels outside the lungs, from nothing at their margin to full strength."""

    def change(plate: Plate) -> Plate:
        away = ndimage.distance_transform_edt(~plate.lungs)
        amount = np.minimum(away / (FEATHER * plate.pixels.shape[0]), 1).astype(np.float32)
        mixed = plate.pixels + amount * (grade(plate.pixels) - plate.pixels)
        return _outside(plate, np.clip(mixed, 0, 1).astype(np.float32))

    return change


def recompressed(plate: Plate) -> Plate:
    """Store the film as JPEG of low quality at its own resolution, and read it back."""
    stream = BytesIO()
    Image.fromarray(np.round(plate.pixels * 255).astype(np.uint8)).save(
        stream, format="JPEG", quality=QUALITY
    )
    return replace(plate, pixels=np.asarray(Image.open(stream), np.float32) / np.float32(255))


def corners(shape: tuple[int, ...]) -> list[tuple[slice, slice]]:
    """The four corners where letters are burned in, of a film (H, W)."""
    height, width = (round(CORNER * side) for side in shape)
    return [
        (rows, columns)
        for rows in (slice(None, height), slice(-height, None))
        for columns in (slice(None, width), slice(-width, None))
    ]


def _around_lungs(plate: Plate) -> tuple[slice, slice]:
    """Rows and columns of the lungs' bounding box, with its margin, within the film."""
    areas = []
    for axis, side in enumerate(plate.lungs.shape):
        inside = np.flatnonzero(plate.lungs.any(axis=1 - axis))
        margin = round(BOX_MARGIN * (inside[-1] + 1 - inside[0]))
        areas.append(slice(max(inside[0] - margin, 0), min(inside[-1] + 1 + margin, side)))
    return areas[0], areas[1]


def _cut(plate: Plate, rows: slice, columns: slice) -> Plate:
    return replace(plate, pixels=plate.pixels[rows, columns], lungs=plate.lungs[rows, columns])


def _outside(plate: Plate, pixels: NDArray[np.float32]) -> Plate:
    """The new pixels outside the lungs, the film's own inside."""
    kept: NDArray[np.float32] = np.where(plate.lungs, plate.pixels, pixels)
    return replace(plate, pixels=kept)


def _blurred(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    blurred: NDArray[np.float32] = ndimage.gaussian_filter(pixels, BLUR * pixels.shape[0])
    return blurred


ALTERATIONS: dict[str, Alteration] = {
    "narrower": Alteration("aspect", "film squeezed to 0.85 of its width", stretched(0.85)),
    "wider": Alteration("aspect", "film stretched to 1.15 of its width", stretched(1.15)),
    "sides_cut": Alteration("aspect", "cut left and right, 5 % beside the lung box", cut_sides),
    "margins_cut": Alteration("crop_extent", "cut 5 % around the lung box", cut_margins),
    "bars_around": Alteration(
        "borders", "black bars of 10 % added on all sides", black_bars(rows=BAR, columns=BAR)
    ),
    "bars_beside": Alteration(
        "borders", "black bars of 10 % added left and right", black_bars(rows=0, columns=BAR)
    ),
    "collimated": Alteration("borders", "painted black 5 % around the lung box", collimated),
    "letter_drawn": Alteration("letters", "white R burned into an upper corner", letter),
    "corners_erased": Alteration("letters", "corners painted with their median", erased_corners),
    "brighter": Alteration(
        "device", "exposure + 0.15 outside the lungs", regraded(lambda x: x + EXPOSURE)
    ),
    "darker": Alteration(
        "device", "exposure - 0.15 outside the lungs", regraded(lambda x: x - EXPOSURE)
    ),
    "gamma_up": Alteration("device", "gamma 1.5 outside the lungs", regraded(lambda x: x**GAMMA)),
    "gamma_down": Alteration(
        "device", "gamma 1/1.5 outside the lungs", regraded(lambda x: x ** (1 / GAMMA))
    ),
    "blurred": Alteration("device", "blurred outside the lungs", regraded(_blurred)),
    "jpeg_30": Alteration(
        "jpeg",
        "stored as JPEG of quality 30: this touches the lungs",
        recompressed,
        touches_lungs=True,
    ),
}
