"""Take README's two pictures of the app, on composites: python -m tests.screens."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
FILM = ROOT / "examples" / "viral-1.png"
FOLDER = ROOT / "assets" / "screens"


def main() -> None:
    from chromium import Faults, compared, launched, new_page, sync_api

    import app
    from pneumo import load_reader

    demo = app.build(load_reader())
    address = app.launch(demo, prevent_thread_lock=True, quiet=True)
    with sync_api.sync_playwright() as playwright:
        browser = launched(playwright)
        page = new_page(browser, address, Faults(), width=1280)
        page.set_default_timeout(120_000)
        page.locator("#upload input[type=file]").set_input_files(FILM)
        page.locator(".card[data-reading]").wait_for()
        page.wait_for_timeout(1500)  # the page fades in
        page.screenshot(path=FOLDER / "read.png")
        compared(page)
        page.wait_for_timeout(1500)
        page.screenshot(path=FOLDER / "compare.png")
        browser.close()
    demo.close()


if __name__ == "__main__":
    main()
