"""The page in another language: as it is served, as its events answer, as Chromium shows it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import httpx
import pytest
from chromium import Faults
from gradio_client import Client, handle_file

import app
from pneumo.language import LOCALES, NAMES, spoken, use
from pneumo.reader import Reader
from pneumo.report import as_json
from pneumo.sentences import HEADLINES
from tabs.tongue import IN_STYLE_SHEETS

sync_api = pytest.importorskip("playwright.sync_api")


@pytest.fixture(scope="module")
def demo(tiny_reader: Reader) -> gr.Blocks:
    return app.build(tiny_reader)


@pytest.fixture(scope="module")
def address(demo: gr.Blocks) -> Iterator[str]:
    yield app.launch(demo, prevent_thread_lock=True, quiet=True)
    demo.close()


def headlines(code: str) -> set[str]:
    with use(code):
        return {spoken(headline) for headline in HEADLINES.values()}


@pytest.mark.parametrize(
    ("query", "accepted", "code"),
    [
        ("", "es-ES,es;q=0.9", "es"),
        ("?lang=fr", "es-ES,es;q=0.9", "fr"),
        ("?lang=en", "zh-CN", "en"),
        ("?__theme=dark", "de", "en"),
    ],
)
def test_the_page_is_served_in_the_language_asked_for(
    address: str, query: str, accepted: str, code: str
) -> None:
    answer = httpx.get(f"{address}{query}", headers={"Accept-Language": accepted})
    assert answer.headers["content-language"] == LOCALES[code]
    assert "accept-language" in answer.headers["vary"].lower()
    assert f'lang="{LOCALES[code]}"' in answer.text
    told = f'language: {{value: "{LOCALES[code]}"}}'
    assert 0 < answer.text.index(told) < answer.text.index("gradio_config")


def test_gradio_knows_every_label_in_every_language(address: str) -> None:
    config = httpx.get(f"{address}config").json()
    marked = "__i18n__"
    keys = [
        json.loads(value.removeprefix(marked))["key"]
        for component in config["components"]
        for value in _texts(component["props"])
        if value.startswith(marked)
    ]
    assert len(keys) > 25
    for locale in LOCALES.values():
        assert set(keys) <= set(config["i18n_translations"][locale])
    assert "{" not in "".join(keys)  # gradio reads a brace in what is shown as a placeholder
    assert "}" not in "".join(keys)


def _texts(props: dict[str, object]) -> Iterator[str]:
    for name in ("label", "info", "placeholder", "value"):
        if isinstance(text := props.get(name), str):
            yield text
    for choice in props.get("choices") or []:
        yield str(choice[0])


def event(demo: gr.Blocks, address: str, name: str, query: str, **headers: str) -> str:
    """What an event of the page itself fills the card with."""
    fn = next(fn for fn in demo.fns.values() if fn.name == "open_example")
    data, visit = [block.value for block in fn.inputs], f"visit-{query[-2:]}"
    body = {"data": data, "fn_index": fn._id, "session_hash": visit, "event_data": {"name": name}}
    queue = f"{address}gradio_api/queue"
    httpx.post(f"{queue}/join{query}", json=body, headers=headers).raise_for_status()
    lines = httpx.get(f"{queue}/data?session_hash={visit}", timeout=60).text.splitlines()
    messages = [json.loads(line.removeprefix("data:")) for line in lines if line]
    done = next(m for m in messages if m["msg"] == "process_completed")
    return str(done["output"]["data"][2])


def test_an_event_speaks_the_language_of_its_own_page(
    demo: gr.Blocks, address: str, film_path: Path
) -> None:
    for code in ("pt", "zh"):
        card = event(demo, address, film_path.name, f"?lang={code}")
        assert any(f"<h2>{headline}</h2>" in card for headline in headlines(code))
    card = event(demo, address, film_path.name, "", **{"Accept-Language": "fr-CA"})
    assert any(f"<h2>{headline}</h2>" in card for headline in headlines("fr"))


def test_other_programs_are_answered_in_english(
    address: str, film_path: Path, tiny_reader: Reader
) -> None:
    client = Client(address, verbose=False, headers={"Accept-Language": "es"})
    answer = client.predict(handle_file(film_path), "screening", api_name="/read")
    expected = as_json(tiny_reader.read(film_path.read_bytes()), file=film_path.name)
    assert answer | {"seconds": 0} == expected | {"seconds": 0}


@pytest.mark.browser
def test_a_spanish_browser_reads_in_spanish_and_changes_to_french(
    browser: sync_api.Browser, address: str, film_path: Path
) -> None:
    faults = Faults()
    page = browser.new_page(locale="es-MX", viewport={"width": 1280, "height": 800})
    faults.watch(page, address)
    page.goto(address)
    _reads(page, "es", film_path)
    page.get_by_role("link", name=NAMES["fr"]).click()
    page.wait_for_url("**/?lang=fr")
    _reads(page, "fr", film_path)
    assert faults == []
    page.close()


def _reads(page: sync_api.Page, code: str, film: Path) -> None:
    """Labels, gradio's own words, the style sheet's and the server's are of one language."""
    with use(code):
        tabs = [spoken(name) for name in ("Read", "Compare", "Worklist", "Evidence", "About")]
        point, stop = spoken("Operating point"), spoken("No list yet")
        drop = spoken(IN_STYLE_SHEETS["--open-film"])
        only = spoken("This page is in English only.")
    page.get_by_role("tab", name=tabs[0]).wait_for()
    assert page.get_by_role("tab").all_inner_texts() == tabs
    assert page.evaluate("document.documentElement.lang") == LOCALES[code]
    words = "e => getComputedStyle(e, '::after').content"
    assert page.locator("#upload [data-testid=upload-text]").evaluate(words) == f'"{drop}"'
    page.get_by_text(point, exact=True).first.wait_for()
    page.locator(f"button[data-name='{film.name}']").click()
    page.locator(".card[data-reading]").wait_for()
    assert page.locator("#card h2").inner_text() in headlines(code)
    page.locator("#point input[value=balanced]").check()
    with use(code):
        page.locator("#card .tick", has_text=spoken("Balanced")).wait_for()
    page.get_by_role("tab", name=tabs[2]).click()
    assert page.locator("#worklist-status h2").inner_text() == stop
    page.get_by_role("tab", name=tabs[4]).click()
    assert page.locator(".in-english").last.inner_text() == only
