"""Every tab for everyone: WCAG 2.1 A and AA by axe-core, and a reading without a pointer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import Faults, compared, decision, new_page, told, upload
from conftest import EXAMPLES

import app
from pneumo.reader import Reader
from pneumo.view import HEADLINES

axe = pytest.importorskip("axe_playwright_python.sync_playwright")
sync_api = pytest.importorskip("playwright.sync_api")

pytestmark = [pytest.mark.browser, pytest.mark.weights]

WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
WIDTHS = {1280: 800, 390: 844}
# What still waits for its answer is faded, and not what is judged.
SETTLED = """() => {
  for (let e = document.querySelector('#card .html-container, #card'); e; e = e.parentElement)
    if (getComputedStyle(e).opacity !== '1') return false;
  return !document.querySelector('.pending, .generating'); }"""


@pytest.fixture(scope="module")
def address(shipped_reader: Reader) -> Iterator[str]:
    demo = app.build(shipped_reader)
    yield app.launch(demo, prevent_thread_lock=True, quiet=True)
    demo.close()


def violations(page: sync_api.Page) -> list[str]:
    """What axe-core finds wrong on the page as it stands, one line per element."""
    page.wait_for_function(SETTLED)
    options = {"runOnly": WCAG, "resultTypes": ["violations"]}
    found = axe.Axe().run(page, options=options).response["violations"]
    return [
        f"{rule['id']}: {node['html'][:120]} ({node['failureSummary'][:200]})"
        for rule in found
        for node in rule["nodes"]
    ]


def screens(page: sync_api.Page) -> Iterator[str]:
    """Each screen in turn, by its name."""
    yield "start"
    upload(page, EXAMPLES / "viral-1.png")
    decision(page)
    yield "read"
    compared(page)
    yield "compare"
    page.get_by_role("tab", name="Read").click()
    upload(page, EXAMPLES / "not-a-film.png")
    page.locator(".card.refused").wait_for()
    yield "refused"
    page.get_by_role("tab", name="Worklist").click()
    ward = [EXAMPLES / name for name in ("normal-1.png", "viral-2.png", "not-a-film.png")]
    page.locator("#worklist-upload input[type=file]").set_input_files(ward)
    told(page, "Done: 3 films")
    yield "worklist"
    for name, content in (("Evidence", ".live .summary"), ("About", ".about")):
        page.get_by_role("tab", name=name).click()
        page.locator(content).wait_for()
        yield name.lower()


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_no_screen_breaks_a_rule_of_wcag_and_nothing_scrolls_sideways(
    browser: sync_api.Browser, address: str, faults: Faults, scheme: str
) -> None:
    page = new_page(browser, address, faults, query=f"?__theme={scheme}")
    wrong: list[str] = []
    for screen in screens(page):
        for width, height in WIDTHS.items():
            page.set_viewport_size({"width": width, "height": height})
            wrong += [f"{screen} at {width}: {line}" for line in violations(page)]
            overflow = "document.documentElement.scrollWidth - innerWidth"
            assert page.evaluate(overflow) <= 0, f"{screen} scrolls sideways at {width}"
    dark = page.evaluate("document.body.classList.contains('dark')")
    page.close()
    assert wrong == []
    assert dark == (scheme == "dark")
    assert faults == []


def reach(page: sync_api.Page, selector: str) -> None:
    """Press Tab until the element has the focus; it must be seen to have it."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("s => document.activeElement.matches(s)", selector):
            break
    else:
        pytest.fail(f"Tab does not lead to {selector}")
    ring = "getComputedStyle(document.activeElement).outlineStyle"
    assert page.evaluate(ring) != "none", f"nothing shows that {selector} has the focus"


def test_a_film_is_read_judged_and_printed_without_a_pointer(
    browser: sync_api.Browser, address: str, faults: Faults
) -> None:
    page = new_page(browser, address, faults)
    reach(page, "button[data-name='normal-2.png']")
    page.keyboard.press("Enter")
    assert decision(page) in HEADLINES.values()
    reach(page, "#point input[value=balanced]")  # gradio gives each choice a stop of its own
    page.keyboard.press("Space")
    page.locator(".scale .tick").get_by_text("Balanced").wait_for()
    reach(page, "#pdf")
    with page.expect_download() as saved:
        page.keyboard.press("Enter")
    assert Path(saved.value.path()).read_bytes().startswith(b"%PDF-")
    page.close()
    assert faults == []


def test_whoever_asks_for_nothing_reads_in_the_dark(
    browser: sync_api.Browser, address: str, faults: Faults
) -> None:
    page = new_page(browser, address, faults)  # in a browser that prefers light
    shade = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g)"
    page.wait_for_function(f"Math.max(...{shade}.map(Number)) < 20")  # once the script has run
    page.close()
