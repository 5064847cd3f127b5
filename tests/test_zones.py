"""Where the evidence lies, on lungs whose place is known."""

from __future__ import annotations

import numpy as np
import pytest

from pneumo import lightbox, zones
from pneumo.geometry import Box
from pneumo.overlay import EvidenceMap


def ellipse(x0: float, y0: float, rx: float, ry: float) -> np.ndarray:
    y, x = np.mgrid[:224, :224] + 0.5
    return np.asarray(((x - x0) / rx) ** 2 + ((y - y0) / ry) ** 2 < 1)


def two_lungs() -> np.ndarray:
    return ellipse(70, 110, 32, 70) | ellipse(154, 110, 32, 70)


@pytest.mark.parametrize(
    ("x", "y", "level", "side"),
    [(70, 60, "upper", "right"), (154, 110, "middle", "left"), (70, 165, "lower", "right")],
)
def test_a_spot_is_found_in_its_zone_on_the_patients_side(
    x: int, y: int, level: str, side: str
) -> None:
    evidence = np.zeros((224, 224), np.float32)
    evidence[y - 5 : y + 5, x - 5 : x + 5] = 3.0
    found = zones.share_out(evidence, two_lungs())
    assert found is not None
    assert found.strongest == (level, side)
    assert found.peak == 3.0
    assert found.inside == pytest.approx(1)
    row, column = zones.LEVELS.index(level), zones.SIDES.index(side)
    assert found.shares[row][column] == pytest.approx(1)


def test_evidence_outside_the_lungs_is_counted_as_outside() -> None:
    evidence = np.zeros((224, 224), np.float32)
    evidence[100:110, 65:75] = 1.0
    evidence[200:210, 0:30] = 1.0  # three times the area, in a corner
    found = zones.share_out(evidence, two_lungs())
    assert found is not None
    assert found.inside == pytest.approx(0.25)
    assert found.strongest == ("middle", "right")


def words(evidence: np.ndarray) -> str:
    return lightbox.in_words(EvidenceMap(evidence, 4.0), zones.share_out(evidence, two_lungs()))


def test_no_zone_is_named_where_the_lungs_hold_nothing() -> None:
    outside = np.where(two_lungs(), 0, 1).astype(np.float32)
    found = zones.share_out(outside, two_lungs())
    assert found is not None
    assert found.strongest is None
    assert words(outside).endswith("Under 1 % of it lies within the lungs.")


def test_most_is_said_only_of_what_holds_more_than_all_else_together() -> None:
    evidence = two_lungs().astype(np.float32)
    evidence[:86, :112] *= 4  # the upper third of the right lung
    zone = "in the upper third of the right lung"
    assert f"more {zone} than in any other" in words(evidence)
    evidence[:86, :112] *= 10
    assert f"most of that {zone}" in words(evidence)


def test_the_zones_cover_the_lungs_once() -> None:
    mask = two_lungs()
    parts = [zone for field in zones.fields(mask) for zone in zones.thirds(field)]
    np.testing.assert_array_equal(np.sum(parts, axis=0), mask.astype(int))


def test_a_lung_that_stands_higher_is_cut_in_thirds_of_its_own_height() -> None:
    low = ellipse(154, 150, 32, 40)
    mask = ellipse(70, 80, 32, 60) | low
    evidence = low & (np.arange(224)[:, None] < 130)  # the top of the lower lung
    found = zones.share_out(evidence.astype(np.float32), mask)
    assert found is not None
    assert found.strongest == ("upper", "left")


def test_a_lung_that_leans_over_the_middle_stays_whole() -> None:
    first, second = ellipse(60, 110, 30, 70), ellipse(150, 150, 60, 30)
    sides = zones.fields(first | second)
    np.testing.assert_array_equal(sides[0], first)
    np.testing.assert_array_equal(sides[1], second)


def test_lungs_that_touch_are_cut_at_the_middle_of_their_width() -> None:
    mask = np.zeros((10, 20), bool)
    mask[2:8, 4:16] = True
    right, left = zones.fields(mask)
    assert right[:, :10].sum() == right.sum() == left.sum()


def test_a_map_without_evidence_lies_nowhere() -> None:
    assert zones.share_out(np.zeros((224, 224), np.float32), two_lungs()) is None
    assert zones.share_out(np.ones((4, 4), np.float32), np.zeros((4, 4), bool)) is None


def test_what_no_network_looked_at_is_known() -> None:
    seen = zones.looked_at([Box(0.0, 0.0, 0.5, 1.0), Box(0.25, 0.5, 0.75, 1.0)], (100, 100))
    assert seen.mean() == pytest.approx(0.5 + 0.125)
    assert not zones.looked_at([], (3, 3)).any()
