"""Evidence on the film: the colours are matplotlib's, the outline encloses its mask."""

from __future__ import annotations

import re

import matplotlib
import numpy as np
from matplotlib.path import Path as Polygon

from pneumo import overlay


def two_lungs() -> np.ndarray:
    """Two upright ellipses on 224 x 224."""
    y, x = np.mgrid[:224, :224] + 0.5
    left = ((x - 70) / 32) ** 2 + ((y - 110) / 70) ** 2 < 1
    right = ((x - 154) / 32) ** 2 + ((y - 110) / 70) ** 2 < 1
    return np.asarray(left | right)


def polygons(path: str) -> list[np.ndarray]:
    """The closed lines of an SVG path, (n, 2) each."""
    numbers = [np.array(re.findall(r"[\d.]+", part), float) for part in path.split("Z") if part]
    return [n.reshape(-1, 2) for n in numbers]


def test_a_colour_stands_for_the_same_evidence_on_every_film() -> None:
    weak = overlay.layer(np.full((2, 2), 1.0), full_scale=4.0)
    among_strong = overlay.layer(np.array([[1.0, 9.0]]), full_scale=4.0)
    assert (weak[0, 0] == among_strong[0, 0]).all()
    expected = np.array(matplotlib.colormaps["inferno"](0.25)[:3])
    np.testing.assert_allclose(weak[0, 0, :3] / 255, expected, atol=1 / 255)


def test_no_evidence_leaves_the_film_untouched() -> None:
    assert (overlay.layer(np.zeros((3, 3)), full_scale=2.0)[..., 3] == 0).all()


def test_stronger_evidence_is_never_fainter() -> None:
    opacity = overlay.layer(np.linspace(0, 6, 200)[None], full_scale=4.0)[0, :, 3].astype(int)
    assert (np.diff(opacity) >= 0).all()
    assert opacity[-1] == 255


def test_the_outline_encloses_the_lungs() -> None:
    mask = two_lungs()
    lines = polygons(overlay.outline(mask))
    assert len(lines) == 2
    y, x = np.mgrid[:224, :224] + 0.5
    centres = np.column_stack([x.ravel(), y.ravel()])
    inside = np.logical_or.reduce([Polygon(line).contains_points(centres) for line in lines])
    overlap = (inside.reshape(mask.shape) & mask).sum()
    assert 2 * overlap / (inside.sum() + mask.sum()) > 0.99


def test_a_lung_cut_by_the_edge_of_the_film_is_outlined_within_the_film() -> None:
    mask = np.zeros((224, 224), bool)
    mask[50:150, :60] = True
    (line,) = polygons(overlay.outline(mask))
    assert line.min() >= 0
    assert line[:, 0].min() < 1


def test_the_screen_copy_keeps_the_shape_and_the_greys_of_the_film() -> None:
    film = np.tile(np.linspace(0, 1, 3000, dtype=np.float32), (2000, 1))
    small = np.asarray(overlay.grey(film, max_side_px=600)) / 255
    assert small.shape == (400, 600)
    np.testing.assert_allclose(small[200], np.linspace(0, 1, 600), atol=0.01)


def test_a_small_film_is_shown_pixel_by_pixel() -> None:
    film = np.random.default_rng(0).random((30, 40), dtype=np.float32)
    shown = np.asarray(overlay.grey(film, max_side_px=600))
    np.testing.assert_allclose(shown / 255, film, atol=0.5 / 255 + 1e-6)
