"""Bayes' theorem on the card: odds after are odds before times the likelihood ratio."""

from __future__ import annotations

from dataclasses import replace

import pytest
from by_hand import a_reading

from pneumo import pretest
from pneumo.calibration import Interval
from pneumo.pretest import Supported


@pytest.mark.parametrize("stated", [0.05, 0.2, 0.5, 0.95])
def test_the_likelihood_ratio_leads_from_any_pretest_to_its_post_test_odds(stated: float) -> None:
    reading = a_reading()
    after = pretest.post_test(reading, stated=stated)
    ratio = pretest.likelihood_ratio(reading)
    for probability, factor in (
        (after.value, ratio.value),
        (after.low, ratio.low),
        (after.high, ratio.high),
    ):
        odds = stated / (1 - stated) * factor
        assert probability == pytest.approx(odds / (1 + odds))


def test_at_the_training_prevalence_nothing_moves() -> None:
    reading = a_reading()
    after = pretest.post_test(reading, stated=reading.training_prevalence)
    assert after.value == pytest.approx(reading.estimate.probability)
    assert (after.low, after.high) == pytest.approx((0.89, 0.96))


def test_a_certain_ensemble_is_bounded_by_what_was_measured() -> None:
    sure = replace(a_reading(), estimate=replace(a_reading().estimate, probability=1.0))
    ratio = pretest.likelihood_ratio(replace(sure, frequency=Interval(0.95, 0.9, 1.0)))
    assert pretest.ratio_text(ratio.value) == "over 100"
    assert ratio.low == pytest.approx(9 / (0.74 / 0.26))


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        (34, "raises the odds of pneumonia strongly"),
        (7, "raises the odds of pneumonia moderately"),
        (2.1, "raises the odds of pneumonia slightly"),
        (1.2, "hardly changes the odds of pneumonia"),
        (0.6, "hardly changes the odds of pneumonia"),
        (0.15, "lowers the odds of pneumonia moderately"),
        (0.0, "lowers the odds of pneumonia strongly"),
    ],
)
def test_the_words_follow_the_users_guides_to_the_literature(ratio: float, words: str) -> None:
    assert pretest.in_words(ratio) == words


@pytest.mark.parametrize(
    ("bounds", "words"),
    [
        ((0.34, 7.5), "may raise the odds of pneumonia or lower them"),
        ((2.5, 30), "raises the odds of pneumonia strongly"),
        ((2.5, 8), "raises the odds of pneumonia moderately"),
        ((0.05, 0.4), "lowers the odds of pneumonia slightly"),
    ],
)
def test_a_reading_is_said_to_do_no_more_than_held_out_films_bear_out(
    bounds: tuple[float, float], words: str
) -> None:
    assert pretest.effect(Supported(12.0, *bounds)) == words


def test_a_number_outside_what_held_out_films_support_is_not_called_supported() -> None:
    inside, outside = Supported(5.0, 2.0, 8.0), Supported(12.0, 2.0, 8.0)
    assert inside.backing(pretest.ratio_text) == "support 2 to 8"
    assert outside.backing(pretest.ratio_text) == "do not bear this out; they support 2 to 8"
    beyond = Supported(900.0, 120.0, 400.0)  # as far as it is shown, one and the same
    assert beyond.backing(pretest.ratio_text) == "support over 100"


def test_a_ratio_is_told_with_two_digits() -> None:
    told = [pretest.ratio_text(r) for r in (0.004, 0.0523, 1.0, 17.34, 99.7, 3452.0)]
    assert told == ["under 0.01", "0.052", "1", "17", "100", "over 100"]
