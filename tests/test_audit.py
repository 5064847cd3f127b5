"""Alterations leave the lungs alone, nuisances measure what they say, and a cheat is caught."""

from __future__ import annotations

import json
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn

from pneumo.bundle import load_manifest
from pneumo.calibration import MemberCalibration
from pneumo.geometry import canonical
from pneumo.lungs import LungNetwork, find_lungs
from pneumo.networks import THREE_CLASS, Network
from pneumo.radiograph import decode
from tests.conftest import EXAMPLES, LUNG_WEIGHTS, WEIGHTS
from train.alterations import ALTERATIONS, CORNER, Plate, plate_of
from train.audit import audit, measure_alone
from train.ensemble import Contender, suitable
from train.intervention import Panel, as_found, intervene, quantile_of
from train.nuisances import NUISANCES, Specimen
from train.record import RESULTS
from train.squares import load_lung_network

UNTOUCHED = [name for name, a in ALTERATIONS.items() if not a.touches_lungs]
SAME_FRAME = [name for name in UNTOUCHED if ALTERATIONS[name].nuisance in ("letters", "device")]
BODY, LUNG = 0.7, 0.35  # grey levels of the drawn films
HEIGHT_PX, WIDTH_PX = 230, 300
MEASURES = {name: measure for kinds in NUISANCES.values() for name, measure in kinds.items()}


def ellipses(height: int, width: int) -> np.ndarray:
    """Two drawn lung fields, bool (H, W)."""
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    fields = [np.hypot((x - c) / 0.24, (y - 0.05) / 0.55) < 1 for c in (-0.34, 0.34)]
    return np.asarray(fields[0] | fields[1])


def drawn(*, marked: bool, seed: int = 0) -> np.ndarray:
    """A drawn film, uint8 (H, W), with or without a white block in the upper left corner."""
    random = np.random.default_rng(seed)
    film = np.where(ellipses(HEIGHT_PX, WIDTH_PX), LUNG, BODY)
    film += random.normal(0, 0.02, film.shape)
    if marked:
        film[8:28, 8:28] = 1
    return np.round(np.clip(film, 0, 1) * 255).astype(np.uint8)


def png(film: np.ndarray, **options: object) -> bytes:
    stream = BytesIO()
    Image.fromarray(film).save(stream, **({"format": "PNG"} | options))
    return stream.getvalue()


@pytest.fixture(scope="module")
def composites() -> list[Plate]:
    """The composites in examples/, with the lungs that the shipped network finds."""
    network, plates = load_lung_network(LUNG_WEIGHTS), []
    for kind in ("normal", "bacterial", "viral"):
        for path in sorted(EXAMPLES.glob(f"{kind}*"))[:1]:
            pixels = decode(path.read_bytes()).pixels
            plates.append(plate_of(pixels, find_lungs(network, canonical(pixels)).mask))
    if not plates:
        pytest.skip("examples/ holds no composite")
    return plates


def of_box(plate: Plate) -> tuple[np.ndarray, np.ndarray]:
    """Lungs and film within the lungs' own bounding box, black outside the lungs."""
    rows, columns = (np.flatnonzero(plate.lungs.any(axis=axis)) for axis in (1, 0))
    area = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    return plate.lungs[area], np.where(plate.lungs, plate.pixels, 0)[area]


@pytest.mark.parametrize("name", UNTOUCHED)
def test_an_altered_film_keeps_every_lung_pixel_exactly(name, composites):
    drawing = plate_of(drawn(marked=False).astype(np.float32) / 255, ellipses(224, 224))
    for before in [drawing, *composites]:
        after = ALTERATIONS[name].change(before)
        assert before.lungs.mean() > 0.1
        for kept, was in zip(of_box(after), of_box(before), strict=True):
            assert np.array_equal(kept, was)
        moved = after.pixels.shape != before.pixels.shape or after.aspect != before.aspect
        assert moved or not np.array_equal(after.pixels, before.pixels)
        assert after.pixels.dtype == np.float32
        assert after.pixels.min() >= 0
        assert after.pixels.max() <= 1


@pytest.mark.parametrize("name", SAME_FRAME)
def test_the_margin_keeps_the_lungs_of_the_canonical_picture_too(name, composites):
    network = load_lung_network(LUNG_WEIGHTS)
    for before in composites:
        lungs = find_lungs(network, canonical(before.pixels)).mask
        after = ALTERATIONS[name].change(before)
        pair = [canonical(p.pixels)[0, 0].numpy()[lungs] for p in (before, after)]
        assert np.array_equal(*pair)


def test_jpeg_is_the_one_alteration_said_to_touch_the_lungs(composites):
    assert [name for name, a in ALTERATIONS.items() if a.touches_lungs] == ["jpeg_30"]
    before = composites[0]
    after = ALTERATIONS["jpeg_30"].change(before)
    assert not np.array_equal(after.pixels[after.lungs], before.pixels[before.lungs])


def test_stretching_changes_the_aspect_ratio_and_no_pixel():
    before = plate_of(drawn(marked=False).astype(np.float32) / 255, ellipses(224, 224))
    after = ALTERATIONS["wider"].change(before)
    assert after.pixels is before.pixels
    assert after.aspect == pytest.approx(1.15 * WIDTH_PX / HEIGHT_PX)


@pytest.mark.parametrize(
    ("name", "measure", "rises"),
    [
        ("wider", "width_over_height", True),
        ("narrower", "width_over_height", False),
        ("sides_cut", "width_over_height", False),
        ("bars_beside", "width_over_height", True),
        ("bars_around", "black_border_share", True),
        ("bars_around", "plain_border_share", True),
        ("collimated", "black_border_share", True),
        ("letter_drawn", "corner_peak", True),
        ("corners_erased", "corner_peak", False),
        ("brighter", "outside_mean", True),
        ("darker", "outside_mean", False),
        ("blurred", "outside_sharpness", False),
        ("jpeg_30", "blockiness", True),
    ],
)
def test_an_alteration_moves_the_measure_of_its_nuisance(name, measure, rises):
    mask = ellipses(224, 224)
    film = drawn(marked=name != "letter_drawn")
    before = Specimen(png(film), mask)
    plate = ALTERATIONS[name].change(before.plate)
    after = Specimen(b"", mask)
    after.__dict__["plate"] = plate  # the altered film, without a file around it
    was, now = MEASURES[measure](before), MEASURES[measure](after)
    assert now > was if rises else now < was


def test_cutting_the_margins_makes_the_lung_box_fill_the_film():
    before = plate_of(drawn(marked=False).astype(np.float32) / 255, ellipses(224, 224))
    after = ALTERATIONS["margins_cut"].change(before)
    box, _ = of_box(after)
    # The lungs' box and a twentieth of its side on each side.
    assert np.divide(box.shape, after.lungs.shape) == pytest.approx(1 / 1.1, abs=0.01)


def test_low_jpeg_quality_shows_in_the_file():
    film, mask = drawn(marked=False), ellipses(224, 224)
    low, high = (Specimen(png(film, format="JPEG", quality=q), mask) for q in (30, 95))
    lossless = Specimen(png(film), mask)
    steps = [MEASURES["quantiser_step"](s) for s in (lossless, high, low)]
    assert steps == sorted(steps)
    assert steps[0] == 1
    # IJG scales its table by 5000 / quality below 50: 167 % of a mean of 57.6.
    assert steps[2] == pytest.approx(57.6 * 50 / 30, rel=0.03)
    assert MEASURES["bytes_per_pixel"](low) < MEASURES["bytes_per_pixel"](high)


def test_the_weighted_quantile_equals_numpy_on_repeated_values():
    random = np.random.default_rng(0)
    values, counts = random.random(40), random.integers(0, 4, 40)
    ours = quantile_of(values, 0.95)(counts[None].astype(float))[0]
    theirs = np.quantile(np.repeat(values, counts), 0.95, method="inverted_cdf")
    assert ours == theirs


class Glimpse(Network):
    """A model that looks at one part of the film only, and calls it sick when that is bright."""

    def __init__(self, rows: slice, columns: slice, *, grey: float) -> None:
        super().__init__(THREE_CLASS)
        self.area, self.grey = (rows, columns), grey
        self.anchor = nn.Parameter(torch.zeros(()))

    def features(self, x: Tensor) -> Tensor:  # (B, 1, S, S) -> (B, 1, h, w)
        return x[:, :, *self.area] * 0.23 + 0.48

    def logits(self, features: Tensor) -> Tensor:  # (B, 1, h, w) -> (B, 3)
        sick = 40 * (features.amax(dim=(2, 3)) - self.grey)
        return torch.cat([-sick, sick, sick - 1], dim=1) + self.anchor


class GreyLungs(LungNetwork):
    """Finds the lungs of the drawn films by their grey level, wherever the frame puts them."""

    def forward(self, x: Tensor) -> Tensor:
        return 100 * (0.1 - (x - LUNG).abs())


@pytest.fixture(scope="module")
def marked_films(tmp_path_factory) -> tuple[Path, list[str]]:
    """Eight normal films, and eight pneumonia films with a mark in the corner."""
    folder, paths = tmp_path_factory.mktemp("films"), []
    for i in range(8):
        for marked, path in (
            (False, f"train/NORMAL/IM-{i:04}-0001.png"),
            (True, f"train/PNEUMONIA/person{i}_bacteria_1.png"),
        ):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(png(drawn(marked=marked, seed=i)))
            paths.append(path)
    return folder, paths


def panel(network: Network) -> Panel:
    member = Contender("glimpse", "none", "squash", 128, network.eval())
    as_it_says = MemberCalibration(temperature=1, bias=0, pattern_temperature=1)
    return Panel(GreyLungs().eval(), [member], [as_it_says], {"screening": 0.2, "balanced": 0.5})


@pytest.mark.slow
def test_a_model_that_reads_only_the_corner_letter_is_caught(marked_films):
    side = round(CORNER * 128)
    cheat = Glimpse(slice(None, side), slice(None, side), grey=0.88)
    found = audit(panel(cheat), *marked_films)
    assert found["auroc_unaltered"]["squash"].value == 1  # a perfect score, for the wrong reason
    letters = found["nuisances"]["letters"]
    assert letters["alone"]["corner_peak"]["auroc"].value == 1
    drawn_on = letters["altered"]["letter_drawn"]["models"]["squash"]
    assert drawn_on.flipped["balanced"].hits == 8  # every normal film
    assert drawn_on.mean_change.value > 0.4
    erased = letters["altered"]["corners_erased"]["models"]["squash"]
    assert erased.flipped["balanced"].hits == 8  # every pneumonia film
    assert erased.mean_change.value < -0.4
    stretched = found["nuisances"]["aspect"]["altered"]["wider"]["models"]["squash"]
    assert stretched.mean_absolute_change.value == 0


@pytest.mark.slow
def test_a_model_that_reads_only_the_lungs_is_cleared(marked_films):
    honest = Glimpse(slice(50, 80), slice(36, 48), grey=0.4)  # inside the left drawn lung
    found = audit(panel(honest), *marked_films)
    for nuisance in ("letters", "device"):
        for altered in found["nuisances"][nuisance]["altered"].values():
            effect = altered["models"]["ensemble"]
            assert effect.change_95th_percentile.value == 0
            assert effect.flipped["balanced"].hits == 0
            assert effect.flipped["balanced"].high < 0.25  # none of 16 patients, stated with doubt


def test_the_auroc_of_a_nuisance_alone_equals_scikit_learn(marked_films):
    folder, paths = marked_films
    paths = [path for i, path in enumerate(paths) if i % 3]  # unequal classes
    base = suitable(GreyLungs(), as_found(folder, paths))
    found = measure_alone(folder, base)
    masks = [lungs.mask for lungs in base.lungs]
    for name in ("outside_spread", "bytes_per_pixel", "corner_mean"):
        values = [
            MEASURES[name](Specimen((folder / p).read_bytes(), m))
            for p, m in zip(paths, masks, strict=True)
        ]
        expected = roc_auc_score(["PNEUMONIA" in p for p in paths], values)
        nuisance = next(n for n, kinds in NUISANCES.items() if name in kinds)
        measured = found[nuisance][name]["auroc"]
        assert measured.value == pytest.approx(expected)
        assert measured.low <= measured.value <= measured.high


def test_a_film_whose_lungs_are_lost_by_an_alteration_is_counted_as_refused(marked_films):
    folder, paths = marked_films

    class Fussy(GreyLungs):
        def forward(self, x: Tensor) -> Tensor:  # black bars make it find nothing
            bars = (x[:, :, 0, 0] < 0.1).float()[:, :, None, None]
            return super().forward(x) - 1000 * bars

    steady = panel(Glimpse(slice(0, 9), slice(0, 9), grey=0.88))
    base = suitable(steady.lung_network, as_found(folder, paths))
    fussy = replace(steady, lung_network=Fussy())
    found = intervene(fussy, folder, base, steady.say(base), ALTERATIONS["bars_around"])
    assert found["refused"].hits == len(paths)
    assert found["models"] == {}


@pytest.mark.weights
@pytest.mark.parametrize("name", ["audit", "external", "uncertainty"])
def test_recorded_results_belong_to_the_shipped_weights_and_thresholds(name):
    path = RESULTS / f"{name}.json"
    if not path.exists():
        pytest.skip(f"train/results/{name}.json is not there yet")
    saved, manifest = json.loads(path.read_text()), load_manifest(WEIGHTS / "manifest.json")
    assert saved["weights"] == manifest.revision
    thresholds = {
        "audit": lambda: saved["thresholds"],
        "external": lambda: {
            point: row["threshold"]
            for point, row in saved["groups"]["all"]["operating_points"].items()
        },
        "uncertainty": lambda: {
            point: row["threshold"]
            for point, row in saved["conditions"]["clean"]["shipped_rule"].items()
        },
    }[name]()
    shipped = {p: manifest.operating_point(p).threshold for p in thresholds}
    assert thresholds == pytest.approx(shipped, abs=1e-6)
