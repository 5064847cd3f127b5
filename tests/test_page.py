"""The printed page: opened again with a PDF library, and read as a person or an archive would."""

from __future__ import annotations

import hashlib
import io
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.transforms import Bbox
from pypdf import PageObject, PdfReader

import pneumo
from pneumo import pretest
from pneumo.calibration import Estimate, Interval
from pneumo.decision import Decision, OperatingPoint
from pneumo.gate import Caution
from pneumo.lungs import Lungs
from pneumo.networks import THREE_CLASS
from pneumo.paper import page
from pneumo.paper.prints import DISAGREEMENT
from pneumo.paper.sheet import HEIGHT_MM, MM_PER_INCH, WIDTH_MM
from pneumo.radiograph import Radiograph, Source
from pneumo.reader import Reader, Reading

pytestmark = pytest.mark.slow

AT = datetime(2026, 11, 21, 10, 17, 5, tzinfo=UTC)
SHA256 = "0123456789abcdef" * 4
LONG = (
    "A lung reaches the edge of the film, the child is rotated and the exposure is far from "
    "that of any film the networks were made from, so that little may be concluded. "
)
NOTES = (
    "This file holds several pictures; the first was read.",
    "This is the detector's raw picture, not the one meant for reading.",
    "The file contradicts itself on whether air is dark or bright.",
)


def reading_of(*, height: int = 200, width: int = 300) -> Reading:
    """A reading made by hand; every number on its page can be told from every other."""
    mask = np.zeros((224, 224), bool)
    mask[40:190, 30:100] = mask[40:190, 124:194] = True
    evidence = np.zeros((224, 224), np.float32)
    evidence[150:180, 40:60] = 3.0
    film = np.tile(np.linspace(0, 1, width, dtype=np.float32), (height, 1))
    point = OperatingPoint(
        "screening",
        "The highest threshold whose sensitivity reached the one promised.",
        0.21,
        Interval(0.94, 0.91, 0.98),
        Interval(0.72, 0.67, 0.78),
    )
    return Reading(
        film=Radiograph(film, Source("DICOM", 12, "MONOCHROME1", SHA256, inverted=True)),
        lungs=Lungs(mask, 0.97),
        estimate=Estimate(0.87, 0.81, 0.93, (0.81, 0.86, 0.93), (0.13, 0.61, 0.26), 0.01),
        operating_point=point,
        decision=Decision.SUSPECTED,
        frequency=Interval(0.92, 0.89, 0.96),
        compared_films=412,
        evidence=evidence,
        evidence_full_scale=4.2,
        cautions=(Caution.LUNGS_AT_EDGE,),
        classes=THREE_CLASS,
        member_names=("crop", "lungs", "whole"),
        training_prevalence=0.74,
        weights="f00dfeed",
        seconds=0.42,
    )


@pytest.fixture
def reading() -> Reading:
    return reading_of()


def referred(reading: Reading) -> Reading:
    estimate = Estimate(0.5, 0.05, 0.95, (0.05, 0.5, 0.95), (0.5, 0.3, 0.2), 0.4)
    return replace(reading, decision=Decision.REFER, estimate=estimate)


def crowded(*, height: int, width: int, warnings: int = 25) -> Reading:
    """A referred film of any shape, about which more is to be said than a page can hold."""
    reading = referred(reading_of(height=height, width=width))
    source = replace(
        reading.film.source, notes=NOTES, window=(2050.5, 3101.0), spacing_mm=(0.139, 0.139)
    )
    cautions = tuple(f"{i}: {LONG}" for i in range(warnings))
    film = replace(reading.film, source=source)
    return replace(reading, film=film, cautions=cautions)  # type: ignore[arg-type]


def only_page(pdf: bytes) -> PageObject:
    (only,) = PdfReader(io.BytesIO(pdf), strict=True).pages
    return only


def text_of(pdf: bytes) -> str:
    """What a search finds: one space between words."""
    return " ".join(only_page(pdf).extract_text().split())


def test_a_reading_is_exactly_one_a4_page(reading: Reading) -> None:
    for each in (reading, referred(reading), crowded(height=200, width=120)):
        box = only_page(page.as_pdf(each, at=AT)).mediabox
        size = [float(side) * MM_PER_INCH / 72 for side in (box.width, box.height)]
        assert size == pytest.approx([WIDTH_MM, HEIGHT_MM], abs=0.1)


def test_every_number_of_the_reading_is_on_the_page(reading: Reading) -> None:
    text = text_of(page.as_pdf(reading, at=AT))
    for words in (
        "Pneumonia suspected",
        "87 %",
        "81 to 93 % among 3 networks",
        "where 74 of 100 films show pneumonia",
        "Screening: flags from 21 %",
        "92 were pneumonia and 8 were not",
        "95 % interval 89 to 96; rests on 412 films.",
        "it misses 6 (2 to 9); of 100 without it flags 28 (22 to 33)",
        "Normal 13 % Bacterial-type 61 % Viral-type 26 %",
        "no advice on antibiotics",
        Caution.LUNGS_AT_EDGE.value,
        "peaks at +3.0 of +4.2",
        "+2.1 moderate",
        "+4.2 strong, or more",
        "DICOM, 12 bit, MONOCHROME1",
        "300 by 200 pixels",
        SHA256,
        "Weights f00dfeed",
        f"Pneumo {pneumo.__version__}",
        "Read in 0.4 s",
        "crop 81 %, lungs 86 %, whole 93 %",
        "2026-11-21 10:17:05",
    ):
        assert words in text, words
    assert text.count("Not a diagnosis") == 2


def test_no_number_on_the_page_comes_from_elsewhere(reading: Reading) -> None:
    text = text_of(page.as_pdf(reading, at=AT))
    for known in (SHA256, "2026-11-21 10:17:05", "f00dfeed", pneumo.__version__):
        text = text.replace(known, "")
    of_the_reading = "87 81 93 3 74 21 92 8 89 96 412 6 2 9 28 22 33 13 61 26 3.0 4.2 2.1 0.4 86"
    of_the_film = "12 1 300 200"  # bits, MONOCHROME1, pixels
    of_the_evidence = {"over 99 %": "99"}  # all of it lies in one third of one lung
    fixed = "0 25 50 75 100 95 5 256"  # axis, per hundred, interval, 1 to 5 years, sha256
    known = {*of_the_reading.split(), *of_the_film.split(), *fixed.split()}
    known |= {number for words, number in of_the_evidence.items() if words in text.lower()}
    assert set(re.findall(r"\d+(?:\.\d+)?", text)) - known == set()


def test_the_numbers_of_the_page_follow_the_reading(reading: Reading) -> None:
    estimate = Estimate(0.07, 0.02, 0.14, (0.02, 0.05, 0.14), (0.93, 0.04, 0.03), 0.01)
    other = replace(reading, decision=Decision.NOT_SUSPECTED, estimate=estimate)
    text = text_of(page.as_pdf(other, at=AT))
    assert "Pneumonia not suspected" in text
    assert "2 to 14 % among 3 networks" in text
    assert "Normal 93 % Bacterial-type 4 % Viral-type 3 %" in text
    assert "87 %" not in text


@pytest.mark.parametrize("example", ["normal-1.png", "bacterial-3.dcm"])
def test_a_film_read_by_a_reader_prints_what_it_said(tiny_reader: Reader, example: str) -> None:
    data = (Path(__file__).parents[1] / "examples" / example).read_bytes()
    reading = tiny_reader.read(data)
    text = text_of(page.as_pdf(reading, at=AT))
    assert hashlib.sha256(data).hexdigest() in text
    assert f"{min(max(round(100 * reading.estimate.probability), 1), 99)} %" in text
    assert f"of +{reading.evidence_full_scale:.1f}" in text
    for name in reading.member_names:
        assert name in text


def test_a_map_of_networks_that_disagree_is_never_printed_without_saying_so(
    reading: Reading,
) -> None:
    assert DISAGREEMENT in text_of(page.as_pdf(referred(reading), at=AT))
    assert DISAGREEMENT in text_of(page.as_pdf(crowded(height=200, width=120), at=AT))
    assert DISAGREEMENT not in text_of(page.as_pdf(reading, at=AT))


def test_a_map_that_lies_outside_the_lungs_carries_its_warning(reading: Reading) -> None:
    outside = np.where(reading.lungs.mask, 0.0, 1.0).astype(np.float32)
    wary = text_of(page.as_pdf(replace(reading, evidence=outside), at=AT))
    assert "Most of it lies outside the lungs: be wary of this map." in wary
    assert "third of the" not in wary
    assert "be wary" not in text_of(page.as_pdf(reading, at=AT))


def test_a_side_is_never_printed_without_what_a_mirrored_copy_does_to_it(reading: Reading) -> None:
    text = text_of(page.as_pdf(reading, at=AT))
    assert "lower third of the right lung" in text
    assert "on a mirrored copy they change places" in text


def test_warnings_that_find_no_room_are_counted() -> None:
    text = text_of(page.as_pdf(crowded(height=200, width=120), at=AT))
    shown = len(re.findall(r"\d+: A lung reaches the edge", text))
    left = re.search(r"And (\d+) more, for which this page has no room", text)
    assert left
    assert shown >= 2
    assert shown + int(left[1]) == 25


def test_every_warning_there_is_fits_in_full() -> None:
    for height, width in ((200, 300), (350, 210), (120, 430)):
        all_of_them = replace(reading_of(height=height, width=width), cautions=tuple(Caution))
        text = text_of(page.as_pdf(all_of_them, at=AT))
        assert all(caution.value in text for caution in Caution)


@pytest.mark.parametrize(
    "each",
    [
        reading_of(),
        reading_of(height=350, width=210),
        crowded(height=120, width=120),
        crowded(height=350, width=210),
        crowded(height=120, width=430),
        crowded(height=200, width=300, warnings=3),
    ],
    ids=["plain", "tall", "tiny, crowded", "tall, crowded", "wide, crowded", "crowded"],
)
@pytest.mark.parametrize("typed", ["", "word " * 900, "w" * 3000], ids=["empty", "words", "one"])
def test_text_stays_on_the_page_and_off_other_text_and_pictures(each: Reading, typed: str) -> None:
    sheet = page.lay_out(each, identity=typed, impression=typed, stated=0.1, made=AT)
    sheet.figure.dpi = 1200  # fine enough that hinting no longer moves a letter
    renderer = RendererAgg(8, 8, dpi=1200)
    texts = [(t.get_text(), t.get_window_extent(renderer)) for t in sheet.figure.texts]
    scale = MM_PER_INCH / sheet.figure.dpi
    for words, box in texts:
        assert scale * box.x0 > page.LEFT - 0.6, words
        assert scale * box.x1 < page.RIGHT + 0.6, words
        assert scale * box.y0 > HEIGHT_MM - page.BOTTOM - 0.6, words
        assert scale * box.y1 < HEIGHT_MM - page.TOP + 0.6, words
    pictures = [("picture", axes.get_window_extent(renderer)) for axes in sheet.figure.axes]
    for (words, box), (others, other) in combinations([*texts, *pictures], 2):
        common = Bbox.intersection(box, other)
        depth = 0.0 if common is None else scale * min(common.width, common.height)
        assert depth < 0.6, f"{words!r} on {others!r}"  # mm: descenders reach between ascenders


def test_identity_is_what_was_typed_and_stays_out_of_the_files_properties(
    reading: Reading,
) -> None:
    typed = "Müller-Łukasiewicz, Zoë $x^2$ {b} \\alpha"
    pdf = page.as_pdf(
        reading, identity=typed, impression="Kein Infiltrat, größer als früher", at=AT
    )
    text = text_of(pdf)
    assert typed in text
    assert "Kein Infiltrat, größer als früher" in text
    properties = dict(PdfReader(io.BytesIO(pdf)).metadata or {})
    assert set(properties) == {"/Title", "/Creator", "/CreationDate"}
    assert properties["/Title"] == f"Reading of chest film {SHA256[:12]}"
    assert properties["/Creator"] == f"Pneumo {pneumo.__version__}"
    assert properties["/CreationDate"] == "D:20261121101705Z"
    assert "Müller" not in text_of(page.as_pdf(reading, at=AT))


def test_no_path_of_this_machine_is_in_the_file(reading: Reading) -> None:
    every = b"".join(
        thing.get_data() if hasattr(thing, "get_data") else str(thing).encode()
        for thing in objects(page.as_pdf(reading, at=AT))
    )
    for folder in (Path.home(), Path(__file__).parents[1], Path(sys.prefix)):
        assert str(folder).encode() not in every or str(folder) == "/"


def objects(pdf: bytes) -> list[object]:
    reader = PdfReader(io.BytesIO(pdf))
    numbers = [n for group in reader.xref.values() for n in group]
    return [reader.get_object(n) for n in sorted(numbers) if n]


def test_what_cannot_be_printed_is_said_and_not_dropped(reading: Reading) -> None:
    text = text_of(page.as_pdf(reading, identity="王小明", at=AT))
    assert "[typed in letters that this page cannot print: write it here by hand]" in text


def test_an_impression_too_long_for_its_field_ends_with_a_word_that_says_so(
    reading: Reading,
) -> None:
    assert "[cut here: the field is full]" in text_of(
        page.as_pdf(reading, impression="no focal opacity " * 300, at=AT)
    )
    short = text_of(page.as_pdf(reading, impression="No focal opacity.\nFollow up.", at=AT))
    assert "No focal opacity. Follow up." in short
    assert "[cut" not in short


def test_a_stated_pre_test_probability_is_printed_beside_the_raw_one(reading: Reading) -> None:
    after = pretest.post_test(reading, stated=0.1)
    text = text_of(page.as_pdf(reading, stated=0.1, at=AT))
    assert "Where 10 of 100 such children have pneumonia" in text
    assert f"the probability is {round(100 * after.value)} % instead" in text
    assert f"support {round(100 * after.low)} % to {round(100 * after.high)} %" in text
    assert "87 %" in text
    assert "pre-test" not in text_of(page.as_pdf(reading, at=AT))


def test_a_suspicion_where_pneumonia_is_rare_is_put_in_its_place(reading: Reading) -> None:
    rare = text_of(page.as_pdf(reading, stated=0.05, at=AT))
    assert "most films read like this one show none" in rare
    common = text_of(page.as_pdf(reading, stated=0.6, at=AT))
    assert "show none" not in common
    doubtful = replace(reading, frequency=Interval(0.92, 0.7, 0.99))
    assert "show none" not in text_of(page.as_pdf(doubtful, stated=0.1, at=AT))


def test_every_font_is_embedded_and_every_letter_can_be_searched(reading: Reading) -> None:
    pdf = page.as_pdf(reading, at=AT)
    fonts = only_page(pdf)["/Resources"]["/Font"]
    assert fonts
    for font in fonts.values():
        (descendant,) = font.get_object()["/DescendantFonts"]
        descriptor = descendant.get_object()["/FontDescriptor"].get_object()
        assert "/FontFile2" in descriptor
        assert "DejaVuSans" in descriptor["/FontName"]
    text = text_of(pdf)
    assert "film" in text
    assert not set("\ufb00\ufb01\ufb02\ufffd") & set(text)


def test_a_grey_print_still_shows_where_evidence_is_moderate(reading: Reading) -> None:
    sheet = page.lay_out(reading, identity="", impression="", stated=None, made=AT)
    dashed = [
        line
        for axes in sheet.figure.axes
        for line in axes.lines
        if line.get_linestyle() == "--" and len(line.get_xdata())
    ]
    (line,) = dashed
    x, y = (224 * np.asarray(d, dtype=float) for d in (line.get_xdata(), line.get_ydata()))
    assert (x.min(), x.max()) == pytest.approx((40, 60), abs=1)  # where it passes half the scale
    assert (y.min(), y.max()) == pytest.approx((150, 180), abs=1)


def test_the_same_reading_at_the_same_time_is_the_same_file(reading: Reading) -> None:
    pdf = page.as_pdf(reading, identity="A", at=AT)
    elsewhere = AT.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert page.as_pdf(reading, identity="A", at=elsewhere) == pdf
    assert page.as_pdf(reading, identity="A", at=AT + timedelta(seconds=1)) != pdf


def test_threads_print_the_same_pages_as_one_alone(reading: Reading) -> None:
    readings = [reading, referred(reading)] * 2
    alone = [page.as_pdf(r, at=AT) for r in readings[:2]]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda r: page.as_pdf(r, at=AT), readings))
    assert together == alone * 2


@pytest.mark.slow
def test_another_process_makes_the_same_file(reading: Reading) -> None:
    program = (
        "import hashlib, test_page as t;"
        "print(hashlib.sha256(t.page.as_pdf(t.reading_of(), at=t.AT)).hexdigest())"
    )
    root, here = Path(__file__).parents[1], Path(__file__).parent
    path = os.pathsep.join(map(str, (root, here)))
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == hashlib.sha256(page.as_pdf(reading, at=AT)).hexdigest()


def test_a_time_without_a_zone_is_refused(reading: Reading) -> None:
    with pytest.raises(ValueError, match="time zone"):
        page.as_pdf(reading, at=datetime(2026, 11, 21))
