"""What could betray the label without showing any lung: numbers measured on a film.

Each is measured on films as they are. Grey is taken on the canonical picture, so that resolution
does not enter; JPEG is taken on the file and its own pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from scipy import ndimage

from pneumo.geometry import canonical
from pneumo.radiograph import decode
from train.alterations import Plate, corners, plate_of

BLACK = 0.04  # grey level up to which a border counts as black; JPEG noise stays below
PLAIN = 0.012  # standard deviation of a line without content, 3 of 255 grey levels
PEAK = 99.0  # percentile: the brightest strokes of a letter, not one noisy pixel
BLOCK_PX = 8  # side of a JPEG block
LOSSLESS_STEP = 1.0  # a file without quantisation keeps every grey level


@dataclass(frozen=True, eq=False)
class Specimen:
    """A film's file and its lung mask (224, 224)."""

    data: bytes
    mask: NDArray[np.bool_]

    @cached_property
    def plate(self) -> Plate:
        """The film at its own resolution."""
        return plate_of(decode(self.data).pixels, self.mask)

    @cached_property
    def square(self) -> Plate:
        """The film on its canonical grid (224, 224)."""
        return plate_of(canonical(self.plate.pixels)[0, 0].numpy(), self.mask)

    @cached_property
    def outside(self) -> NDArray[np.float32]:
        """Grey levels (P,) outside the lungs."""
        return self.square.pixels[~self.square.lungs]


def width_over_height(film: Specimen) -> float:
    return film.plate.aspect


def lung_box_share(film: Specimen) -> float:
    """Share of the film that the lungs' bounding box covers: how tightly it was collimated."""
    sides = [np.flatnonzero(film.mask.any(axis=axis)) for axis in (0, 1)]
    return float(np.prod([s[-1] + 1 - s[0] for s in sides]) / film.mask.size)


def black_border_share(film: Specimen) -> float:
    """Share of the film that is black and reaches its edge."""
    regions, _ = ndimage.label(film.square.pixels <= BLACK)
    edges = (regions[0], regions[-1], regions[:, 0], regions[:, -1])
    reaching = np.setdiff1d(np.concatenate(edges), [0])
    return float(np.isin(regions, reaching).mean())


def plain_border_share(film: Specimen) -> float:
    """Share of the film in lines of one grey, counted from each edge inwards."""
    kept = 1.0
    for axis in (0, 1):
        lively = np.flatnonzero(film.square.pixels.std(axis=axis) > PLAIN)
        kept *= (lively[-1] + 1 - lively[0]) / film.square.pixels.shape[1 - axis]
    return float(1 - kept)


def corner_peak(film: Specimen) -> float:
    """How far the brightest strokes in any corner rise above that corner's median."""
    return max(float(np.percentile(c, PEAK) - np.median(c)) for c in _corners(film))


def corner_mean(film: Specimen) -> float:
    """Mean grey of the corners."""
    return float(np.concatenate(_corners(film)).mean())


def outside_mean(film: Specimen) -> float:
    return float(film.outside.mean())


def outside_spread(film: Specimen) -> float:
    return float(film.outside.std())


def outside_sharpness(film: Specimen) -> float:
    """Mean absolute Laplacian outside the lungs, per standard deviation of grey there."""
    edges = np.abs(ndimage.laplace(film.square.pixels))[~film.square.lungs]
    return float(edges.mean() / max(outside_spread(film), 1e-6))


def blockiness(film: Specimen) -> float:
    """Mean grey step across the borders of JPEG blocks, over that within blocks; 1 is none.

    Among files of one quality this ranks smoothness: blocks show most where the film shows least.
    """
    ratios = []
    for pixels in (film.plate.pixels, film.plate.pixels.T):
        steps = np.abs(np.diff(pixels, axis=1)).mean(axis=0)
        border = np.arange(1, len(steps) + 1) % BLOCK_PX == 0
        ratios.append(steps[border].mean() / max(steps[~border].mean(), 1e-6))
    return float(np.mean(ratios))


def quantiser_step(film: Specimen) -> float:
    """Mean step of the JPEG luminance table; large steps are low quality."""
    try:
        tables = getattr(Image.open(BytesIO(film.data)), "quantization", None)
    except UnidentifiedImageError:  # DICOM
        tables = None
    return float(np.mean(tables[0])) if tables else LOSSLESS_STEP


def bytes_per_pixel(film: Specimen) -> float:
    return len(film.data) / film.plate.pixels.size


def _corners(film: Specimen) -> list[NDArray[np.float32]]:
    """Grey levels of each corner outside the lungs; a corner that is all lung is left out."""
    inside = [film.square.pixels[c][~film.square.lungs[c]] for c in corners(film.mask.shape)]
    return [levels for levels in inside if levels.size]


NUISANCES: dict[str, dict[str, Callable[[Specimen], float]]] = {
    "aspect": {"width_over_height": width_over_height},
    "crop_extent": {"lung_box_share": lung_box_share},
    "borders": {
        "black_border_share": black_border_share,
        "plain_border_share": plain_border_share,
    },
    "letters": {"corner_peak": corner_peak, "corner_mean": corner_mean},
    "device": {
        "outside_mean": outside_mean,
        "outside_spread": outside_spread,
        "outside_sharpness": outside_sharpness,
    },
    "jpeg": {
        "blockiness": blockiness,
        "quantiser_step": quantiser_step,
        "bytes_per_pixel": bytes_per_pixel,
    },
}
