"""One picture out of seven children's films: registered, averaged, and sharp again.

The average of seven films of seven children shows what they share and no child's own anatomy.
Averaging also blurs, so the mean radial amplitude spectrum of the seven is given back, within
what averaging independent texture can have taken.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor
from torch.nn import functional as F

from pneumo.geometry import Box

SOURCES = 7  # the typical film and its six nearest neighbours
HEIGHT_PX = 300  # 1.3 times the sources' 224 pixels: room for the warp, no invented detail
LEVELS_PX = (28, 56, 112)  # coarse to fine; shrinking with antialiasing is the blur
STEPS, RATE = 60, 0.01
STIFFNESS = 0.3  # on squared departure from the identity: neighbours need small maps only
FEATHER = 0.08  # of half a film: a source fades in over this margin, so that no edge shows
MIN_SHARED = 5.0  # effective number of children at every pixel
STROKE_PX = 15  # of 224: wider than a burned-in letter's strokes, narrower than an arm
FAINT, BRIGHT = 0.10, 0.22  # grey levels above the surroundings: where a letter ends, and begins
LUNG_MARGIN_PX = 8  # of 224: ribs and clavicles touch the lungs this closely, letters do not
OUTLIER = 0.10  # grey levels from the seven's median: what only one child shows, such as a tube
MAX_GAIN = math.sqrt(SOURCES)  # averaging independent textures divides them by this
RADIAL_BINS = 48


@dataclass(frozen=True, eq=False)
class Composite:
    """A picture of no child, its sources moved onto it, and where every pixel came from."""

    pixels: Tensor  # float32 (H, W) in [0, 1]
    sources: Tensor  # float32 (7, H, W) in [0, 1], registered and cut like the composite
    box: Box  # the part of the typical film that the composite covers
    shared: float  # smallest effective number of children at any pixel

    def __post_init__(self) -> None:
        if self.sources.shape != (SOURCES, *self.pixels.shape):
            raise ValueError(f"expected {SOURCES} sources, got {tuple(self.sources.shape)}")
        if self.shared < MIN_SHARED:
            raise ValueError(f"a pixel rests on only {self.shared:.1f} children")


def compose(films: Tensor, lungs: Tensor, *, aspect: float) -> Composite:
    """Make one composite of canonical films (7, 1, 224, 224) in [0, 1], the typical one first.

    ``lungs`` (7, 1, 224, 224) are their masks; ``aspect`` is width / height of the typical film,
    and of the composite but for its margins.
    """
    pairs = zip(films[:, 0].numpy(), lungs[:, 0].numpy() > 0, strict=True)
    films = torch.from_numpy(np.stack([without_letters(f, m) for f, m in pairs]))[:, None]
    maps = torch.cat([torch.eye(2, 3)[None], register(films[:1], films[1:])])  # (7, 2, 3)
    size = [SOURCES, 1, HEIGHT_PX, round(HEIGHT_PX * aspect)]
    grid = F.affine_grid(maps, size, align_corners=False)
    moved = F.grid_sample(films, grid, mode="bicubic", padding_mode="border", align_corners=False)
    warped = moved[:, 0].clamp(0, 1)  # (7, H, W)
    weight = ((1 - grid.abs().amax(dim=3)) / FEATHER).clamp(0, 1)  # (7, H, W)
    rows, columns = shared_area(weight)
    warped, weight = warped[:, rows, columns], weight[:, rows, columns]
    mean = average(warped, weight)
    unmoved = F.interpolate(films, size[2:], mode="bicubic", align_corners=False)[:, 0]
    target = torch.stack([radial_amplitude(f) for f in unmoved[:, rows, columns]]).mean(dim=0)
    return Composite(
        pixels=sharpen(mean, target).clamp(0, 1),
        sources=warped,
        box=Box(
            left=columns.start / size[3],
            top=rows.start / size[2],
            right=columns.stop / size[3],
            bottom=rows.stop / size[2],
        ),
        shared=float(effective_number(weight).min()),
    )


def without_letters(film: np.ndarray, lungs: np.ndarray) -> np.ndarray:
    """Fill burned-in letters and rules of a film (224, 224) with their surroundings."""
    above = film - ndimage.grey_opening(film, size=(STROKE_PX, STROKE_PX))
    regions, _ = ndimage.label(above > FAINT)
    bright = np.unique(regions[above > BRIGHT])
    anatomy = np.unique(regions[ndimage.binary_dilation(lungs, iterations=LUNG_MARGIN_PX)])
    letters = np.isin(regions, np.setdiff1d(bright, np.append(anatomy, 0)))
    # The JPEG halo of a letter and its soft edge go with it.
    letters = ndimage.binary_dilation(letters, iterations=4)
    known = (~letters).astype(np.float32)
    around = ndimage.gaussian_filter(film * known, STROKE_PX / 3)
    around /= ndimage.gaussian_filter(known, STROKE_PX / 3).clip(1e-6)
    share = ndimage.gaussian_filter(1 - known, sigma=1)
    filled: np.ndarray = film + share * (around - film)
    return filled.astype(np.float32)


def register(fixed: Tensor, moving: Tensor) -> Tensor:
    """Affine maps (N, 2, 3) that lay films (N, 1, 224, 224) onto one film (1, 1, 224, 224).

    Gradient descent on the correlation of blurred pairs, coarse to fine.
    """
    departure = torch.zeros(len(moving), 2, 3, requires_grad=True)
    optimizer = torch.optim.Adam([departure], RATE)
    for side_px in LEVELS_PX:
        still, moved = (
            F.interpolate(
                x, (side_px, side_px), mode="bilinear", antialias=True, align_corners=False
            )
            for x in (fixed, moving)
        )
        for _ in range(STEPS):
            maps = torch.eye(2, 3) + departure
            grid = F.affine_grid(maps, list(moved.shape), align_corners=False)
            laid = F.grid_sample(moved, grid, padding_mode="border", align_corners=False)
            loss = (1 - correlation(laid, still)).sum() + STIFFNESS * departure.square().sum()
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    return (torch.eye(2, 3) + departure).detach()


def correlation(a: Tensor, b: Tensor) -> Tensor:
    """Pearson correlation of pictures over their last two axes, the others broadcast."""
    a = a - a.mean(dim=(-2, -1), keepdim=True)
    b = b - b.mean(dim=(-2, -1), keepdim=True)
    norm = a.square().sum(dim=(-2, -1)) * b.square().sum(dim=(-2, -1))
    return (a * b).sum(dim=(-2, -1)) / norm.clamp(min=1e-12).sqrt()


def effective_number(weight: Tensor) -> Tensor:
    """How many sources share each pixel (Kish): weights (7, H, W) -> (H, W), 0 where none does."""
    return weight.sum(dim=0).square() / weight.square().sum(dim=0).clamp(min=1e-12)


def shared_area(weight: Tensor) -> tuple[slice, slice]:
    """The part of the film that enough children share: peel the poorest edge until all do."""
    poor = effective_number(weight) < MIN_SHARED  # (H, W)
    top, left = 0, 0
    bottom, right = poor.shape
    while poor[top:bottom, left:right].any():
        area = poor[top:bottom, left:right].float()
        edges = [area[0].mean(), area[-1].mean(), area[:, 0].mean(), area[:, -1].mean()]
        worst = int(torch.stack(edges).argmax())
        top, bottom = top + (worst == 0), bottom - (worst == 1)
        left, right = left + (worst == 2), right - (worst == 3)
    return slice(top, bottom), slice(left, right)


def average(films: Tensor, weight: Tensor) -> Tensor:
    """Weighted mean (H, W) of films (7, H, W), brought to one exposure."""
    spread, centre = films.std(dim=(1, 2), keepdim=True), films.mean(dim=(1, 2), keepdim=True)
    films = (films - centre) / spread * spread.mean() + centre.mean()
    # A tube or a clip belongs to one child: held to what the other six show at that place.
    median = films.median(dim=0).values
    films = films.clamp(median - OUTLIER, median + OUTLIER)
    return (films * weight).sum(dim=0) / weight.sum(dim=0)


def _spectrum(film: Tensor) -> tuple[Tensor, Tensor]:
    """Fourier transform of a film (H, W) mirrored at its edges, and each term's radial bin.

    Without the mirror, the jump between opposite edges would ring through the picture.
    """
    mirrored = torch.cat([film, film.flip(0)], dim=0)
    mirrored = torch.cat([mirrored, mirrored.flip(1)], dim=1)  # (2H, 2W)
    down = torch.fft.fftfreq(mirrored.shape[0])[:, None]
    across = torch.fft.rfftfreq(mirrored.shape[1])[None]
    radius = (down.square() + across.square()).sqrt() / math.sqrt(0.5)  # 0 to 1
    return torch.fft.rfft2(mirrored), (radius * RADIAL_BINS).long().clamp(max=RADIAL_BINS - 1)


def radial_amplitude(film: Tensor) -> Tensor:
    """Mean Fourier amplitude of a film (H, W) per radial frequency (RADIAL_BINS,)."""
    spectrum, bins = _spectrum(film)
    sums = torch.zeros(RADIAL_BINS).index_add(0, bins.ravel(), spectrum.abs().ravel())
    return sums / bins.ravel().bincount(minlength=RADIAL_BINS)


def sharpen(film: Tensor, target: Tensor) -> Tensor:
    """Bring a film's radial amplitude (H, W) up to ``target`` (RADIAL_BINS,), gain limited."""
    spectrum, bins = _spectrum(film)
    gain = (target / radial_amplitude(film)).clamp(1, MAX_GAIN)
    gain[0] = 1  # exposure and the large shadows are already the seven's mean
    height, width = film.shape
    sharp: Tensor = torch.fft.irfft2(spectrum * gain[bins], s=(2 * height, 2 * width))
    return sharp[:height, :width]
