"""The Compare tab: every row answers, in the page and through `/compare`, as it does alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import Faults, compared, new_page
from gradio_client import Client, handle_file

import app
from pneumo.comparison import Comparison
from pneumo.reader import Reader
from pneumo.view import percent

sync_api = pytest.importorskip("playwright.sync_api")


@pytest.fixture(scope="module")
def address(tiny_reader: Reader) -> Iterator[str]:
    demo = app.build(tiny_reader)
    yield app.launch(demo, prevent_thread_lock=True, quiet=True)
    demo.close()


@pytest.fixture(scope="module")
def client(address: str) -> Client:
    return Client(address, verbose=False)


def test_the_api_gives_every_rows_answer(
    client: Client, film_path: Path, tiny_reader: Reader
) -> None:
    answer = client.predict(handle_file(str(film_path)), "balanced", api_name="/compare")
    reading = tiny_reader.read(film_path.read_bytes(), operating_point="balanced")
    opinions = list(Comparison(tiny_reader).ask(reading))
    assert answer["schema"] == "pneumo.comparison/1"
    assert answer["probability"] == pytest.approx(reading.estimate.probability, abs=1e-5)
    assert [m["name"] for m in answer["models"]] == [o.name for o in opinions]
    for said, opinion in zip(answer["models"], opinions, strict=True):
        assert said["probability"] == pytest.approx(opinion.estimate.probability, abs=1e-5)
        assert said["decision"] == opinion.decision.value


def test_a_refused_film_is_compared_by_nobody(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "letter.png"
    path.write_text("Dear colleague")
    answer = client.predict(handle_file(str(path)), "balanced", api_name="/compare")
    assert (answer["status"], answer["models"]) == ("refused", [])


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 390])
def test_the_film_of_the_read_tab_is_put_to_every_row(
    browser: sync_api.Browser, address: str, film_path: Path, tiny_reader: Reader, width: int
) -> None:
    faults = Faults()
    page = new_page(browser, address, faults, width=width)
    page.get_by_role("tab", name="Compare").click()
    page.locator("#board").get_by_text("No film yet").wait_for()
    page.get_by_role("tab", name="Read").click()
    page.locator("#upload input[type=file]").set_input_files(film_path)
    page.locator(".card[data-reading]").wait_for()
    compared(page)

    reading = tiny_reader.read(film_path.read_bytes())
    opinions = list(Comparison(tiny_reader).ask(reading))
    page.locator("#board .opinions li").nth(len(opinions)).wait_for()
    said = [item.inner_text() for item in page.locator("#board .opinions .said b").all()]
    alone = sorted((o.estimate.probability for o in opinions), reverse=True)
    assert said == [f"{percent(p)} %" for p in (reading.estimate.probability, *alone)]

    page.locator("#board .choice .right").select_option(opinions[0].name)
    drawn = page.locator(f'#board [data-key="{opinions[0].name}"] .layer').get_attribute("src")
    assert page.locator("#board .pair .layer.right").get_attribute("src") == drawn
    sideways = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(sideways) == 0

    # The board stays on another visit; at another operating point every row is asked again.
    page.evaluate("document.querySelector('#board .board').dataset.mine = 'yes'")
    page.get_by_role("tab", name="Read").click()
    compared(page)
    page.wait_for_timeout(1_000)
    assert page.locator("#board .board[data-mine]").count() == 1
    page.get_by_role("tab", name="Read").click()
    page.locator("#point input[value=rule_in]").check()
    page.get_by_role("tab", name="Compare").click()
    page.locator("#board [data-board$=' rule_in']").wait_for()
    compared(page)
    assert not faults
    page.close()
