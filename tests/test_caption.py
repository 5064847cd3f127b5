"""The film and what is said of its map: every picture has words, and the words are true."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace

import numpy as np
import pytest
from by_hand import a_reading, text_of
from PIL import Image

from pneumo import cams, caption, lightbox
from pneumo.geometry import WHOLE_FILM
from pneumo.overlay import EvidenceMap
from pneumo.reader import Reading


@pytest.fixture
def reading() -> Reading:
    return a_reading()


def own(reading: Reading) -> EvidenceMap:
    return EvidenceMap(reading.evidence, reading.evidence_full_scale)


def test_the_words_beside_the_film_say_where_the_evidence_lies(reading: Reading) -> None:
    words = lightbox.evidence_in_words(reading)
    assert "Evidence for pneumonia peaks at +3.0 of +4.0" in words
    assert "lower third of the right lung" in words


def test_weak_evidence_is_called_weak_and_foreign_evidence_doubtful(reading: Reading) -> None:
    weak = replace(reading, evidence=reading.evidence / 10)
    assert lightbox.evidence_in_words(weak).startswith("Weak evidence")
    outside = replace(reading, evidence=np.where(reading.lungs.mask, 0.0, 1.0).astype(np.float32))
    assert "be wary of this map" in text_of(caption.caption(outside, own(outside)))
    assert "be wary" not in text_of(caption.caption(reading, own(reading)))


def test_the_legend_ends_at_the_manifest_s_scale_and_promises_no_odds(reading: Reading) -> None:
    text = text_of(caption.legend(own(reading)))
    assert "0 none" in text
    assert "+2.0 moderate" in text
    assert "+4.0 strong, or more" in text
    assert "odds \N{MULTIPLICATION SIGN}" not in text


@pytest.mark.parametrize("method", [m for m in cams.METHODS if m != "grad_cam"])
def test_a_map_without_a_unit_gets_none_and_says_that_films_cannot_be_compared(
    reading: Reading, method: str
) -> None:
    shown = EvidenceMap(reading.evidence, 3.0, method, "bacterial")
    text = text_of(caption.caption(reading, shown))
    assert "Colours cannot be compared between films or methods" in text
    assert "no unit" in text
    assert "+3.0" not in text
    assert ("knows no class" in text) == (method == "eigen_cam")


def test_the_table_holds_every_zone_and_the_rest(reading: Reading) -> None:
    text = text_of(caption.caption(reading, own(reading)))
    assert "Right lung Left lung Upper third none none Middle third none none" in text
    assert "Lower third over 99 % none Outside the lungs under 1 %" in text


def test_the_frames_are_counted_and_what_lies_beyond_them_is_measured(reading: Reading) -> None:
    words = caption.frames_in_words(reading)
    assert "(1 and 2 of 3)" in words
    # The two frames leave 1 - (0.5 + 0.8 * 0.8 - 0.5 * 0.8) of the film.
    assert "26 % of the film lies outside every frame" in words
    assert "no part lies outside" in caption.frames_in_words(replace(reading, boxes=(WHOLE_FILM,)))


def test_the_figure_carries_the_film_without_loss(reading: Reading) -> None:
    figure = lightbox.figure(reading)
    source = re.search(r'class="picture" src="data:image/png;base64,([^"]+)"', figure)
    assert source is not None
    shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(source[1]))))
    np.testing.assert_allclose(shown / 255, reading.film.pixels, atol=0.5 / 255 + 1e-6)


def test_every_picture_has_words(reading: Reading) -> None:
    page = lightbox.figure(reading) + caption.caption(reading, own(reading))
    pictures = re.findall(r"<img[^>]+>", page)
    assert len(pictures) == 4  # film, its evidence, the map to lay there, the colour scale
    for tag in pictures:
        words = re.search(r'alt="([^"]*)"', tag)
        assert words
        assert len(words[1]) > 10


def test_every_method_has_a_name_on_the_page() -> None:
    assert set(lightbox.METHOD_NAMES) == set(cams.METHODS)
