"""The Worklist tab: many films on the page and through its API, each session by itself."""

from __future__ import annotations

import csv
import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import gradio as gr
import httpx
import pytest
from chromium import told
from conftest import EXAMPLES
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

import app
from pneumo.errors import PneumoError
from pneumo.reader import Reader
from pneumo.ward.archive import Source, films
from pneumo.ward.worklist import Urgency, Worklist, as_json, read_all
from tabs import read, tray, worklist

sync_api = pytest.importorskip("playwright.sync_api")


@pytest.fixture(scope="module")
def address(tiny_reader: Reader) -> Iterator[str]:
    page = gr.Blocks(fill_width=True, analytics_enabled=False)
    with page, gr.Tabs() as tabs:
        with gr.Tab("Read", id="read"):
            desk = read.tab(tiny_reader, examples=EXAMPLES)
        with gr.Tab("Worklist", id="worklist"):
            worklist.tab(tiny_reader, desk, tabs)
    yield app.launch(page, prevent_thread_lock=True, quiet=True)
    page.close()


@pytest.fixture(scope="module")
def client(address: str) -> Client:
    return Client(address, verbose=False)


def expected(reader: Reader, paths: list[Path], point: str = "screening") -> dict[str, Any]:
    sources = [s for p in paths for s in films(Source(p.name, p))]
    entries = read_all(reader, sources, operating_point=point)
    answer: Any = as_json(Worklist.of(reader, entries, operating_point=point))
    return timeless(answer)


def timeless(answer: dict[str, Any]) -> dict[str, Any]:
    return answer | {"films": [film | {"seconds": 0} for film in answer["films"]]}


def test_a_batch_through_the_api_is_the_worklist_of_its_films(
    client: Client, ward: list[Path], tiny_reader: Reader
) -> None:
    answer = client.predict(
        films=[handle_file(p) for p in ward[:8]], operating_point="balanced", api_name="/batch"
    )
    wanted = expected(tiny_reader, ward[:8], "balanced")
    assert timeless(answer) == wanted
    assert [film["urgency"] for film in wanted["films"]][-1] == "refused"


@pytest.mark.parametrize("films", [[], None])
def test_a_batch_of_nothing_is_an_error_that_says_so(client: Client, films: object) -> None:
    with pytest.raises(AppError, match="no film among these"):
        client.predict(films=films, operating_point="screening", api_name="/batch")


def test_an_unknown_operating_point_names_the_known(client: Client, ward: list[Path]) -> None:
    with pytest.raises(AppError, match="screening, balanced"):
        client.predict(films=[handle_file(ward[0])], operating_point="best", api_name="/batch")


def asked(address: str, films: list[dict[str, Any]]) -> str:
    """The answer to a request made by hand: gradio's client would upload what it finds."""
    place = f"{address}gradio_api/call/batch"
    event = httpx.post(place, json={"data": [films, "screening"]}).json()["event_id"]
    return httpx.get(f"{place}/{event}", timeout=60).text


@pytest.mark.parametrize("meta", [{}, {"meta": {"_type": "gradio.FileData"}}])
def test_a_path_outside_the_uploads_is_not_read(address: str, meta: dict[str, Any]) -> None:
    assert asked(address, [{"path": "/etc/hostname", **meta}]).startswith("event: error")


def test_the_folder_of_all_uploads_is_not_listed(
    address: str, client: Client, ward: list[Path]
) -> None:
    client.predict(films=[handle_file(ward[0])], operating_point="screening", api_name="/batch")
    uploads = gr.utils.get_upload_folder()
    file = {"path": uploads, "orig_name": "x", "meta": {"_type": "gradio.FileData"}}
    answer = asked(address, [file])
    assert ward[0].name not in answer
    assert "folder" in answer or answer.startswith("event: error")


def test_too_many_films_are_refused_before_any_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ZipFile(tmp_path / "films.zip", "w") as file:
        for number in range(5):
            file.writestr(f"{number}.png", b"x")
    uploads = [{"path": str(tmp_path / "films.zip"), "orig_name": "films.zip"}]
    assert len(tray.listed(uploads)) == 5
    monkeypatch.setattr(tray, "MAX_FILMS", 4)
    with pytest.raises(PneumoError, match="leave some out"):
        tray.listed(uploads)
    with pytest.raises(PneumoError, match="leave some out"):
        tray.listed([{"path": "gone", "orig_name": None}] * 5)


def test_a_list_holds_no_film_and_opens_only_its_own(
    tiny_reader: Reader, ward: list[Path], tmp_path: Path
) -> None:
    mine = tmp_path / "mine.png"
    shutil.copy(ward[0], mine)
    entries = list(read_all(tiny_reader, [Source("mine.png", mine)]))
    kept = tray.Kept(Worklist.of(tiny_reader, entries, operating_point="screening"), 1)
    assert tray.film(kept, entries[0].key) == mine.read_bytes()
    mine.unlink()
    for session, key in ((kept, entries[0].key), (kept, "../../etc/hostname"), (None, "0-")):
        with pytest.raises(PneumoError, match="no longer kept"):
            tray.film(session, key)


def test_uploads_stay_young_while_they_are_read(tmp_path: Path) -> None:
    path = tmp_path / "film.png"
    path.write_bytes(b"x")
    before = path.stat().st_ctime_ns
    tray.keep_alive([Source("film.png", path), Source("gone", tmp_path / "gone")])
    assert path.stat().st_ctime_ns > before


class Ward:
    """The page as a clinician uses it, and what it must not do."""

    def __init__(self, page: sync_api.Page, address: str) -> None:
        self.page, self.faults = page, list[str]()
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", lambda m: self.faults.append(m.text) if m.type == "error" else None)
        page.goto(address)
        page.get_by_role("tab", name="Worklist").click()
        page.locator("#worklist-upload button").wait_for()

    def drop(self, paths: list[Path]) -> None:
        self.page.locator("#worklist-upload input[type=file]").set_input_files(paths)

    def says(self, text: str) -> str:
        return told(self.page, text)

    @property
    def rows(self) -> sync_api.Locator:
        return self.page.locator("#worklist-rows tbody tr:visible")

    @property
    def names(self) -> list[str]:
        return list(self.rows.locator("button").all_inner_texts())


@pytest.fixture(params=[(1280, 800), (390, 844)], ids=["wide", "narrow"])
def on_page(
    request: pytest.FixtureRequest, browser: sync_api.Browser, address: str
) -> Iterator[Ward]:
    width, height = request.param
    page = browser.new_page(viewport={"width": width, "height": height})
    yield Ward(page, address)
    page.close()


class Gate:
    """Lets the reader read only as many films as the test allows."""

    def __init__(self, reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
        self.films, self.allowed, self._read = 0, threading.Semaphore(0), reader.read
        monkeypatch.setattr(reader, "read", self.read)

    def read(self, data: bytes, **options: Any) -> object:
        assert self.allowed.acquire(timeout=60)
        self.films += 1
        return self._read(data, **options)


@pytest.mark.browser
def test_a_mixed_ward_is_listed_by_urgency_and_exported_as_it_stands(
    on_page: Ward, ward: list[Path], tiny_reader: Reader, tmp_path: Path
) -> None:
    on_page.drop(ward)
    said = on_page.says("Done: 12 films")
    assert "3 refused" in said
    wanted = expected(tiny_reader, ward)
    assert on_page.names == [film["file"] for film in wanted["films"]]
    for label, suffix in (("Download CSV", "csv"), ("Download JSON", "json")):
        with on_page.page.expect_download() as download:
            on_page.page.get_by_text(label).click()
        assert download.value.suggested_filename == f"worklist.{suffix}"
        download.value.save_as(tmp_path / f"worklist.{suffix}")
    answer = json.loads((tmp_path / "worklist.json").read_text())
    assert timeless(answer) == wanted
    rows = list(csv.DictReader((tmp_path / "worklist.csv").open()))
    assert [row["sha256"] for row in rows] == [film["image_sha256"] for film in wanted["films"]]
    width = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert on_page.page.evaluate(width) == 0  # nothing scrolls sideways
    assert on_page.faults == []


@pytest.mark.browser
@pytest.mark.parametrize("way", ["click", "enter"])
def test_a_row_opens_its_reading_at_the_lists_operating_point(
    on_page: Ward, ward: list[Path], tiny_reader: Reader, way: str
) -> None:
    page = on_page.page
    on_page.drop(ward[5:8])  # a file, an archive, a letter
    on_page.says("Done: 5 films")
    page.locator("#worklist-point input[value=rule_in]").check()
    page.locator("#worklist-rows caption").get_by_text("At rule-in").wait_for()
    film = on_page.rows.filter(has_text="night.zip/ward 3").first
    shown = film.locator(".share b").inner_text()
    if way == "click":
        film.locator(".share").click()
    else:
        # One step: a list that is patched between two would take the focus with it.
        film.locator("button").press("Enter")
    page.locator(".card[data-reading]").wait_for()
    assert page.locator(".card .probability strong").first.inner_text().split() == shown.split()
    assert page.locator("#point input:checked").get_attribute("value") == "rule_in"
    page.get_by_role("tab", name="Worklist").click()
    on_page.rows.filter(has_text="letter.txt").click()
    page.get_by_role("alert").filter(has_text="not a readable image").wait_for()
    assert page.locator(".card[data-reading]").count() == 0
    assert on_page.faults == []


@pytest.mark.browser
def test_the_list_grows_while_films_are_read_and_stops_when_told(
    on_page: Ward, ward: list[Path], tiny_reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = on_page.page
    gate = Gate(tiny_reader, monkeypatch)
    on_page.drop(ward[:6])
    page.locator("#worklist-status progress[value='0']").wait_for()
    assert gate.films == 0  # the bar is there before the first film is read
    assert not page.locator("#worklist-upload").is_visible()
    gate.allowed.release(2)
    on_page.says("2 of 6 films, about")
    on_page.rows.first.wait_for()
    page.locator("#worklist-stop").click()
    said = on_page.says("Stopped: 2 films")
    gate.allowed.release(10)  # only now: a stop is on its way for a while
    assert "4 of 6 films were not read" in said
    assert on_page.rows.count() == 2
    page.wait_for_timeout(500)
    # Those under way were finished, and no other begun.
    assert gate.films <= 2 + Reader.films_at_once
    monkeypatch.undo()
    on_page.drop(ward[:2])
    on_page.says("Done: 2 films")
    assert on_page.rows.count() == 2  # a new list, not an addition
    assert on_page.faults == []


@pytest.mark.browser
def test_filters_show_one_group_or_one_name(
    on_page: Ward, ward: list[Path], tiny_reader: Reader
) -> None:
    on_page.drop(ward)
    on_page.says("Done: 12 films")
    wanted = expected(tiny_reader, ward)["films"]
    for group in Urgency:
        on_page.page.locator(f"#worklist-rows input[value={group}]").check()
        assert on_page.names == [f["file"] for f in wanted if f["urgency"] == group]
    on_page.page.locator("#worklist-rows input[value=all]").check()
    search = on_page.page.locator("#worklist-rows input[type=search]")
    search.fill("NIGHT.zip")
    assert on_page.names == [f["file"] for f in wanted if "night.zip" in f["file"]]
    search.fill("no such film")
    assert on_page.names == []
    on_page.page.get_by_text("No film in the list matches").wait_for()


@pytest.mark.browser
def test_files_that_are_all_bad_too_many_or_too_large_get_their_sentence(
    on_page: Ward, ward: list[Path], tmp_path: Path
) -> None:
    on_page.drop(ward[-3:])
    assert "No film could be read" in on_page.says("Done: 3 films")
    many = []
    for number in range(tray.MAX_FILMS + 1):
        many.append(tmp_path / f"{number}.png")
        many[-1].touch()
    on_page.drop(many)
    on_page.says("more than 1,000 films")
    assert on_page.rows.count() == 0  # the earlier list must not stand beside it
    with (tmp_path / "huge.zip").open("wb") as file:
        file.truncate(worklist.MAX_ARCHIVE_BYTES + 1)
    on_page.drop([tmp_path / "huge.zip", ward[0]])
    on_page.says("more than 1 GB")
    on_page.drop(ward[:1])
    on_page.says("Done: 1 film")
    assert on_page.faults == []


@pytest.mark.browser
def test_one_session_sees_nothing_of_another(
    browser: sync_api.Browser, address: str, ward: list[Path]
) -> None:
    first, second = (Ward(browser.new_page(), address) for _ in range(2))
    first.drop(ward[:2])
    first.says("Done: 2 films")
    assert second.rows.count() == 0
    second.drop(ward[2:3])
    second.says("Done: 1 film")
    assert set(first.names).isdisjoint(second.names)
    # A key of the other session, as a forged page would send it.
    key = first.rows.first.get_attribute("data-film")
    second.page.evaluate(
        "key => document.querySelector('#worklist-rows tr[data-film]').dataset.film = key", key
    )
    second.rows.first.locator(".verdict").click()
    second.page.get_by_role("alert").filter(has_text="no longer kept").wait_for()
    for ward_page in (first, second):
        ward_page.page.close()
