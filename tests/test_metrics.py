"""Metrics against scikit-learn, and what an interval over patients must do."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn import metrics as sk

from train import metrics, record
from train.metrics import Bootstrap

NAMES = ("normal", "bacterial", "viral")


def ties(seed: int, n: int = 400) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, two-decimal scores with many ties, and film weights."""
    random = np.random.default_rng(seed)
    sick = random.random(n) < 0.7
    score = np.clip(random.normal(0.4 + 0.3 * sick, 0.2), 0.01, 0.99).round(2)
    return sick, score, random.random(n)


def value(metric: metrics.Metric, weight: np.ndarray) -> float:
    return float(metric(weight[None])[0])


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (metrics.auroc, sk.roc_auc_score),
        (metrics.auprc, sk.average_precision_score),
        (metrics.brier, sk.brier_score_loss),
        (metrics.nll, sk.log_loss),
    ],
)
def test_a_weighted_metric_of_tied_scores_equals_scikit_learn(seed, ours, theirs):
    sick, score, weight = ties(seed)
    assert value(ours(sick, score), weight) == pytest.approx(
        theirs(sick, score, sample_weight=weight), abs=1e-12
    )


def test_metrics_at_a_threshold_equal_scikit_learn():
    sick, score, _ = ties(3)
    called = score >= 0.5
    at = metrics.at_threshold(sick, score, 0.5, Bootstrap([str(i) for i in range(400)]))
    expected = {
        "accuracy": sk.accuracy_score(sick, called),
        "balanced_accuracy": sk.balanced_accuracy_score(sick, called),
        "sensitivity": sk.recall_score(sick, called),
        "specificity": sk.recall_score(~sick, ~called),
        "precision": sk.precision_score(sick, called),
        "f1": sk.f1_score(sick, called),
        "mcc": sk.matthews_corrcoef(sick, called),
    }
    assert {k: m.value for k, m in at.metrics.items()} == pytest.approx(expected)
    (tn, fp), (fn, tp) = sk.confusion_matrix(sick, called)
    assert at.confusion == metrics.Confusion(tp, fn, tn, fp)


def test_three_class_metrics_equal_scikit_learn():
    random = np.random.default_rng(4)
    label = random.integers(0, 3, 300)
    odds = random.normal(size=(300, 3)) + 1.5 * np.eye(3)[label]
    classes = np.exp(odds) / np.exp(odds).sum(axis=1, keepdims=True)
    measured = metrics.of_classes(label, classes, NAMES, Bootstrap([str(i) for i in range(300)]))
    verdict = classes.argmax(axis=1)
    recalls = sk.recall_score(label, verdict, average=None)
    expected = {
        "accuracy": sk.accuracy_score(label, verdict),
        "macro_f1": sk.f1_score(label, verdict, average="macro"),
        "macro_auroc": sk.roc_auc_score(label, classes, multi_class="ovr", average="macro"),
    } | {f"recall_{name}": r for name, r in zip(NAMES, recalls, strict=True)}
    assert {k: m.value for k, m in measured.metrics.items()} == pytest.approx(expected)
    assert measured.confusion == sk.confusion_matrix(label, verdict).tolist()


def test_calibration_error_equals_the_sum_over_its_reliability_curve():
    sick, score, _ = ties(5)
    bins = metrics.reliability_curve(sick, score)
    by_hand = sum(b.films * abs(b.mean_probability - b.share_pneumonia) for b in bins) / len(sick)
    assert value(metrics.ece(sick, score), np.ones(len(sick))) == pytest.approx(by_hand)
    assert sum(b.films for b in bins) == len(sick)


def test_distinct_probabilities_fall_into_bins_of_equal_mass():
    score = np.random.default_rng(6).permutation(np.linspace(0.01, 0.99, 624))
    counts = np.bincount(metrics.equal_mass(score, 15), minlength=15)
    assert counts.min() >= 41
    assert counts.max() <= 42


def test_an_overconfident_forecaster_has_the_calibration_error_that_it_was_given():
    sick = np.tile([True, True, True, False, False], 200)  # 60 % have pneumonia
    assert value(metrics.ece(sick, np.full(1000, 0.9)), np.ones(1000)) == pytest.approx(0.3)


def test_an_interval_over_patients_with_one_film_each_is_the_binomial_one():
    random = np.random.default_rng(7)
    hit = (random.random(600) < 0.8).astype(float)
    measured = Bootstrap([str(i) for i in range(600)]).measure(metrics.mean_of(hit))
    spread = 1.96 * math.sqrt(hit.mean() * (1 - hit.mean()) / 600)
    assert measured.value == hit.mean()
    assert measured.high - measured.low == pytest.approx(2 * spread, rel=0.1)


def test_ten_copies_of_every_film_do_not_narrow_the_interval():
    sick, score, _ = ties(8, n=200)
    once = Bootstrap([str(i) for i in range(200)]).measure(metrics.auroc(sick, score))
    copies = Bootstrap([str(i) for i in range(200) for _ in range(10)]).measure(
        metrics.auroc(sick.repeat(10), score.repeat(10))
    )
    assert copies.value == pytest.approx(once.value)
    assert copies.high - copies.low == pytest.approx(once.high - once.low, rel=0.15)


def test_every_interval_holds_its_value_a_well_calibrated_one_too():
    random = np.random.default_rng(10)
    score = random.random(100)
    sick = random.random(100) < score
    measured = metrics.of_probability(sick, score, Bootstrap([str(i) for i in range(100)]))
    assert all(m.low <= m.value <= m.high for m in measured.values())


def test_a_metric_that_is_not_defined_is_written_as_null():
    sick, score, _ = ties(9)
    at = metrics.at_threshold(sick, score, 0.999, Bootstrap([str(i) for i in range(400)]))
    assert record.plain(at)["metrics"]["precision"] == {"value": None, "low": None, "high": None}
