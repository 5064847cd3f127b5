"""Sample films beside their maps of evidence, read by the shipped weights.

Written by ``train.report``: train/results/figures/gallery.png, and gallery.json with what the
readings say, so that README quotes them without reading a film.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from PIL import Image

from pneumo import lightbox, overlay
from pneumo.reader import SCREENING, Reader, Reading
from pneumo.sentences import headline, percent
from train import record
from train.pages import drawing

EXAMPLES = Path(__file__).parents[2] / "examples"
FILMS = ("normal-1.png", "bacterial-1.png", "viral-1.png")
TILE_PX = 320  # longest side of a film: more than README shows of it
DPI = 132
MOVED = 3  # of 255 grey levels: what another processor's last digits may change


def read(reader: Reader, *, folder: Path = EXAMPLES) -> dict[str, Reading]:
    """The readings of ``FILMS``, by file name."""
    return {
        name: reader.read((folder / name).read_bytes(), operating_point=SCREENING) for name in FILMS
    }


def words(readings: Mapping[str, Reading]) -> dict[str, object]:
    """What gallery.json holds: as rounded as it is shown, and so the same on every machine."""
    one = next(iter(readings.values()))
    return {
        "schema": "pneumo.gallery/1",
        "weights": one.weights,
        "operating_point": one.operating_point.name,
        "films": [
            {
                "file": name,
                "percent": percent(reading.estimate.probability),
                "decision": headline(reading),
                "evidence": lightbox.evidence_in_words(reading),
            }
            for name, reading in readings.items()
        ],
    }


def draw(readings: Mapping[str, Reading]) -> Figure:
    """Each film on the left, and with its evidence on the right, on the one fixed scale."""
    full_scale = next(iter(readings.values())).evidence_full_scale
    figure = Figure(figsize=(drawing.WIDTH, 1.85 * len(readings) + 0.7))
    rows = np.asarray(figure.subplots(len(readings), 2, squeeze=False))  # of axes (R, 2)
    for (left, right), (name, reading) in zip(rows, readings.items(), strict=True):
        film = overlay.grey(reading.film.pixels, max_side_px=TILE_PX)
        left.imshow(film, cmap="gray", vmin=0, vmax=255)
        right.imshow(film, cmap="gray", vmin=0, vmax=255)
        evidence = Image.fromarray(reading.evidence).resize(film.size, Image.Resampling.BILINEAR)
        right.imshow(overlay.layer(np.asarray(evidence), full_scale=full_scale))
        left.set_title(Path(name).stem, fontsize=9, fontweight="normal")
        shown = percent(reading.estimate.probability)
        right.set_title(f"{shown} %: {headline(reading)}", fontsize=9, fontweight="normal")
        for axes in (left, right):
            axes.set_axis_off()
    scale = ScalarMappable(Normalize(0, full_scale), overlay.COLOURS)
    bar = figure.colorbar(scale, ax=rows.ravel().tolist(), location="bottom", aspect=40)
    bar.set_label("evidence for pneumonia, logit units (fixed scale)", fontsize=9)
    return figure


def png(readings: Mapping[str, Reading]) -> bytes:
    """The gallery as a picture that names neither its maker nor its date."""
    file = io.BytesIO()
    with drawing.style():
        draw(readings).savefig(file, format="png", dpi=DPI, metadata={"Software": None})
    picture, small = Image.open(file).convert("RGB"), io.BytesIO()
    picture.save(small, "PNG", optimize=True)
    return small.getvalue()


def alike(one: bytes, other: bytes) -> bool:
    """Whether two pictures differ by no more than two processors would make them differ."""
    a, b = (np.asarray(Image.open(io.BytesIO(p)), dtype=np.int16) for p in (one, other))
    return a.shape == b.shape and int(np.abs(a - b).max()) <= MOVED


def files(reader: Reader, folder: Path) -> dict[Path, bytes]:
    """Path -> content of what the gallery consists of, in ``folder``.

    A picture that is there and shows the same keeps its bytes: the last digits of a map differ
    between processors, and a report made twice must not differ.
    """
    readings = read(reader)
    picture, path = png(readings), folder / "figures" / "gallery.png"
    if path.exists() and alike(path.read_bytes(), picture):
        picture = path.read_bytes()
    text = record.layout(record.plain(words(readings))) + "\n"
    return {path: picture, folder / "gallery.json": text.encode()}
