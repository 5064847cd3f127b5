"""The card beside the film: checked on readings made by hand, as a reader of the page sees it."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from by_hand import LEVELS, SCREENING, a_reading, text_of

from pneumo import readout
from pneumo.calibration import Estimate, Interval
from pneumo.decision import Decision
from pneumo.gate import Caution
from pneumo.reader import Reading


@pytest.fixture
def reading() -> Reading:
    return a_reading()


def read_aloud(reading: Reading, stated: float | None = None) -> str:
    return text_of(readout.card(reading, stated=stated))


def test_the_card_says_first_what_is_needed_first(reading: Reading) -> None:
    text = read_aloud(reading)
    order = ["Pneumonia suspected", "87 %", "81 to 93 %", "Before and after", "Confidence", "Cost"]
    places = [text.index(words) for words in [*order, "Pattern", "Warnings", "Decoded"]]
    assert places == sorted(places)


def test_confidence_counts_held_out_films_read_like_this_one(reading: Reading) -> None:
    text = read_aloud(reading)
    assert "Of 100 held-out films read like this one, 93 were pneumonia and 7 were not." in text
    assert "95 % interval 89 to 96; rests on 412 films." in text


def test_the_cost_of_the_operating_point_is_told_in_children(reading: Reading) -> None:
    text = read_aloud(reading)
    assert "Of 100 children with pneumonia it misses 1 (fewer than 1 to 3)" in text
    assert "of 100 without it flags 20 (16 to 25)" in text


@pytest.mark.parametrize("stated", [None, 0.05, 0.95])
def test_no_film_is_certain_on_the_screen(reading: Reading, stated: float | None) -> None:
    sure = Estimate(1 - 1e-9, 0.9999, 1.0, (1.0, 0.9999), (1e-9, 1.0, 0.0), 0.0)
    for estimate in (sure, replace(sure, probability=1e-9, low=0.0, high=1e-6, members=(0.0,))):
        text = read_aloud(replace(reading, estimate=estimate), stated)
        assert not re.search(r"(?<![\d.])(0|100) %", text), text
        assert re.search(r"(?<!\d)(1|99) % probability", text)


def test_a_pattern_is_never_given_as_a_cause(reading: Reading) -> None:
    text = read_aloud(reading)
    assert "Bacterial-type 60 %" in text
    assert "no advice on antibiotics" in text


def test_a_referred_film_gets_no_word_and_hides_its_map(reading: Reading) -> None:
    card = readout.card(replace(reading, decision=Decision.REFER))
    assert "suspected" not in text_of(card).lower()
    assert 'class="card refer"' in card  # what the style sheet hides the map by


def test_warnings_are_shown_and_their_absence_is_said(reading: Reading) -> None:
    assert Caution.LUNGS_AT_EDGE.value in read_aloud(reading)
    assert "Warnings None." in read_aloud(replace(reading, cautions=()))


def test_text_from_a_file_cannot_become_markup_or_a_template(reading: Reading) -> None:
    source = replace(reading.film.source, photometric="<img src=x>{{value}}${value}")
    card = readout.card(replace(reading, film=replace(reading.film, source=source)))
    assert "<img" not in card
    assert "{{" not in card
    assert "${" not in card


def test_no_card_reassures_where_most_such_films_were_pneumonia(reading: Reading) -> None:
    silent = replace(reading, decision=Decision.NOT_SUSPECTED)
    assert "more often wrong than right" in read_aloud(silent)
    rule_in = replace(silent, operating_point=replace(SCREENING, name="rule_in", threshold=0.9))
    assert "Pneumonia not ruled in" in read_aloud(rule_in)
    assert "not suspected" not in read_aloud(rule_in)
    assert "more often wrong" not in read_aloud(reading)


def test_the_card_names_the_prevalence_that_its_probability_assumes(reading: Reading) -> None:
    assert "where 74 of 100 films show pneumonia" in read_aloud(reading)
    assert "Before it 74 % , as among the training films; after it 87 %" in read_aloud(reading)


def test_a_clinics_prevalence_changes_the_probability_and_nothing_else(reading: Reading) -> None:
    usual, clinic = read_aloud(reading), read_aloud(reading, 0.1)
    # By hand: odds 0.87 / 0.13, times 0.26 / 0.74, times 0.1 / 0.9, make 0.261, so 21 %.
    assert "21 % where 10 of 100 such children have pneumonia" in clinic
    assert "moves only this number" in clinic
    for words in ("Pneumonia suspected", "87 % probability", "Screening 20 %", "it misses 1"):
        assert words in usual
        assert words in clinic


def test_where_pneumonia_is_rare_a_flag_says_that_most_such_films_show_none(
    reading: Reading,
) -> None:
    words = "most films read like this one show none"
    assert words in read_aloud(reading, 0.1)
    assert words not in read_aloud(reading, 0.6)
    assert words not in read_aloud(reading)


def test_a_suspicion_is_not_called_mostly_wrong_where_held_out_films_may_say_otherwise(
    reading: Reading,
) -> None:
    open_question = replace(reading, frequency=Interval(0.93, 0.85, 0.97))
    # The upper bound, 0.97 / 0.03 times 0.26 / 0.74 / 9 as odds, makes 0.558.
    assert "21 % where 10 of 100" in read_aloud(open_question, 0.1)
    assert "show none" not in read_aloud(open_question, 0.1)


def test_a_likelihood_ratio_that_held_out_films_contradict_is_not_put_into_words(
    reading: Reading,
) -> None:
    low = replace(reading.estimate, probability=0.21)
    text = read_aloud(replace(reading, estimate=low, frequency=Interval(0.77, 0.49, 0.955)))
    assert (
        "Likelihood ratio 0.093 . Held-out films read alike do not bear this out; they support "
        "0.34 to 7.5. This reading may raise the odds of pneumonia or lower them."
    ) in text
    assert "strongly" not in text


def test_a_likelihood_ratio_that_held_out_films_bear_out_is_put_into_words(
    reading: Reading,
) -> None:
    # 0.87, 0.89 and 0.96 as odds, times 0.26 / 0.74, make 2.35, 2.84 and 8.43.
    sure = replace(reading, frequency=Interval(0.9, 0.86, 0.96))
    told = "Held-out films read alike support 2.2 to 8.4. This reading raises the odds"
    assert told in read_aloud(sure)
    assert "they support 2.8 to 8.4. This reading raises the odds" in read_aloud(reading)


def test_networks_that_agree_to_the_percent_are_given_no_range(reading: Reading) -> None:
    same = replace(reading.estimate, probability=0.99, low=0.988, high=0.992)
    text = read_aloud(replace(reading, estimate=same))
    assert "99 % by each of 3 networks" in text
    assert "99 to 99" not in readout.card(replace(reading, estimate=same))


def test_the_bounds_beside_a_post_test_probability_are_the_held_out_films(reading: Reading) -> None:
    wide = replace(reading, frequency=Interval(0.6, 0.2, 0.9))
    # 0.25 and 9 as odds, times 0.26 / 0.74 / 9, make 0.00976 and 0.351.
    assert "support 1 % to 26 %" in read_aloud(wide, 0.1)
    assert "not bear this out" not in read_aloud(wide, 0.1)


def test_a_set_names_every_class_that_is_not_ruled_out_and_how_often_such_sets_held(
    reading: Reading,
) -> None:
    text = read_aloud(reading)
    assert "At 90 %: bacterial-type . Sets made this way held the truth for 89 of 100" in text
    assert "At 95 %: bacterial-type or viral-type . Sets made this way held the truth for" in text
    assert "of viral-type films, for 75." in text


def test_a_set_of_all_classes_says_that_it_rules_nothing_out(reading: Reading) -> None:
    unsure = replace(reading, estimate=replace(reading.estimate, pattern=(0.3, 0.4, 0.3)))
    text = text_of(readout.conformal_set(unsure, LEVELS[1]))
    assert text.startswith("At 95 %: normal, bacterial-type or viral-type , so nothing is ruled")


def test_a_set_that_would_be_empty_admits_it(reading: Reading) -> None:
    strict = replace(LEVELS[0], threshold=0.7)
    text = text_of(readout.conformal_set(reading, strict))
    assert text.startswith("At 90 %: bacterial-type , though no pattern reaches this level.")
