"""What a threshold costs: against scikit-learn, scipy, the results' own bootstrap and the books."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import average_precision_score, precision_score, roc_auc_score

from pneumo.evidence.curves import Scored, apportion, draw_patients, posterior, wilson
from train import metrics
from train.metrics import Bootstrap


def invented(seed: int = 0, *, films: int = 300, patients: int = 150) -> Scored:
    """Films of children with several each, told apart well but not perfectly."""
    generator = np.random.default_rng(seed)
    patient = generator.integers(patients, size=films)
    _, patient = np.unique(patient, return_inverse=True)
    sick = generator.random(patient.max() + 1)[patient] < 0.6
    probability = 1 / (
        1 + np.exp(-(np.where(sick, 1.5, -1.5) + generator.normal(scale=1.5, size=films)))
    )
    return Scored(sick, np.round(probability, 2), patient, draw_patients(int(patient.max()) + 1))


def names(scored: Scored) -> list[str]:
    return [f"p{number:04d}" for number in scored.patient]


@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.8])
def test_costs_and_intervals_are_those_of_the_results_files(threshold: float) -> None:
    scored = invented()
    expected = metrics.at_threshold(
        scored.sick, scored.probability, threshold, Bootstrap(names(scored))
    )
    found = scored.costs(threshold)
    assert dataclasses.astuple(found.films) == dataclasses.astuple(expected.confusion)
    for name in ("sensitivity", "specificity"):
        theirs = dataclasses.astuple(expected.metrics[name])
        assert dataclasses.astuple(getattr(found, name)) == pytest.approx(theirs, abs=1e-12)


def test_the_roc_curve_encloses_the_area_that_scikit_learn_finds() -> None:
    scored = invented()
    x, y = scored.roc()
    assert (x[0], y[0], x[-1], y[-1]) == (0, 0, 1, 1)
    assert np.trapezoid(y, x) == pytest.approx(roc_auc_score(scored.sick, scored.probability))


def test_precision_and_recall_add_up_to_scikit_learns_average_precision() -> None:
    scored = invented()
    recall, precision = scored.precision_recall()
    area = (np.diff(recall, prepend=0) * precision).sum()
    assert area == pytest.approx(average_precision_score(scored.sick, scored.probability))


def test_the_curve_passes_through_the_costs_of_a_threshold() -> None:
    scored = invented()
    costs = scored.costs(0.5)
    x, y = scored.roc()
    distance = np.hypot(x - 1 + costs.specificity.value, y - costs.sensitivity.value)
    assert distance.min() < 1e-12


def test_at_the_films_own_prevalence_the_predictive_value_is_the_precision() -> None:
    scored = invented()
    ppv, _ = scored.costs(0.5).predictive(float(scored.sick.mean()))
    assert ppv.value == pytest.approx(precision_score(scored.sick, scored.probability >= 0.5))


def test_predictive_values_obey_bayes_at_any_prevalence() -> None:
    costs = invented().costs(0.5)
    se, sp, prior = costs.sensitivity.value, costs.specificity.value, 0.07
    ppv, npv = costs.predictive(prior)
    assert ppv.value == pytest.approx(prior * se / (prior * se + (1 - prior) * (1 - sp)))
    assert npv.value == pytest.approx((1 - prior) * sp / ((1 - prior) * sp + prior * (1 - se)))
    assert ppv.low < ppv.value < ppv.high
    assert npv.low < npv.value < npv.high


def test_where_every_film_is_another_child_the_ratios_have_simels_interval() -> None:
    generator = np.random.default_rng(1)
    sick = np.arange(1000) < 500
    probability = np.where(generator.random(1000) < np.where(sick, 0.85, 0.2), 0.9, 0.1)
    scored = Scored(sick, probability, np.arange(1000), draw_patients(1000))
    costs = scored.costs(0.5)
    f = costs.films
    # Simel, Samsa and Matchar 1991 (J Clin Epidemiol 44:763): the delta method on the logarithm.
    for ratio, hits, falls in (
        (costs.lr_plus, f.true_positive, f.false_positive),
        (costs.lr_minus, f.false_negative, f.true_negative),
    ):
        error = math.sqrt(1 / hits - 1 / 500 + 1 / falls - 1 / 500)
        assert ratio.value == pytest.approx(hits / falls)
        assert math.log(ratio.low) == pytest.approx(math.log(hits / falls) - 1.96 * error, abs=0.05)
        assert math.log(ratio.high) == pytest.approx(
            math.log(hits / falls) + 1.96 * error, abs=0.05
        )


def test_more_films_of_the_same_children_make_nothing_surer() -> None:
    once = invented()
    doubled = Scored(
        *(np.tile(a, 2) for a in (once.sick, once.probability, once.patient)), once.draws
    )
    assert doubled.costs(0.5).sensitivity == once.costs(0.5).sensitivity
    assert doubled.costs(0.5).lr_plus == once.costs(0.5).lr_plus


def test_where_nothing_is_flagged_for_nothing_certainty_is_still_not_claimed() -> None:
    sick = np.arange(100) < 50
    probability = np.where(sick, np.linspace(0.4, 1, 100), 0.1)
    probability[-1] = 0.05
    scored = Scored(
        sick, np.where(np.arange(100) < 5, 0.2, probability), np.arange(100) // 2, draw_patients(50)
    )
    costs = scored.costs(0.3)
    assert costs.films.false_positive == 0
    exact = binomtest(25, 25).proportion_ci(0.95, method="exact")  # 50 films of 25 children
    assert costs.specificity.low == pytest.approx(exact.low)
    assert costs.lr_plus.value == costs.lr_plus.high == math.inf
    assert 1 < costs.lr_plus.low < 10
    ppv, _ = costs.predictive(0.2)
    assert ppv.value == 1
    assert ppv.low < 0.75


def test_a_threshold_that_flags_nobody_has_no_positive_predictive_value() -> None:
    costs = invented().costs(0.9999)
    ppv, npv = costs.predictive(0.2)
    assert math.isnan(ppv.value)
    assert math.isnan(costs.lr_plus.low)
    assert npv.value == pytest.approx(0.8)


def test_a_ratio_that_some_resamples_leave_infinite_says_so_above() -> None:
    sick = np.arange(60) < 40
    probability = np.where(sick, 0.9, 0.1)
    probability[[0, 50]] = 0.1, 0.9
    scored = Scored(sick, probability, np.arange(60), draw_patients(60))
    ratio = scored.costs(0.5).lr_plus
    assert ratio.value == pytest.approx((39 / 40) / (1 / 20))
    assert 1 < ratio.low < ratio.value
    assert ratio.high == math.inf


@pytest.mark.parametrize(("hits", "trials"), [(0, 10), (3, 10), (10, 10), (97, 133)])
def test_wilsons_interval_is_scipys(hits: int, trials: int) -> None:
    theirs = binomtest(hits, trials).proportion_ci(0.95, method="wilson")
    found = wilson(hits, trials)
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), abs=1e-6)


def test_a_hundred_children_are_a_hundred_and_nobody_is_moved_by_more_than_one() -> None:
    generator = np.random.default_rng(0)
    for _ in range(200):
        shares = generator.dirichlet(np.ones(4))
        whole = apportion(shares.tolist(), 100)
        assert sum(whole) == 100
        assert np.abs(np.array(whole) - 100 * shares).max() < 1


def test_the_four_kinds_of_children_are_all_children() -> None:
    c = invented().costs(0.5).children(0.19)
    values = [getattr(c, f.name).value for f in dataclasses.fields(c)]
    assert sum(values) == pytest.approx(1)
    assert c.ill_flagged.value + c.ill_missed.value == pytest.approx(0.19)


def test_a_ratio_of_one_changes_no_probability() -> None:
    assert posterior(0.3, 1.0) == pytest.approx(0.3)
    assert posterior(0.3, 0.0) == 0
    assert posterior(0.3, math.inf) == 1
