"""Temperatures, shares with intervals, and the reliability curve."""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.special import logsumexp
from sklearn.linear_model import LogisticRegression

from pneumo import gradcam
from pneumo.bundle import WeightFile
from pneumo.calibration import (
    Estimate,
    Interval,
    MemberCalibration,
    Reliability,
    ReliabilityBin,
    softmax,
)
from pneumo.lungs import Lungs
from train import calibrate, ensemble, holdout, reliability, scaling, squares
from train.data import Films
from train.ensemble import Suitable

UNCHANGED = MemberCalibration(1.0, 0.0, 1.0)


def labelled(seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Logits (N, 3) whose softmax is the true distribution of the labels (N,)."""
    random = np.random.default_rng(seed)
    logits = random.normal(scale=2.0, size=(n, 3))
    steps = softmax(logits).cumsum(axis=1)
    return logits, (random.random((n, 1)) > steps).sum(axis=1)


def test_the_fitted_calibration_undoes_a_known_distortion():
    logits, label = labelled(0, 40_000)
    odds = logsumexp(logits[:, 1:], axis=1) - logits[:, 0]
    # Shift the log-odds by -1.5 and treble them; double the logits of the kinds among themselves.
    kinds = 2 * logits[:, 1:] - logsumexp(2 * logits[:, 1:], axis=1, keepdims=True)
    distorted = np.column_stack([np.zeros(len(odds)), kinds + 3 * (odds - 1.5)[:, None]])
    found = scaling.fit(distorted, label)
    assert found.temperature == pytest.approx(3.0, rel=0.05)
    assert found.bias == pytest.approx(1.5, abs=0.06)
    assert found.pattern_temperature == pytest.approx(2.0, rel=0.05)
    assert found.classes(distorted) == pytest.approx(softmax(logits), abs=0.03)


def test_platt_scaling_agrees_with_a_logistic_regression():
    logits, label = labelled(1, 500)
    odds = logsumexp(logits[:, 1:], axis=1) - logits[:, 0]
    reference = LogisticRegression(C=np.inf, tol=1e-8).fit(odds[:, None], label > 0)
    found = scaling.fit(logits, label)
    assert 1 / found.temperature == pytest.approx(reference.coef_[0, 0], rel=1e-2)
    assert found.bias == pytest.approx(reference.intercept_[0], abs=1e-2)


def test_the_loss_is_that_of_torch():
    logits, label = labelled(2, 100)
    expected = torch.nn.functional.cross_entropy(torch.from_numpy(logits), torch.from_numpy(label))
    assert scaling.class_nll(softmax(logits), label) == pytest.approx(float(expected))


def test_members_are_calibrated_before_they_are_averaged():
    logits = np.log(np.array([[0.2, 0.5, 0.3], [0.9, 0.05, 0.05]]))
    plain = Estimate.from_members(logits, [UNCHANGED] * 2)
    assert plain.members == pytest.approx((0.8, 0.1))
    assert plain.probability == pytest.approx(0.45)
    assert (plain.low, plain.high) == pytest.approx((0.1, 0.8))
    assert plain.pattern == pytest.approx((0.55, 0.275, 0.175))
    # Odds of 1 to 9 become their square root, 1 to 3, and then three times that: 1 to 1.
    warm = Estimate.from_members(logits, [UNCHANGED, MemberCalibration(2.0, math.log(3), 1.0)])
    assert warm.members == pytest.approx((0.8, 0.5))


def test_a_probability_in_the_middle_is_compared_with_films_of_the_middle():
    random = np.random.default_rng(4)
    probability = np.concatenate([random.beta(0.3, 6, 150), random.beta(6, 0.3, 350)])
    sick = random.random(500) < probability
    for found in reliability.curve(sick, probability).bins:
        assert found.films >= reliability.FILMS
        inside = (probability >= found.low) & (probability < found.high)
        assert (found.films, found.pneumonia) == (inside.sum(), sick[inside].sum())


def test_disagreement_is_the_mutual_information_of_verdict_and_member():
    sick = np.array([0.95, 0.6, 0.2])
    logits = np.log(np.stack([1 - sick, sick / 2, sick / 2], axis=1))
    joint = np.stack([sick, 1 - sick]) / 3  # verdict by member, members equally likely
    by_bayes = sum(
        joint[v, m] * math.log(joint[v, m] / (joint[v].sum() * joint[:, m].sum()))
        for v in range(2)
        for m in range(3)
    )
    assert Estimate.from_members(logits, [UNCHANGED] * 3).disagreement == pytest.approx(by_bayes)


def test_members_that_agree_do_not_disagree():
    logits = np.tile(np.log([0.3, 0.4, 0.3]), (4, 1))
    assert Estimate.from_members(logits, [UNCHANGED] * 4).disagreement == pytest.approx(
        0, abs=1e-12
    )


@pytest.mark.parametrize(("hits", "trials"), [(0, 50), (50, 50), (37, 41), (1, 3)])
def test_a_share_has_its_jeffreys_interval_and_is_never_certain(hits, trials):
    share = Interval.of_counts(hits, trials)
    assert share.value == pytest.approx((hits + 0.5) / (trials + 1))
    assert share.low == pytest.approx(stats.beta.ppf(0.025, hits + 0.5, trials - hits + 0.5))
    assert share.high == pytest.approx(stats.beta.ppf(0.975, hits + 0.5, trials - hits + 0.5))
    assert 0 < share.low < share.value < share.high < 1


def test_the_reliability_curve_counts_every_held_out_film_once():
    random = np.random.default_rng(2)
    probability = random.beta(0.4, 0.3, 522)
    sick = random.random(522) < probability
    curve = reliability.curve(sick, probability)
    assert sum(b.films for b in curve.bins) == 522
    assert sum(b.pneumonia for b in curve.bins) == sick.sum()
    for p, s in zip(probability, sick, strict=True):
        alike = curve.at(p)
        assert alike.low <= p < alike.high
        assert alike.pneumonia >= s


def test_films_of_one_probability_share_one_bin():
    probability = np.repeat([0.1, 0.9], [300, 20])
    curve = reliability.curve(probability > 0.5, probability)
    assert sum(b.films for b in curve.bins) == 320
    assert curve.at(0.1).films == 300
    assert curve.at(0.9).films == 20


@pytest.mark.parametrize("edges", [(0.1, 0.5, 1.0), (0.0, 0.5, 0.9)])
def test_a_reliability_curve_with_a_gap_is_refused(edges):
    bins = [ReliabilityBin(a, b, 5, 2) for a, b in itertools.pairwise(edges)]
    with pytest.raises(ValueError, match="do not cover"):
        Reliability(tuple(bins))


def test_every_probability_has_a_bin_certainty_included():
    curve = Reliability((ReliabilityBin(0.0, 0.4, 9, 1), ReliabilityBin(0.4, 1.0, 9, 8)))
    assert curve.at(0.0).pneumonia == curve.at(0.399).pneumonia == 1
    assert curve.at(0.4).pneumonia == curve.at(1.0).pneumonia == 8


def test_a_member_says_the_same_in_calibration_as_in_a_reading(tiny_reader):
    random = np.random.default_rng(3)
    pixels = torch.from_numpy(random.integers(0, 256, (3, 1, 224, 224), dtype=np.uint8))
    mask = np.zeros((224, 224), dtype=bool)
    mask[40:180, 50:190] = True
    lungs = Lungs(mask=mask, certainty=1.0)
    aspect = torch.tensor([1.2, 0.9, 1.6])
    films = Films([str(i) for i in range(3)], pixels, aspect, torch.tensor([0, 1, 2]))
    chosen = Suitable(films, (lungs, lungs, lungs), ())
    contenders = holdout.contenders(tiny_reader)
    calibrations = [m.calibration for m in tiny_reader.manifest.members]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(squares, "MEAN", tiny_reader.manifest.mean)
        patch.setattr(squares, "STD", tiny_reader.manifest.std)
        said = [ensemble.outputs(c, chosen) for c in contenders]
    peaks = ensemble.evidence_peaks(contenders, said, calibrations, chosen)

    for i, picture in enumerate((pixels.float() / 255).split(1)):
        boxes = [chosen.boxes(c.geometry)[i] for c in contenders]
        features = tiny_reader.ensemble(tiny_reader.ensemble.squares(picture, boxes))
        heads = gradcam.Heads(tiny_reader.members, features)
        assert np.stack([o.logits[i] for o in said]) == pytest.approx(
            heads.logits.numpy(), abs=1e-5
        )
        evidence = tiny_reader._evidence(heads, boxes)
        assert peaks[i] == pytest.approx(evidence.max(), rel=1e-4)


def test_every_weight_file_and_every_number_names_the_revision(tiny_reader):
    manifest = tiny_reader.manifest
    other_file = dataclasses.replace(manifest, lungs=WeightFile("lungs.safetensors", "1" * 64))
    other_limit = dataclasses.replace(manifest, disagreement_limit=0.2)
    other_day = dataclasses.replace(manifest, created="2026-01-02")
    named = [calibrate.revision_of(m) for m in (manifest, other_file, other_limit)]
    assert len(set(named)) == 3
    assert calibrate.revision_of(other_day) == named[0]
    assert calibrate.revision_of(dataclasses.replace(manifest, rows=())) == named[0]
