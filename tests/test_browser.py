"""The page in Debian's Chromium: what a clinician does, and what the page then says."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import Faults, decision, upload

import app
from pneumo import cams
from pneumo.decision import Decision
from pneumo.overlay import EvidenceMap
from pneumo.pretest import post_test
from pneumo.radiograph import MAX_BYTES
from pneumo.reader import Reader, Reading
from pneumo.report import as_json
from pneumo.view import HEADLINES, headline, percent, share_text

sync_api = pytest.importorskip("playwright.sync_api")

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(tiny_reader: Reader) -> Iterator[str]:
    demo = app.build(tiny_reader)
    yield app.launch(demo, prevent_thread_lock=True, quiet=True)
    demo.close()


@pytest.fixture(params=[(1280, 800), (390, 844)], ids=["wide", "narrow"])
def page(
    request: pytest.FixtureRequest, browser: sync_api.Browser, address: str, faults: Faults
) -> Iterator[sync_api.Page]:
    width, height = request.param
    page = browser.new_page(viewport={"width": width, "height": height})
    faults.watch(page, address)
    page.goto(address)
    page.locator("#upload button").wait_for()
    yield page
    page.close()


def test_an_uploaded_film_is_decided_as_the_reader_decides(
    page: sync_api.Page, faults: Faults, film_path: Path, tiny_reader: Reader
) -> None:
    upload(page, film_path)
    expected = tiny_reader.read(film_path.read_bytes())
    assert decision(page) == headline(expected)
    shown = page.locator(".probability strong").inner_text()
    assert shown.split() == [str(percent(expected.estimate.probability)), "%"]
    overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(overflow) == 0  # nothing scrolls sideways
    assert faults == []


def test_an_example_is_one_click_away(page: sync_api.Page, faults: Faults, film_path: Path) -> None:
    page.locator(f"button[data-name='{film_path.name}']").click()
    assert decision(page) in HEADLINES.values()
    assert faults == []


def test_another_operating_point_is_judged_at_once(
    page: sync_api.Page, film_path: Path, tiny_reader: Reader
) -> None:
    upload(page, film_path)
    decision(page)
    for point in reversed(tiny_reader.manifest.operating_points):
        page.locator(f"#point input[value={point.name}]").check()
        page.get_by_text(f"{point.name}, for tests", exact=False).wait_for()
        expected = tiny_reader.read(film_path.read_bytes(), operating_point=point.name)
        assert decision(page) == headline(expected)


def test_the_controls_of_the_film_change_what_is_seen(page: sync_api.Page, film_path: Path) -> None:
    upload(page, film_path)
    decision(page)
    page.locator(".opacity").fill("30")
    opacity = page.locator(".film .evidence").evaluate("e => getComputedStyle(e).opacity")
    assert float(opacity) == pytest.approx(0.3)
    page.locator(".show-outline").uncheck()
    assert not page.locator("svg.outline").is_visible()
    page.locator(".wipe").fill("50")
    box = page.locator(".stage").bounding_box()
    divider = page.locator(".divider").bounding_box()
    assert divider["x"] - box["x"] == pytest.approx(box["width"] / 2, abs=2)
    page.locator(".show-evidence").uncheck()
    assert not page.locator(".film .evidence").is_visible()


def test_the_film_is_inverted_enlarged_and_moved_by_keyboard(
    page: sync_api.Page, film_path: Path, faults: Faults
) -> None:
    upload(page, film_path)
    decision(page)
    stage, plate = page.locator(".stage"), page.locator(".plate")
    stage.focus()
    page.keyboard.press("i")
    assert page.locator(".picture").evaluate("e => getComputedStyle(e).filter") == "invert(1)"
    assert page.locator(".film .evidence").evaluate("e => getComputedStyle(e).filter") == "none"
    before = plate.bounding_box()
    page.keyboard.press("+")
    page.keyboard.press("+")
    enlarged = plate.bounding_box()
    assert enlarged["width"] == pytest.approx(2.25 * before["width"], rel=0.01)
    page.keyboard.press("ArrowRight")
    assert plate.bounding_box()["x"] < enlarged["x"]
    assert stage.bounding_box() == pytest.approx(before)  # the frame stays where it is
    page.keyboard.press("0")
    assert plate.bounding_box() == pytest.approx(before)
    assert faults == []


def test_the_controls_outlast_another_film_and_the_enlargement_does_not(
    page: sync_api.Page, film_path: Path
) -> None:
    upload(page, film_path)
    decision(page)
    page.locator(".show-outline").uncheck()
    page.locator(".opacity").fill("30")
    page.get_by_role("button", name="Invert").click()
    page.get_by_role("button", name="Zoom in").click()
    page.get_by_role("button", name="Zoom in").click()
    first = page.locator("figure.film").get_attribute("data-film")
    other = next(p for p in sorted(film_path.parent.glob("normal*")) if p != film_path)
    page.locator(f"button[data-name='{other.name}']").click()
    page.wait_for_function(f"document.querySelector('.film').dataset.film !== '{first}'")
    page.wait_for_function("document.querySelector('.zoom-fit').textContent.startsWith('1')")
    assert not page.locator("svg.outline").is_visible()
    assert page.locator(".film .evidence").evaluate("e => getComputedStyle(e).opacity") == "0.3"
    assert page.get_by_role("button", name="Invert").get_attribute("aria-pressed") == "true"


def test_full_screen_keeps_the_legend_and_the_disclaimer(
    page: sync_api.Page, film_path: Path
) -> None:
    upload(page, film_path)
    decision(page)
    page.get_by_role("button", name="Full screen").click()
    page.wait_for_function("document.fullscreenElement !== null")
    assert page.locator("#map .legend").is_visible()
    assert page.locator(".fineprint").is_visible()
    page.locator(".stage").focus()
    page.keyboard.press("f")
    page.wait_for_function("document.fullscreenElement === null")


def test_a_clinics_prevalence_moves_the_number_and_not_the_decision(
    page: sync_api.Page, film_path: Path, tiny_reader: Reader
) -> None:
    upload(page, film_path)
    said = decision(page)
    page.locator("#pretest input[type=number]").fill("10")
    page.locator("#pretest input[type=number]").blur()
    page.locator(".posttest").wait_for()
    reading = tiny_reader.read(film_path.read_bytes())
    after = post_test(reading, stated=0.1)
    assert page.locator(".posttest strong").inner_text() == share_text(after.value)
    assert decision(page) == said


def test_another_map_is_laid_on_the_same_film(
    page: sync_api.Page, film_path: Path, faults: Faults
) -> None:
    upload(page, film_path)
    decision(page)
    page.wait_for_function("document.querySelector('.film .evidence').src")
    picture, evidence = page.locator(".picture"), page.locator(".film .evidence")
    before = (picture.get_attribute("src"), evidence.get_attribute("src"))
    page.get_by_label("Map by").click()
    page.get_by_role("option", name="Layer-CAM").click()
    page.get_by_text("Layer-CAM for pneumonia has no unit").wait_for()
    assert picture.get_attribute("src") == before[0]
    assert evidence.get_attribute("src") != before[1]
    assert "Layer-CAM marks" in (evidence.get_attribute("alt") or "")
    assert faults == []


def test_a_map_that_comes_after_another_film_is_not_laid_on_it(
    page: sync_api.Page, film_path: Path, monkeypatch: pytest.MonkeyPatch, faults: Faults
) -> None:
    upload(page, film_path)
    decision(page)
    first = page.locator("figure.film").get_attribute("data-film")
    asked, may_answer, explain = threading.Event(), threading.Event(), cams.explain

    def slow(reader: Reader, reading: Reading, **how: str) -> EvidenceMap:
        if reading.film.source.sha256.startswith(first):
            asked.set()
            assert may_answer.wait(60)
        return explain(reader, reading, **how)

    monkeypatch.setattr(cams, "explain", slow)
    page.get_by_label("Map by").click()
    page.get_by_role("option", name="Layer-CAM").click()
    assert asked.wait(60)
    other = next(p for p in sorted(film_path.parent.glob("normal*")) if p != film_path)
    page.locator(f"button[data-name='{other.name}']").click()
    second = page.locator(f"figure.film:not([data-film='{first}'])")
    second.wait_for()
    own = second.locator(".evidence").get_attribute("src")
    may_answer.set()
    page.locator(f"#map [data-film='{first}']").wait_for(state="attached")
    assert not page.locator("#map .caption").is_visible()
    assert second.locator(".evidence").get_attribute("src") is None
    film = second.get_attribute("data-film")
    page.locator(f"#map [data-film='{film}']").wait_for()  # asked for again by itself
    assert second.locator(".evidence").get_attribute("src") == own
    assert faults == []


def test_another_film_is_not_given_the_name_of_the_one_before(
    page: sync_api.Page, film_path: Path
) -> None:
    upload(page, film_path)
    decision(page)
    name = page.get_by_label("Name or number on the report")
    impression = page.get_by_label("Your own impression")
    name.fill("K. Muster")
    impression.fill("Clear lungs")
    first = page.locator("figure.film").get_attribute("data-film")
    other = next(p for p in sorted(film_path.parent.glob("normal*")) if p != film_path)
    page.locator(f"button[data-name='{other.name}']").click()
    page.locator(f"figure.film:not([data-film='{first}'])").wait_for()
    sync_api.expect(name).to_have_value("")
    sync_api.expect(impression).to_have_value("")


def test_the_reading_and_the_report_are_saved_from_the_page(
    page: sync_api.Page, film_path: Path, tiny_reader: Reader, tmp_path: Path, faults: Faults
) -> None:
    assert not page.locator("#paper").is_visible()
    upload(page, film_path)
    decision(page)
    with page.expect_download() as saved:
        page.get_by_role("button", name="Reading (JSON)").click()
    expected = as_json(tiny_reader.read(film_path.read_bytes()), file="")
    record = json.loads(Path(saved.value.path()).read_text())
    assert record | {"seconds": 0} == expected | {"seconds": 0}
    page.get_by_label("Name or number on the report").fill("K. Muster")
    with page.expect_download() as saved:
        page.get_by_role("button", name="Report (PDF)").click()
    assert saved.value.suggested_filename == f"pneumo-{expected['image_sha256'][:12]}.pdf"
    assert Path(saved.value.path()).read_bytes().startswith(b"%PDF-")
    assert faults == []


def test_a_file_that_is_no_film_is_refused_in_the_card(
    page: sync_api.Page, faults: Faults, film_path: Path, tmp_path: Path
) -> None:
    upload(page, film_path)
    decision(page)
    (tmp_path / "letter.txt").write_text("Dear colleague")
    upload(page, tmp_path / "letter.txt")
    alert = page.get_by_role("alert").filter(has_text="Not read")
    alert.wait_for()
    assert "DICOM, PNG, JPEG or TIFF" in alert.inner_text()
    assert page.locator("figure.film").count() == 0  # the earlier film must not stand beside it
    assert faults == []
    upload(page, film_path)
    assert decision(page) in HEADLINES.values()


def test_a_file_that_is_too_large_is_refused_in_the_card(
    page: sync_api.Page, faults: Faults, film_path: Path, tmp_path: Path
) -> None:
    upload(page, film_path)
    decision(page)
    with (tmp_path / "huge.dcm").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    upload(page, tmp_path / "huge.dcm")
    page.get_by_role("alert").filter(has_text="larger than the 50 MB allowed").wait_for()
    assert page.locator("figure.film").count() == 0
    assert faults == []


def test_on_refer_the_map_waits_for_a_click(
    page: sync_api.Page, film_path: Path, tiny_reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Any range across the threshold refers when no disagreement at all is tolerated.
    estimate = tiny_reader.read(film_path.read_bytes()).estimate
    point = tiny_reader.manifest.operating_points[0]
    middle = (estimate.low + estimate.high) / 2
    monkeypatch.setitem(point.__dict__, "threshold", middle)
    monkeypatch.setitem(tiny_reader.manifest.__dict__, "disagreement_limit", 0.0)
    upload(page, film_path)
    assert decision(page) == HEADLINES[Decision.REFER]
    hidden = page.locator(".film .evidence, #map, #explain, .frames")
    assert not any(part.is_visible() for part in hidden.all())
    page.get_by_role("button", name="Show the map all the same").click()
    page.locator(".film .evidence").wait_for()
    assert page.locator("#map .legend").is_visible()


def test_an_unexpected_error_gives_one_sentence_and_no_detail(
    page: sync_api.Page, film_path: Path, tiny_reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(tiny_reader, "read", fail)
    upload(page, film_path)
    page.get_by_text("Something went wrong inside the instrument").wait_for()
    assert "secret detail" not in page.content()
    monkeypatch.undo()
    upload(page, film_path)
    assert decision(page) in HEADLINES.values()
