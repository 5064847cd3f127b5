"""Risk and coverage against closed forms and brute force, and the shipped rule counted by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pneumo.calibration import Estimate, MemberCalibration
from train.data import Films
from train.metrics import Bootstrap
from train.shares import share
from train.uncertainty import Referral, certainties, referred_first, shipped_rule

FILMS = 200


@pytest.fixture(scope="module")
def errors() -> np.ndarray:
    """Which of 200 verdicts are wrong: 24 of them."""
    wrong = np.zeros(FILMS, dtype=bool)
    wrong[np.random.default_rng(0).choice(FILMS, 24, replace=False)] = True
    return wrong


def once(metric, count: int = FILMS) -> float:
    return float(metric(np.ones((1, count)))[0])


def brute_force(wrong: np.ndarray, certainty: np.ndarray) -> tuple[float, list[float]]:
    """Area, and the accuracy kept when 5, 10 and 20 % are referred, film by film."""
    errors = wrong[np.argsort(-certainty)].cumsum()  # among the k most certain films, k from 1
    stay = [round(len(wrong) * (1 - s)) for s in (0.05, 0.1, 0.2)]
    area = (errors / np.arange(1, len(wrong) + 1)).mean()
    return float(area), [1 - float(errors[k - 1]) / k for k in stay]


def test_a_perfect_ranking_has_the_closed_form_area_and_loses_every_error_first(errors):
    referral = Referral(errors, -errors.astype(float))
    right = FILMS - 24
    closed = sum((k - right) / k for k in range(right + 1, FILMS + 1)) / FILMS
    # Errors tie among themselves and come last, so each step adds exactly one.
    assert once(referral.area) == pytest.approx(closed, abs=1e-12)
    assert once(referral.accuracy(24 / FILMS)) == pytest.approx(1)
    assert once(referral.accuracy(12 / FILMS)) == pytest.approx(right / (FILMS - 12))


def test_referring_at_random_keeps_the_accuracy_and_its_area_is_the_error_rate(errors):
    referral = Referral(errors, np.zeros(FILMS))
    assert once(referral.area) == pytest.approx(24 / FILMS)
    for referred in (0.05, 0.1, 0.2):
        assert once(referral.accuracy(referred)) == pytest.approx(1 - 24 / FILMS)


def test_a_ranking_without_ties_equals_brute_force(errors):
    certainty = np.random.default_rng(1).normal(size=FILMS) - errors
    area, kept = brute_force(errors, certainty)
    referral = Referral(errors, certainty)
    assert once(referral.area) == pytest.approx(area, abs=1e-12)
    ours = [once(referral.accuracy(s)) for s in (0.05, 0.1, 0.2)]
    assert ours == pytest.approx(kept, abs=1e-12)


def test_tied_films_are_referred_in_random_order(errors):
    random = np.random.default_rng(2)
    certainty = random.integers(0, 5, FILMS) - 1.0 * errors
    shuffled = [brute_force(errors, certainty + 1e-6 * random.random(FILMS)) for _ in range(1500)]
    referral = Referral(errors, certainty)
    areas = [area for area, _ in shuffled]
    tolerance = 4 * np.std(areas) / np.sqrt(len(areas))
    assert once(referral.area) == pytest.approx(np.mean(areas), abs=tolerance)
    kept = np.array([k for _, k in shuffled])
    ours = [once(referral.accuracy(s)) for s in (0.05, 0.1, 0.2)]
    assert ours == pytest.approx(kept.mean(axis=0).tolist(), abs=2e-3)


def test_a_weight_of_two_counts_a_film_twice(errors):
    random = np.random.default_rng(3)
    certainty, counts = random.normal(size=FILMS), random.integers(0, 3, FILMS)
    weighted = Referral(errors, certainty).accuracy(0.1)(counts[None].astype(float))[0]
    repeated = Referral(np.repeat(errors, counts), np.repeat(certainty, counts))
    assert weighted == pytest.approx(once(repeated.accuracy(0.1), counts.sum()))


def test_better_rankings_have_smaller_areas_and_the_curve_ends_at_the_error_rate(errors):
    noisy = np.random.default_rng(4).normal(size=FILMS) - 3 * errors
    bootstrap = Bootstrap([str(i) for i in range(FILMS)])
    perfect, good, chance = (
        referred_first(errors, c, bootstrap)
        for c in (-errors.astype(float), noisy, np.zeros(FILMS))
    )
    assert perfect["area"].value < good["area"].value < chance["area"].value
    for found in (perfect, good, chance):
        assert found["curve"][-1] == {"coverage": 1.0, "risk": pytest.approx(24 / FILMS)}
        assert found["area"].low <= found["area"].value <= found["area"].high


def estimate(*members: float) -> Estimate:
    """Two-class logits whose calibrated probabilities are these."""
    logits = [[0.0, np.log(p / (1 - p))] for p in members]
    as_it_says = MemberCalibration(temperature=1, bias=0, pattern_temperature=1)
    return Estimate.from_members(np.array(logits), [as_it_says] * len(members))


def test_a_verdict_near_the_threshold_or_disputed_is_the_less_certain_one():
    said = [estimate(0.98, 0.98), estimate(0.6, 0.6), estimate(0.02, 0.99)]
    by = certainties(said, np.zeros(3, dtype=bool), 0.5)
    assert by["distance_to_threshold"].argmax() == 0
    assert by["distance_to_threshold"].argmin() == 2  # a mean of 0.505
    assert by["disagreement"].argmin() == 2
    assert by["disagreement"][:2] == pytest.approx([0, 0], abs=1e-12)


def test_the_shipped_rule_is_counted_as_decided_by_hand(tiny_reader):
    # Limit 0.1 nats; balanced at 0.5. Only the second film's members contradict each other there.
    said = [estimate(0.98, 0.98), estimate(0.05, 0.97), estimate(0.1, 0.1), estimate(0.9, 0.95)]
    films = Films(
        paths=[f"train/PNEUMONIA/person{i}_virus_1.jpeg" for i in range(4)],
        pixels=torch.zeros(4, 1, 1, 1, dtype=torch.uint8),
        aspect=torch.ones(4),
        label=torch.tensor([1, 0, 0, 0]),
    )
    rule = shipped_rule(said, films, tiny_reader.manifest, Bootstrap(films.patients))["balanced"]
    assert rule["referred"].hits == 1
    assert (rule["wrong_among_all"].hits, rule["wrong_among_all"].films) == (2, 4)
    assert (rule["wrong_among_kept"].hits, rule["wrong_among_kept"].films) == (1, 3)
    assert (rule["wrong_among_referred"].hits, rule["wrong_among_referred"].films) == (1, 1)


def test_none_of_many_patients_leaves_room_for_about_three():
    patients = [str(i) for i in range(300)]
    none = share(np.zeros(300, dtype=bool), patients, Bootstrap(patients))
    every = share(np.ones(300, dtype=bool), patients, Bootstrap(patients))
    # One-sided 97.5 %: 1 - 0.025 ** (1 / n), the exact form of the rule of three.
    assert (none.low, none.high) == pytest.approx((0, 1 - 0.025 ** (1 / 300)))
    assert (every.low, every.high) == pytest.approx((0.025 ** (1 / 300), 1))


def test_many_films_of_one_patient_do_not_narrow_an_interval():
    random = np.random.default_rng(5)
    hit = random.random(100) < 0.3
    apart = share(hit, [str(i) for i in range(100)], Bootstrap([str(i) for i in range(100)]))
    repeated = [str(i) for i in range(100) for _ in range(9)]
    ninefold = share(np.repeat(hit, 9), repeated, Bootstrap(repeated))
    normal = 2 * 1.96 * np.sqrt(hit.mean() * (1 - hit.mean()) / 100)
    assert apart.high - apart.low == pytest.approx(normal, rel=0.15)
    assert ninefold.high - ninefold.low == pytest.approx(normal, rel=0.15)


def test_a_share_among_some_films_leaves_the_others_out():
    hit = np.array([True, False, True, True])
    some = np.array([True, True, False, False])
    patients = ["a", "b", "c", "d"]
    found = share(hit, patients, Bootstrap(patients), among=some)
    assert (found.hits, found.films, found.value) == (1, 2, 0.5)
    nobody = share(hit, patients, Bootstrap(patients), among=np.zeros(4, dtype=bool))
    assert nobody.films == 0
    assert np.isnan(nobody.value)
