"""Thresholds keep their promise, and a decision is one of three words."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as sk

from pneumo.calibration import Estimate, Interval, MemberCalibration
from pneumo.decision import Decision, OperatingPoint
from train import thresholds

SHARE = Interval(0.9, 0.8, 0.95)


def point(threshold: float) -> OperatingPoint:
    return OperatingPoint("balanced", "for tests", threshold, SHARE, SHARE)


def estimate(*members: float) -> Estimate:
    sick = np.array(members)
    logits = np.log(np.stack([1 - sick, sick / 2, sick / 2], axis=1))
    return Estimate.from_members(logits, [MemberCalibration(1.0, 0.0, 1.0)] * len(sick))


def scored(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """The films of ``calibrate`` in number and mix, with scores that overlap."""
    random = np.random.default_rng(seed)
    sick = np.repeat([True, False], [582, 201])
    return sick, 1 / (1 + np.exp(-random.normal(np.where(sick, 3, -3), 2)))


def test_a_film_at_the_threshold_is_suspected():
    assert point(0.5).decide(estimate(0.5), disagreement_limit=0.1) is Decision.SUSPECTED
    assert point(0.5).decide(estimate(0.4999), disagreement_limit=0.1) is Decision.NOT_SUSPECTED


def test_members_that_contradict_each_other_refer_the_film():
    torn = estimate(0.96, 0.05)
    assert torn.disagreement > 0.3
    assert point(0.5).decide(torn, disagreement_limit=0.3) is Decision.REFER
    assert point(0.5).decide(torn, disagreement_limit=0.6) is Decision.SUSPECTED


def test_disagreement_that_cannot_change_the_word_does_not_refer():
    wide = estimate(0.99, 0.30)
    assert wide.disagreement > 0.05
    assert point(0.2).decide(wide, disagreement_limit=0.05) is Decision.SUSPECTED
    assert point(0.995).decide(wide, disagreement_limit=0.05) is Decision.NOT_SUSPECTED


@pytest.mark.parametrize("threshold", [0.0, 1.0])
def test_a_threshold_that_tells_nothing_apart_is_refused(threshold):
    with pytest.raises(ValueError, match="not in"):
        point(threshold)


def test_screening_is_the_highest_threshold_that_keeps_its_promise():
    sick, probability = scored()
    threshold = thresholds.choose(sick, probability)["screening"]
    missed = int((probability[sick] < threshold).sum())

    def chance_of_so_few(misses: int) -> float:  # were the sensitivity only 99 %
        return float(stats.binom.cdf(misses, 582, 0.01))

    assert chance_of_so_few(missed) <= 0.50 < chance_of_so_few(missed + 1)
    higher = probability[probability > threshold].min()
    assert (probability[sick] <= higher).sum() == missed + 1


def test_a_stricter_confidence_allows_fewer_errors_and_needs_more_films():
    assert thresholds.errors_allowed(582, share=0.99, confidence=0.50) == 5
    assert thresholds.errors_allowed(582, share=0.99, confidence=0.90) == 2
    assert thresholds.errors_allowed(230, share=0.99, confidence=0.90) == 0
    with pytest.raises(ValueError, match="cannot show"):
        thresholds.errors_allowed(229, share=0.99, confidence=0.90)  # 0.99 ** 229 > 0.10


def test_the_bound_of_a_share_is_the_exact_binomial_one():
    expected = stats.binomtest(580, 582, alternative="greater").proportion_ci(0.90, "exact").low
    assert thresholds.share_bound(2, 582, confidence=0.90) == pytest.approx(expected)


def test_balanced_assisted_and_rule_in_equal_a_search_with_scikit_learn():
    sick, probability = scored(1)
    chosen = thresholds.choose(sick, probability)

    false, true, cuts = sk.roc_curve(sick, probability, drop_intermediate=False)
    youden = cuts[np.argmax(true - false)]
    assert np.array_equal(probability >= chosen["balanced"], probability >= youden)

    precision, recall, cuts = sk.precision_recall_curve(sick, probability)
    f1 = 2 * precision * recall / (precision + recall)
    assert sk.f1_score(sick, probability >= chosen["assisted"]) == pytest.approx(f1.max())

    well = probability[~sick]
    lower = probability[probability < chosen["rule_in"]].max()
    for threshold, kept in ((chosen["rule_in"], True), (lower, False)):
        passed = int((well < threshold).sum())
        bound = stats.binomtest(passed, len(well), alternative="greater")
        assert (bound.proportion_ci(0.90, "exact").low >= 0.95) is kept


def test_a_threshold_stands_midway_between_two_films():
    sick, probability = np.array([False, True]), np.array([0.2, 0.8])
    found = thresholds.Candidates.of(sick, probability)
    assert found.threshold.tolist() == pytest.approx([0.1, 0.5, 0.9])
    assert found.sensitivity.tolist() == [1, 1, 0]
    assert found.specificity.tolist() == [0, 1, 1]


def test_scores_that_tell_nothing_apart_flag_every_film_at_screening_and_none_at_rule_in():
    sick = np.repeat([True, False], 300)
    chosen = thresholds.choose(sick, np.full(600, 0.6))
    assert chosen["screening"] < 0.6 < chosen["rule_in"]


def test_thresholds_from_films_of_one_kind_are_refused():
    with pytest.raises(ValueError, match="with and without"):
        thresholds.choose(np.ones(5, dtype=bool), np.linspace(0.1, 0.9, 5))


def test_the_price_of_a_point_is_counted_on_the_films_it_is_given():
    sick, probability = scored(2)
    priced = thresholds.priced("balanced", 0.4, sick, probability)
    (tn, fp), (fn, tp) = sk.confusion_matrix(sick, probability >= 0.4)
    assert priced.sensitivity == Interval.of_counts(tp, tp + fn)
    assert priced.specificity == Interval.of_counts(tn, tn + fp)
