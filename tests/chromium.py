"""Debian's Chromium, driven by Playwright, and what a page must not do in it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

sync_api = pytest.importorskip("playwright.sync_api")

CHROMIUM = shutil.which("chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


class Faults(list[str]):
    """What a page must not do: console errors, uncaught errors, requests to other machines."""

    def watch(self, page: sync_api.Page, address: str) -> None:
        page.on("pageerror", lambda error: self.append(str(error)))
        page.on("console", lambda m: self.append(m.text) if m.type == "error" else None)
        page.on("request", lambda r: None if self._ours(r.url, address) else self.append(r.url))

    def _ours(self, url: str, address: str) -> bool:
        return url.startswith((address, "data:", "blob:"))


def launched(playwright: sync_api.Playwright) -> sync_api.Browser:
    """A browser; skips where Debian's Chromium is not installed."""
    if CHROMIUM is None:
        pytest.skip("no chromium on the PATH")
    return playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)


def new_page(
    browser: sync_api.Browser, address: str, faults: Faults, *, width: int = 1280, query: str = ""
) -> sync_api.Page:
    """The app in a window of that width, watched and ready."""
    page = browser.new_page(viewport={"width": width, "height": 844 if width < 800 else 800})
    page.set_default_timeout(60_000)  # two busy cores
    faults.watch(page, address)
    page.goto(address + query)
    page.locator("#upload button").wait_for()
    return page


def upload(page: sync_api.Page, path: Path) -> None:
    """Open a film on the Read tab."""
    page.locator("#upload input[type=file]").set_input_files(path)


def decision(page: sync_api.Page) -> str:
    """What the card says of the film that has been read."""
    page.locator(".card[data-reading]").wait_for()
    return str(page.locator(".card h2").inner_text())


def told(page: sync_api.Page, text: str) -> str:
    """What the Worklist tab says above its list, once it says this."""
    place = page.locator("#worklist-status")
    place.get_by_text(text).first.wait_for()
    return str(place.inner_text())


def compared(page: sync_api.Page) -> None:
    """Open the Compare tab and wait until every model has answered."""
    page.get_by_role("tab", name="Compare").click()
    page.wait_for_function(
        "document.querySelectorAll('#board .opinions li').length > 1"
        " && !document.querySelector('#board li.waiting')"
    )
