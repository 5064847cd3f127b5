"""What is said of a reading: checked on readings made by hand, as a reader of the page sees it."""

from __future__ import annotations

import base64
import html
import io
import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from pneumo import lightbox, view
from pneumo.calibration import Estimate, Interval
from pneumo.decision import Decision, OperatingPoint
from pneumo.errors import UnsuitableImage
from pneumo.gate import Caution
from pneumo.lungs import Lungs
from pneumo.networks import THREE_CLASS
from pneumo.radiograph import Radiograph, Source
from pneumo.reader import Reading

SCREENING = OperatingPoint(
    "screening",
    "the highest threshold whose sensitivity is at least 0.99",
    0.2,
    Interval(0.99, 0.97, 0.998),
    Interval(0.8, 0.75, 0.84),
)


@pytest.fixture
def reading() -> Reading:
    mask = np.zeros((224, 224), bool)
    mask[40:190, 30:100] = mask[40:190, 124:194] = True
    evidence = np.zeros((224, 224), np.float32)
    evidence[150:180, 40:60] = 3.0
    film = np.tile(np.linspace(0, 1, 300, dtype=np.float32), (200, 1))
    return Reading(
        film=Radiograph(film, Source("DICOM", 12, "MONOCHROME1", "ab" * 32, inverted=True)),
        lungs=Lungs(mask, 0.97),
        estimate=Estimate(0.87, 0.81, 0.93, (0.81, 0.87, 0.93), (0.13, 0.6, 0.27), 0.01),
        operating_point=SCREENING,
        decision=Decision.SUSPECTED,
        frequency=Interval(0.93, 0.89, 0.96),
        compared_films=412,
        evidence=evidence,
        evidence_full_scale=4.0,
        cautions=(Caution.LUNGS_AT_EDGE,),
        classes=THREE_CLASS,
        member_names=("a", "b", "c"),
        training_prevalence=0.74,
        weights="tiny",
        seconds=0.42,
    )


def text_of(fragment: str) -> str:
    """What a person reads: without tags, entities resolved, one space between words."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", fragment)).split())


def test_the_card_says_first_what_is_needed_first(reading: Reading) -> None:
    text = text_of(view.card(reading))
    order = ["Pneumonia suspected", "87 %", "81 to 93 %", "Confidence", "Cost", "Pattern"]
    places = [text.index(words) for words in [*order, "Warnings", "Decoded"]]
    assert places == sorted(places)


def test_confidence_counts_held_out_films_read_like_this_one(reading: Reading) -> None:
    text = text_of(view.card(reading))
    assert "Of 100 held-out films read like this one, 93 were pneumonia and 7 were not." in text
    assert "95 % interval 89 to 96; rests on 412 films." in text


def test_the_cost_of_the_operating_point_is_told_in_children(reading: Reading) -> None:
    text = text_of(view.card(reading))
    assert "Of 100 children with pneumonia it misses 1 (fewer than 1 to 3)" in text
    assert "of 100 without it flags 20 (16 to 25)" in text


def test_no_film_is_certain_on_the_screen(reading: Reading) -> None:
    sure = Estimate(1 - 1e-9, 0.9999, 1.0, (1.0, 0.9999), (1e-9, 1.0, 0.0), 0.0)
    for estimate in (sure, replace(sure, probability=1e-9, low=0.0, high=1e-6, members=(0.0,))):
        text = text_of(view.card(replace(reading, estimate=estimate)))
        assert not re.search(r"(?<![\d.])(0|100) %", text), text
        assert re.search(r"(?<!\d)(1|99) % probability", text)


def test_a_pattern_is_never_given_as_a_cause(reading: Reading) -> None:
    text = text_of(view.card(reading))
    assert "Bacterial-type 60 %" in text
    assert "no advice on antibiotics" in text


def test_a_referred_film_gets_no_word_and_hides_its_map(reading: Reading) -> None:
    card = view.card(replace(reading, decision=Decision.REFER))
    assert "suspected" not in text_of(card).lower()
    assert 'class="card refer"' in card  # what the style sheet hides the map by


def test_warnings_are_shown_and_their_absence_is_said(reading: Reading) -> None:
    assert Caution.LUNGS_AT_EDGE.value in text_of(view.card(reading))
    assert "Warnings None." in text_of(view.card(replace(reading, cautions=())))


def test_a_refusal_is_an_alert_with_the_whole_sentence() -> None:
    card = view.refusal(UnsuitableImage("No pair of lungs was found; upload a <chest> film."))
    assert 'role="alert"' in card
    assert "No pair of lungs was found; upload a <chest> film." in text_of(card)
    assert "<chest>" not in card


def test_text_from_a_file_cannot_become_markup_or_a_template(reading: Reading) -> None:
    source = replace(reading.film.source, photometric="<img src=x>{{value}}${value}")
    card = view.card(replace(reading, film=replace(reading.film, source=source)))
    assert "<img" not in card
    assert "{{" not in card
    assert "${" not in card


def test_the_words_beside_the_film_say_where_the_evidence_lies(reading: Reading) -> None:
    words = lightbox.evidence_in_words(reading)
    assert "peaks at +3.0 of +4.0" in words
    assert "lower third on the left of the picture" in words


def test_weak_evidence_is_called_weak_and_foreign_evidence_doubtful(reading: Reading) -> None:
    assert lightbox.evidence_in_words(replace(reading, evidence=reading.evidence / 10)).startswith(
        "Weak evidence"
    )
    outside = np.where(reading.lungs.mask, 0.0, 1.0).astype(np.float32)
    assert "be wary" in lightbox.evidence_in_words(replace(reading, evidence=outside))


def test_the_legend_ends_at_the_manifest_s_scale_and_promises_no_odds() -> None:
    text = text_of(lightbox.legend(4.0))
    assert "0 none" in text
    assert "+2.0 moderate" in text
    assert "+4.0 strong, or more" in text
    assert "odds \N{MULTIPLICATION SIGN}" not in text


def test_the_figure_carries_the_film_without_loss(reading: Reading) -> None:
    figure = lightbox.figure(reading)
    source = re.search(r'class="picture" src="data:image/png;base64,([^"]+)"', figure)
    assert source is not None
    shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(source[1]))))
    np.testing.assert_allclose(shown / 255, reading.film.pixels, atol=0.5 / 255 + 1e-6)


def test_every_picture_has_words(reading: Reading) -> None:
    for tag in re.findall(r"<img[^>]+>", lightbox.figure(reading)):
        words = re.search(r'alt="([^"]*)"', tag)
        assert words
        assert len(words[1]) > 10


def test_the_view_needs_no_tensors_and_no_web_framework() -> None:
    code = "import sys, pneumo.view, pneumo.lightbox; print({'torch', 'gradio'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_no_card_reassures_where_most_such_films_were_pneumonia(reading: Reading) -> None:
    silent = replace(reading, decision=Decision.NOT_SUSPECTED)
    assert "more often wrong than right" in text_of(view.card(silent))
    rule_in = replace(silent, operating_point=replace(SCREENING, name="rule_in", threshold=0.9))
    assert "Pneumonia not ruled in" in text_of(view.card(rule_in))
    assert "not suspected" not in text_of(view.card(rule_in))
    assert "more often wrong" not in text_of(view.card(reading))


def test_the_card_names_the_prevalence_that_its_probability_assumes(reading: Reading) -> None:
    assert "where 74 of 100 films show pneumonia" in text_of(view.card(reading))
