"""The sentences that the screen and the page share: never certain, never more than was measured."""

from __future__ import annotations

from dataclasses import replace

import pytest
from test_page import reading_of

from pneumo import sentences
from pneumo.calibration import Estimate, Interval
from pneumo.decision import Decision
from pneumo.reader import Reading


@pytest.fixture
def reading() -> Reading:
    return reading_of()


def test_networks_that_agree_to_the_percent_have_no_range(reading: Reading) -> None:
    assert sentences.spread(reading) == "81 to 93 % among 3 networks"
    same = Estimate(0.97, 0.966, 0.974, (0.966, 0.97, 0.974), (0.03, 0.5, 0.47), 0.0)
    assert sentences.spread(replace(reading, estimate=same)) == "97 % by each of 3 networks"


def test_an_interval_that_touches_certainty_does_not_shrink_to_a_point() -> None:
    assert sentences.interval(Interval(0.995, 0.987, 0.9999)) == "99 to more than 99"
    assert sentences.interval(Interval(0.005, 0.0001, 0.013)) == "fewer than 1 to 1"


@pytest.mark.parametrize(
    ("share", "told"),
    [(0.005, "fewer than 1"), (0.0051, "1"), (0.9949, "99"), (0.995, "more than 99")],
)
def test_of_a_hundred_there_are_never_none_or_all(share: float, told: str) -> None:
    assert sentences.of_100(share) == told


def test_a_decision_is_one_word_wherever_it_is_told() -> None:
    points = ("screening", "balanced", "assisted", "rule_in")
    told = {p: sentences.verdict_of(Decision.NOT_SUSPECTED, p) for p in points}
    assert told == dict.fromkeys(points, "not suspected") | {"rule_in": "not ruled in"}
    assert sentences.verdict_of(Decision.SUSPECTED, "rule_in") == "suspected"
    assert sentences.verdict_of(Decision.REFER, "rule_in") == "refer"


def test_rule_in_that_stays_silent_does_not_reassure(reading: Reading) -> None:
    point = replace(reading.operating_point, name="rule_in", threshold=0.9)
    silent = replace(reading, operating_point=point, decision=Decision.NOT_SUSPECTED)
    assert sentences.headline(silent) == "Pneumonia not ruled in"
    assert "“pneumonia not ruled in” is more often wrong" in sentences.confidence(silent)


def test_a_referred_film_is_sent_to_a_reader(reading: Reading) -> None:
    told = sentences.confidence(replace(reading, decision=Decision.REFER))
    assert "have the film read" in told
    assert "more often wrong" not in told


def test_a_sixteen_bit_picture_is_called_grey(reading: Reading) -> None:
    source = replace(reading.film.source, format="PNG", bits=16, photometric="I;16")
    film = replace(reading.film, source=source)
    assert sentences.decoded(replace(reading, film=film))[0] == "PNG, 16 bit, grey"
