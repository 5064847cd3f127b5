"""What the gate is shown besides whole films: pictures drawn here, pieces of films, and controls.

``DRAWN`` makes pictures that are no films at all; ``SPOILED`` turns real films into what must not
be scored; ``KEPT`` alters real films in ways that a reading must bear. All are seeded, so that the
same command measures the same pictures. None of them is ever fitted on.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage
from torch import Tensor
from torch.nn import functional as F

from train.data import to_uint8
from train.shifts import SHIFTS

SIZE = (420, 320)  # of a drawn picture, width and height in pixels: films are wider than high
WORDS = ("lung", "child", "film", "report", "normal", "ward", "date", "upright", "fever", "day")
Grey = NDArray[np.float32]  # (H, W) in [0, 1]


def _canvas(grey: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    picture = Image.new("L", SIZE, grey)
    return picture, ImageDraw.Draw(picture)


def _grey(picture: Image.Image) -> Grey:
    return np.asarray(picture, dtype=np.float32) / np.float32(255)


def document(chance: np.random.Generator) -> Grey:
    """A page of text, dark on white or, one time in three, white on dark."""
    dark = chance.random() < 1 / 3
    picture, draw = _canvas(20 if dark else 245)
    height = int(chance.integers(10, 26))
    font = ImageFont.load_default(size=height)
    for y in range(12, SIZE[1] - height, round(1.5 * height)):
        line = " ".join(chance.choice(WORDS, int(chance.integers(1, 12))))
        draw.text((14, y), line, fill=230 if dark else 15, font=font)
    return _grey(picture)


def drawing(chance: np.random.Generator) -> Grey:
    """Lines, rings and boxes of random places and greys."""
    picture, draw = _canvas(int(chance.integers(0, 256)))
    for _ in range(int(chance.integers(4, 25))):
        x, y = (sorted(chance.integers(0, side, 2).tolist()) for side in SIZE)
        box = (x[0], y[0], x[1] + 1, y[1] + 1)
        grey, width = int(chance.integers(0, 256)), int(chance.integers(1, 8))
        form = (draw.line, draw.ellipse, draw.rectangle)[int(chance.integers(0, 3))]
        form(box, fill=grey, width=width) if form == draw.line else form(
            box, outline=grey, width=width
        )
    return _grey(picture)


def drawn_chest(chance: np.random.Generator) -> Grey:
    """A drawn chest: two dark ellipses for lungs on a grey trunk, ribs now and then."""
    picture, draw = _canvas(int(chance.integers(0, 60)))
    w, h = SIZE
    draw.rounded_rectangle((0.1 * w, 0.05 * h, 0.9 * w, h), 60, fill=int(chance.integers(110, 200)))
    lung = int(chance.integers(10, 70))
    for left in (0.18, 0.54):
        at = left + 0.03 * chance.standard_normal()
        draw.ellipse((at * w, 0.12 * h, (at + 0.28) * w, 0.85 * h), fill=lung)
    for y in np.linspace(0.2, 0.75, int(chance.integers(0, 9))):
        draw.arc((0.15 * w, y * h, 0.85 * w, (y + 0.2) * h), 180, 360, fill=220, width=4)
    soft = int(chance.integers(0, 8))
    return np.asarray(ndimage.gaussian_filter(_grey(picture), soft), dtype=np.float32)


def chart(chance: np.random.Generator) -> Grey:
    """A test chart: a grid of random grey patches."""
    rows, columns = chance.integers(2, 12, 2)
    patches = chance.random((rows, columns)).astype(np.float32)
    return patches[
        np.ix_(np.arange(SIZE[1]) * rows // SIZE[1], np.arange(SIZE[0]) * columns // SIZE[0])
    ]


def noise(chance: np.random.Generator) -> Grey:
    """Noise whose power falls with frequency: from white, by cloudy, to a few soft blobs."""
    white = np.fft.rfft2(chance.standard_normal(SIZE[::-1]))
    rows, columns = np.fft.fftfreq(SIZE[1])[:, None], np.fft.rfftfreq(SIZE[0])[None]
    fall = np.maximum(np.hypot(rows, columns), 1 / max(SIZE)) ** chance.uniform(0, 2.5)
    field = np.fft.irfft2(white / fall, SIZE[::-1])
    low, high = np.quantile(field, [0.01, 0.99])
    return np.clip((field - low) / (high - low), 0, 1).astype(np.float32)


def gradient(chance: np.random.Generator) -> Grey:
    """A ramp in a random direction, or rings about a random point."""
    y, x = np.mgrid[0 : SIZE[1], 0 : SIZE[0]] / max(SIZE)
    angle = chance.uniform(0, 2 * math.pi)
    field = x * math.cos(angle) + y * math.sin(angle)
    if chance.random() < 0.5:
        field = np.hypot(x - chance.random(), y - chance.random())
    return ((field - field.min()) / np.ptp(field)).astype(np.float32)


DRAWN: dict[str, Callable[[np.random.Generator], Grey]] = {
    "document": document,
    "drawing": drawing,
    "drawn_chest": drawn_chest,
    "chart": chart,
    "noise": noise,
    "gradient": gradient,
}


def drawn(kind: str, count: int) -> list[Grey]:
    """So many pictures of one drawn kind."""
    return [DRAWN[kind](np.random.default_rng([i, *kind.encode()])) for i in range(count)]


def _part(films: Tensor, rows: slice, columns: slice) -> Tensor:
    """A part of canonical films, uint8 (N, 1, 224, 224), stretched over the whole square."""
    side = films.shape[-1]
    part = F.interpolate(
        films[:, :, rows, columns].float(), (side, side), mode="bilinear", antialias=True
    )
    return part.round().to(torch.uint8)


def _shrunk(films: Tensor, side_px: int) -> Tensor:
    small = F.interpolate(films.float(), (side_px, side_px), mode="bilinear", antialias=True)
    return small.round().to(torch.uint8)


def screenshot(films: Tensor) -> Tensor:
    """The film in a window among words, as a photographed or captured screen shows it."""
    shown = torch.full_like(films, 235)
    picture = Image.new("L", (224, 224), 235)
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(size=9)
    draw.rectangle((0, 0, 224, 14), fill=90)
    for y in range(20, 214, 11):
        draw.text((6, y), f"{WORDS[y % 10]}: {WORDS[y % 7]}", fill=40, font=font)
    shown[:] = torch.from_numpy(np.array(picture))
    shown[:, :, 40:168, 88:216] = _shrunk(films, 128)
    return shown


def contact_sheet(films: Tensor) -> Tensor:
    """Four films in one picture."""
    others = [films.roll(i, dims=0) for i in range(4)]
    a, b, c, d = (_shrunk(each, films.shape[-1] // 2) for each in others)
    return torch.cat([torch.cat([a, b], dim=3), torch.cat([c, d], dim=3)], dim=2)


def turned(degrees: float) -> Callable[[Tensor], Tensor]:
    """Rotate films about their centre, black beyond their edge, as a crooked cassette would."""
    angle = math.radians(degrees)
    matrix = torch.tensor(
        [[math.cos(angle), -math.sin(angle), 0.0], [math.sin(angle), math.cos(angle), 0.0]]
    )

    def turn(films: Tensor) -> Tensor:
        grid = F.affine_grid(
            matrix.expand(len(films), 2, 3), list(films.shape), align_corners=False
        )
        return to_uint8(F.grid_sample(films.float() / 255, grid, align_corners=False).clamp(0, 1))

    return turn


SPOILED: dict[str, Callable[[Tensor], Tensor]] = {
    "inverted": lambda films: 255 - films,
    "upside_down": lambda films: films.rot90(2, (2, 3)),
    "turned_left": lambda films: films.rot90(1, (2, 3)),
    "turned_right": lambda films: films.rot90(3, (2, 3)),
    "mirrored": lambda films: films.flip(3),
    "left_half": lambda films: _part(films, slice(None), slice(0, 112)),
    "right_half": lambda films: _part(films, slice(None), slice(112, 224)),
    "small_piece": lambda films: _part(films, slice(40, 110), slice(30, 100)),
    "abdomen_piece": lambda films: _part(films, slice(140, 224), slice(40, 184)),
    "screenshot": screenshot,
    "contact_sheet": contact_sheet,
}
QUARTER_TURNS = ("turned_left", "turned_right")  # width and height change places

KEPT: dict[str, Callable[[Tensor], Tensor]] = {
    **{name: SHIFTS[name] for name in ("blur", "noise", "jpeg", "contrast_low", "crop")},
    "darker": SHIFTS["exposure_down"],
    "brighter": SHIFTS["exposure_up"],
    "gamma_up": SHIFTS["gamma_up"],
    "gamma_down": SHIFTS["gamma_down"],
    "marker_erased": SHIFTS["marker_erased"],
    "rotated_5": turned(5),
    "rotated_10": turned(10),
    "rotated_back_10": turned(-10),
}
