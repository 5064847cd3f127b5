"""The Read tab's events, called as the page calls them."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path

import gradio as gr
import pytest
from by_hand import text_of

from pneumo.reader import Reader, Reading
from pneumo.report import as_json
from tabs.desk import Desk

CHOICES = ("screening", 74.0, "grad_cam", "pneumonia")


@pytest.fixture(scope="module")
def desk(tiny_reader: Reader) -> Desk:
    return Desk(tiny_reader, {})


@pytest.fixture(scope="module")
def reading(tiny_reader: Reader, film_bytes: bytes) -> Reading:
    return tiny_reader.read(film_bytes)


def contents(parcel: str) -> bytes:
    address = re.search(r'href="data:[a-z/]+;base64,([^"]+)"', parcel)
    assert address
    return base64.b64decode(address[1])


def test_a_film_is_opened_with_everything_that_the_page_needs(
    desk: Desk, film_bytes: bytes, tiny_reader: Reader
) -> None:
    film, shown, card, kept, *_ = desk.open(film_bytes, *CHOICES)
    assert 'class="film"' in film
    assert 'class="layer"' in shown
    assert "data-reading" in card
    assert kept is not None
    assert kept.film.source.sha256 == tiny_reader.read(film_bytes).film.source.sha256


def test_film_map_and_card_say_which_film_they_are_of(desk: Desk, film_bytes: bytes) -> None:
    sha256 = hashlib.sha256(film_bytes).hexdigest()
    for part in desk.open(film_bytes, *CHOICES)[:3]:
        assert re.findall('data-film="([^"]+)"', str(part)) == [sha256[:16]]


@pytest.mark.parametrize("refused", [False, True])
def test_a_new_film_empties_what_was_typed_and_made_for_the_one_before(
    desk: Desk, film_bytes: bytes, refused: bool
) -> None:
    parcel, upload, identity, impression = desk.open(b"" if refused else film_bytes, *CHOICES)[4:]
    assert (parcel, upload, identity, impression) == ("", None, "", "")


def test_a_refused_film_takes_the_one_before_it_off_the_desk(desk: Desk) -> None:
    film, shown, card, kept, *_ = desk.open(b"no film", *CHOICES)
    assert (film, shown, kept) == ("", "", None)
    assert "Not read" in text_of(card)


def test_a_file_beyond_the_limit_is_refused_by_its_size_and_not_even_read(
    desk: Desk, tmp_path: Path
) -> None:
    path = tmp_path / "study.zip"
    with path.open("wb") as file:
        file.truncate(800_000_000)
    upload = {"path": str(path), "orig_name": path.name}
    assert "This file has 800 MB, above the limit of 50 MB" in text_of(
        desk.open_upload(upload, *CHOICES)[2]
    )
    answer, reading = desk.answer(upload, "screening")
    assert reading is None
    assert "800 MB" in str(answer["reason"])
    assert answer["image_sha256"] is None  # of a part of it would name another file


def test_another_prevalence_or_point_reads_nothing_again(
    desk: Desk, reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk.reader, "read", None)
    usual = text_of(desk.judge("screening", 74, reading, ""))
    clinic = text_of(desk.judge("screening", 10, reading, ""))
    assert "as among the training films" in usual
    assert "where 10 of 100 such children have pneumonia" in clinic
    assert "balanced, for tests" in text_of(desk.judge("balanced", 10, reading, ""))


def test_the_control_stands_at_the_training_films_until_it_is_moved(desk: Desk) -> None:
    assert desk.usual == 74
    assert desk.stated(74) is None
    assert desk.stated(5) == pytest.approx(0.05)


def test_another_method_changes_the_map_and_its_legend(desk: Desk, reading: Reading) -> None:
    own = desk.redraw("grad_cam", "pneumonia", reading, "")
    other = desk.redraw("layer_cam", "viral", reading, own)
    assert "The scale is the same for every film" in text_of(own)
    assert "Layer-CAM for viral-type has no unit" in text_of(other)


def test_a_forgotten_reading_is_said_to_be_forgotten(desk: Desk) -> None:
    for said in (
        desk.judge("balanced", 10, None, "<section data-reading>"),
        desk.redraw("layer_cam", "viral", None, "<section>"),
        desk.paper("balanced", desk.usual, None, "", ""),
        desk.record("balanced", None),
    ):
        assert "open the film again" in text_of(said)


def test_without_a_film_a_choice_changes_nothing_not_even_to_what_was_there(desk: Desk) -> None:
    # A film that opens meanwhile would be covered by what was shown when the choice was made.
    assert desk.judge("balanced", 10, None, "welcome") == gr.skip()
    assert desk.redraw("layer_cam", "viral", None, "") == gr.skip()


def test_the_record_is_the_reading_at_the_point_that_is_chosen(
    desk: Desk, reading: Reading
) -> None:
    record = json.loads(contents(desk.record("rule_in", reading)))
    assert record == as_json(desk.reader.at(reading, "rule_in"), file="")


@pytest.mark.slow
def test_the_report_is_a_pdf_and_the_typed_name_stays_inside_it(
    desk: Desk, reading: Reading
) -> None:
    plain, named = (
        desk.paper("screening", desk.usual, reading, who, "") for who in ("", "  K. Muster ")
    )
    assert contents(plain).startswith(b"%PDF-")
    assert contents(named) != contents(plain)
    assert "Muster" not in named  # neither in the file's name nor beside it
