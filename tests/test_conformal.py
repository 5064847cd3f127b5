import warnings

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin

from pneumo.calibration import ConformalLevel, Interval, at_prevalence
from train.conformal import levels, threshold


class Given(ClassifierMixin, BaseEstimator):
    """A fitted classifier that answers with the probabilities it is shown."""

    classes_ = np.arange(3)

    def fit(self, x, y):
        return self

    def __sklearn_is_fitted__(self):
        return True

    def predict_proba(self, x):
        return np.asarray(x)

    def predict(self, x):
        return np.asarray(x).argmax(axis=1)


def films(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels and class probabilities that are calibrated by construction."""
    rng = np.random.default_rng(seed)
    classes = rng.dirichlet([0.6, 0.6, 0.6], size=count)
    label = np.array([rng.choice(3, p=p) for p in classes])
    return label, classes


@pytest.mark.parametrize("promised", [0.9, 0.95])
def test_sets_equal_those_of_mapie(promised):
    mapie = pytest.importorskip("mapie.classification")
    label, classes = films(400, 0)
    _, new = films(300, 1)
    reference = mapie.SplitConformalClassifier(
        Given(), confidence_level=promised, conformity_score="lac", prefit=True
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reference.conformalize(classes, label)
        sets = reference.predict_set(new)[1][:, :, 0]
    level = ConformalLevel(promised, threshold(label, classes, promised), Interval(1, 1, 1), ())
    ours = np.zeros_like(sets)
    for i, p in enumerate(new):
        ours[i, list(level.classes(tuple(p)))] = True
    # MAPIE leaves some sets empty; ours always keeps the most probable class.
    sets[np.arange(len(new)), new.argmax(axis=1)] = True
    np.testing.assert_array_equal(ours, sets)


def test_sets_cover_what_they_promise_on_new_films():
    (seen_label, seen), (label, held_out) = films(2000, 2), films(4000, 3)
    for level in levels(seen_label, seen, label, held_out):
        assert level.coverage.value == pytest.approx(level.promised, abs=0.02)
        assert len(level.coverage_by_class) == 3


def test_too_few_films_promise_nothing():
    label, classes = films(15, 4)
    with pytest.raises(ValueError, match="cannot promise"):
        threshold(label, classes, 0.95)


def test_a_rarer_disease_gives_the_probability_that_bayes_gives_by_hand():
    # 1,000 children, 100 ill; the film says yes to 90 of the ill and to 90 of the 900 well:
    # 90 / 180. Among 500 ill and 500 well it says yes to 450 and 50: 450 / 500.
    assert at_prevalence(450 / 500, trained=0.5, stated=0.1) == pytest.approx(90 / 180)


def test_the_training_prevalence_changes_nothing():
    assert at_prevalence(0.37, trained=0.743, stated=0.743) == pytest.approx(0.37)


@pytest.mark.parametrize("stated", [0.0, 1.0])
def test_a_prevalence_of_all_or_none_is_refused(stated):
    with pytest.raises(ValueError, match="prevalence"):
        at_prevalence(0.5, trained=0.7, stated=stated)
