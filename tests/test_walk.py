"""One walk through the whole instrument with the shipped weights, as a clinician might take it."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chromium import Faults, compared, decision, new_page, told, upload
from conftest import EXAMPLES, ROOT
from pypdf import PdfReader

import app
from pneumo import language, view
from pneumo.evidence.holdout import ENSEMBLE
from pneumo.reader import Reader
from pneumo.ward.archive import Source, films
from pneumo.ward.worklist import Worklist, read_all

sync_api = pytest.importorskip("playwright.sync_api")

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.weights]

FILM = EXAMPLES / "viral-1.png"


@pytest.fixture(scope="module")
def address(shipped_reader: Reader) -> Iterator[str]:
    demo = app.build(shipped_reader)
    yield app.launch(demo, prevent_thread_lock=True, quiet=True)
    demo.close()


@pytest.fixture
def page(browser: sync_api.Browser, address: str, faults: Faults) -> Iterator[sync_api.Page]:
    page = new_page(browser, address, faults)
    yield page
    page.close()


def test_a_walk_through_every_tab_finds_what_the_weights_and_the_results_say(
    page: sync_api.Page, faults: Faults, shipped_reader: Reader, ward: list[Path], tmp_path: Path
) -> None:
    read_at_another_point(page, shipped_reader)
    ask_every_model(page, shipped_reader)
    print_the_page(page, shipped_reader)
    work_through_the_ward(page, shipped_reader, ward, tmp_path)
    weigh_the_evidence(page)
    refuse(page, EXAMPLES / "not-a-film.png")
    speak_spanish(page, shipped_reader)
    assert faults == []


def read_at_another_point(page: sync_api.Page, reader: Reader) -> None:
    """Upload an example; judge it at every operating point, the balanced one last."""
    upload(page, FILM)
    reading = reader.read(FILM.read_bytes())
    assert decision(page) == view.headline(reading)
    for name in ("rule_in", "balanced"):
        point = reader.manifest.operating_point(name)
        page.locator(f"#point input[value={name}]").check()
        threshold = f"{view.POINT_NAMES[name]} {view.percent(point.threshold)} %"
        page.locator(".scale .tick").get_by_text(threshold).wait_for()
        assert decision(page) == view.headline(reader.at(reading, name))


def ask_every_model(page: sync_api.Page, reader: Reader) -> None:
    """Compare: the ensemble first, then each row of the weights."""
    compared(page)
    titles = page.locator("#board .opinions h3").all_inner_texts()
    assert titles[0] == "The ensemble"
    assert sorted(titles[1:]) == sorted(row.title for row in reader.manifest.rows)
    page.get_by_role("tab", name="Read").click()


def print_the_page(page: sync_api.Page, reader: Reader) -> None:
    """The report: one A4 page with what the card says."""
    page.get_by_label("Name or number on the report").fill("K. Muster")
    with page.expect_download() as saved:
        page.locator("#pdf").click()
    (sheet,) = PdfReader(saved.value.path()).pages
    assert [round(float(side)) for side in sheet.mediabox[2:]] == [595, 842]  # A4 in points
    text = " ".join(sheet.extract_text().split())
    reading = reader.read(FILM.read_bytes(), operating_point="balanced")
    for said in (view.headline(reading), "K. Muster", reader.manifest.revision):
        assert said in text


def work_through_the_ward(
    page: sync_api.Page, reader: Reader, ward: list[Path], folder: Path
) -> None:
    """Twelve files, three of them bad: the list, and its CSV read back."""
    page.get_by_role("tab", name="Worklist").click()
    page.locator("#worklist-upload input[type=file]").set_input_files(ward)
    assert "3 refused" in told(page, "Done: 12 films")
    with page.expect_download() as saved:
        page.get_by_text("Download CSV").click()
    saved.value.save_as(folder / "worklist.csv")
    rows = list(csv.DictReader((folder / "worklist.csv").open()))
    sources = [source for path in ward for source in films(Source(path.name, path))]
    entries = Worklist.of(reader, read_all(reader, sources), operating_point="screening").entries
    assert [row["sha256"] for row in rows] == [entry.sha256 or "" for entry in entries]
    assert len(rows) == 12
    for row, entry in zip(rows, entries, strict=True):
        if entry.estimate is None:
            assert (row["status"], row["probability"]) == ("refused", "")
        else:
            assert float(row["probability"]) == pytest.approx(entry.estimate.probability, abs=1e-3)


def weigh_the_evidence(page: sync_api.Page) -> None:
    """Both sliders: what they show is what holdout.json gives there, worked out here."""
    page.get_by_role("tab", name="Evidence").click()
    line = page.locator(".live .summary")
    line.wait_for()  # an answer under way would put its own numbers over what is typed
    page.locator("#threshold input[type=number]").fill("30")
    page.keyboard.press("Enter")
    line.filter(has_text="from 30.0").wait_for()
    page.locator("#prevalence input[type=number]").fill("10")
    page.keyboard.press("Enter")
    line = line.filter(has_text="Where 10.0").filter(has_text="from 30.0")
    line.wait_for()
    held: Any = json.loads((ROOT / "train/results/holdout.json").read_text())["roles"]["test"]
    scores = held["scores"]
    called = [1 - classes[0] >= 0.3 for classes in scores["classes"][ENSEMBLE]]
    sick = [label > 0 for label in scores["label"]]
    sensitivity = sum(c for c, s in zip(called, sick, strict=True) if s) / sum(sick)
    false_alarms = sum(c for c, s in zip(called, sick, strict=True) if not s)
    specificity = 1 - false_alarms / (len(sick) - sum(sick))
    flagged = 0.1 * sensitivity + 0.9 * (1 - specificity)
    said = " ".join(str(line.inner_text()).split())
    for share in (sensitivity, specificity, 0.1 * sensitivity / flagged):
        assert f"{100 * share:.1f} %" in said
    page.locator("#evidence-point input[value=screening]").check()
    stored = held["models"][ENSEMBLE]["operating_points"]["screening"]["metrics"]
    line = page.locator(".live .summary").filter(has_text="(Screening)")
    line.wait_for()
    said = " ".join(str(line.inner_text()).split())
    assert f"{100 * stored['sensitivity']['value']:.1f} %" in said


def refuse(page: sync_api.Page, path: Path) -> None:
    """A picture that is no film gets a sentence in place of a reading."""
    page.get_by_role("tab", name="Read").click()
    upload(page, path)
    page.get_by_role("alert").filter(has_text="Not read").wait_for()
    assert page.locator("figure.film").count() == 0


def speak_spanish(page: sync_api.Page, reader: Reader) -> None:
    """Another language, by its link: the same film gets the same decision in its words."""
    page.locator(".languages a[hreflang=es]").click()
    page.locator("html[lang=es] #upload button").wait_for()
    upload(page, FILM)
    said = decision(page)
    with language.use("es"):
        expected = view.headline(reader.read(FILM.read_bytes()))
    assert said == expected
    assert expected not in view.HEADLINES.values()
