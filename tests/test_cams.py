"""Maps by other methods and of other classes: one unit where there is one, and no trace."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from conftest import assert_untouched

from pneumo import cams, gradcam
from pneumo.calibration import MemberCalibration
from pneumo.networks import THREE_CLASS
from pneumo.networks.resnet import resnet18, resnet50
from pneumo.reader import Reader, Reading

CALIBRATION = MemberCalibration(temperature=0.6, bias=1.3, pattern_temperature=0.9)


@pytest.fixture(scope="module")
def reading(tiny_reader: Reader, film_bytes: bytes) -> Reading:
    return tiny_reader.read(film_bytes)


def head(*, seed: int = 0) -> cams.CalibratedHead:
    torch.manual_seed(seed)
    return cams.CalibratedHead(resnet18(THREE_CLASS).eval().requires_grad_(False), CALIBRATION)


def some_features() -> torch.Tensor:
    return torch.rand(1, 512, 4, 4, generator=torch.Generator().manual_seed(1))


def test_a_calibrated_head_gives_the_calibrations_own_probabilities() -> None:
    member = head()
    features = some_features()
    expected = CALIBRATION.classes(member._member[0].logits(features).double().numpy())
    np.testing.assert_allclose(member.logits(features).exp().numpy(), expected, rtol=1e-5)


def test_the_readings_own_map_is_what_the_head_finds_again(
    tiny_reader: Reader, reading: Reading
) -> None:
    shown = cams.explain(tiny_reader, reading)
    assert shown.values is reading.evidence
    normal = cams.explain(tiny_reader, reading, target="normal")
    assert normal.full_scale == shown.full_scale
    assert not np.array_equal(normal.values, shown.values)


def test_no_cell_speaks_both_for_and_against_pneumonia() -> None:
    member, features = head(), some_features() - 0.5
    sick, well = (gradcam.evidence(member, features, target=t) for t in ("pneumonia", "normal"))
    assert sick.max() > 0
    assert well.max() > 0
    assert (sick * well == 0).all()


def test_evidence_for_a_class_is_in_calibrated_logits() -> None:
    member, features = head(), some_features()
    raw = gradcam.evidence(member._member[0], features)
    torch.testing.assert_close(
        gradcam.evidence(member, features), raw / CALIBRATION.temperature, rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("method", [*cams.LIBRARY])
@pytest.mark.parametrize("target", ["pneumonia", *THREE_CLASS])
def test_a_library_map_covers_its_own_scale_and_leaves_no_trace(
    tiny_reader: Reader, reading: Reading, method: str, target: str
) -> None:
    shown = cams.explain(tiny_reader, reading, method=method, target=target)
    assert shown.values.shape == (224, 224)
    assert shown.values.min() >= 0
    assert shown.values.max() in (0, pytest.approx(shown.full_scale))
    assert not shown.in_logits
    for member in tiny_reader.members:
        assert_untouched(member)


def test_hires_cam_of_a_pooled_linear_head_is_grad_cam_stretched() -> None:
    member, features = head(), some_features()
    ours = gradcam.evidence(member, features)
    stretched = (ours - ours.min()) / (ours.max() - ours.min())
    theirs = cams.by_library(member, features, method="hires_cam", target="pneumonia")
    torch.testing.assert_close(theirs, stretched, rtol=1e-4, atol=1e-4)


def test_eigen_cam_is_the_same_for_every_class_and_the_others_are_not() -> None:
    torch.manual_seed(0)
    network = resnet50(THREE_CLASS).eval().requires_grad_(False)
    member = cams.CalibratedHead(network, CALIBRATION)
    features = torch.rand(1, 2048, 4, 4, generator=torch.Generator().manual_seed(2))
    for method in cams.LIBRARY:
        bacterial, viral = (
            cams.by_library(member, features, method=method, target=t)
            for t in ("bacterial", "viral")
        )
        assert torch.equal(bacterial, viral) == (method == "eigen_cam"), method


def test_four_threads_draw_the_maps_that_one_draws(tiny_reader: Reader, reading: Reading) -> None:
    jobs = [(m, t) for m in cams.METHODS for t in ("bacterial", "normal")]

    def draw(job: tuple[str, str]) -> np.ndarray:
        return cams.explain(tiny_reader, reading, method=job[0], target=job[1]).values

    alone = [draw(job) for job in jobs]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(draw, jobs))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)


def test_an_unknown_method_or_class_is_an_error(tiny_reader: Reader, reading: Reading) -> None:
    with pytest.raises(KeyError, match="score_cam"):
        cams.explain(tiny_reader, reading, method="score_cam")
    with pytest.raises(ValueError, match="no class 'fungal'"):
        cams.explain(tiny_reader, reading, method="layer_cam", target="fungal")
    for member in tiny_reader.members:
        assert_untouched(member)


def test_pneumonia_comes_first_and_no_class_twice() -> None:
    assert cams.targets(THREE_CLASS) == ("pneumonia", *THREE_CLASS)
    assert cams.targets(("normal", "pneumonia")) == ("pneumonia", "normal")
