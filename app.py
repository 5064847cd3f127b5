"""The Gradio app's shell: the page, its tabs, how it is served. PORT overrides 7860."""

from __future__ import annotations

import logging
import os
import signal
import threading
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
from gradio import processing_utils, state_holder
from starlette.middleware import Middleware
from starlette.routing import Route

from pneumo import PneumoError, Reader, load_reader, view
from pneumo.about import read_card
from pneumo.evidence.results import load_results
from pneumo.selftest import require_same_answer
from pneumo.ward.archive import MAX_ARCHIVE_BYTES
from tabs import about, compare, evidence, read, tools, uploads, worklist, zero
from tabs.doors import HEALTH, Doors, Porter, close
from tabs.read import FORGET_AFTER_S
from tabs.tongue import LABELS, Interpreter, Page, label

HERE = Path(__file__).parent
ASSETS = HERE / "assets"
PURGE_EVERY_S, PURGE_AFTER_S = 60, 480  # gone after nine minutes: `view.welcome` says ten
# Dark whatever the browser prefers: a film is read in a dark room. Light where it is asked for.
SCHEME = """() => document.body.classList.toggle(
  "dark", new URLSearchParams(location.search).get("__theme") !== "light")"""
MAX_SESSIONS = 1_000  # whose readings are kept; each call of the API counts as one

log = logging.getLogger("pneumo.app")


def build(reader: Reader, *, examples: Path = HERE / "examples") -> gr.Blocks:
    """The whole page for one reader, ready to launch."""
    uploads.claim()  # before any component takes note of where files go
    page = Page(
        title="Pneumo",
        fill_width=True,
        analytics_enabled=False,
        delete_cache=(PURGE_EVERY_S, PURGE_AFTER_S),
    )
    weights = reader.manifest.revision
    with page:
        gr.HTML(
            label(partial(view.header, weights)),
            elem_id="masthead",
            js_on_load=(ASSETS / "languages.js").read_text(),
        )
        # `gr.Tabs(selected="read")`, sent to these, leads to one of them by its id.
        with gr.Tabs(elem_id="tabs", overflow_behavior="wrap") as tabs:
            with gr.Tab(label("Read"), id="read"):
                desk = read.tab(reader, examples=examples)
            with gr.Tab(label("Compare"), id="compare") as chosen:
                compare.tab(reader, desk, chosen=chosen)
            with gr.Tab(label("Worklist"), id="worklist"):
                worklist.tab(reader, desk, tabs)
            with gr.Tab(label("Evidence"), id="evidence"):
                evidence.tab(load_results(weights=weights))
            with gr.Tab(label("About"), id="about"):
                about.tab(read_card(weights=weights))
    return page


def theme() -> gr.themes.Base:
    """Gradio's own light and dark, on which assets/style.css builds. No font is fetched."""
    base = gr.themes.Base(
        primary_hue="cyan",
        neutral_hue="neutral",
        spacing_size="sm",
        radius_size="sm",
        font=["system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    )
    return base.set(body_background_fill="*neutral_950")  # dark already while the page loads


class Session(state_holder.SessionState):
    """What gradio keeps of one visit: its `gr.State`s, and nothing that was typed or shown.

    By itself gradio 6.31 keeps the last value of every component, which only its deep links need,
    until ten thousand others have come, and the states of a page that was closed for an hour.
    """

    def __init__(self, blocks: gr.Blocks) -> None:
        super().__init__(blocks)
        self.STATE_TTL_WHEN_CLOSED = FORGET_AFTER_S

    def _update_value_in_config(self, key: int, value: Any) -> None:
        """Keep nothing."""


def launch(
    page: gr.Blocks, *, doors: Doors | None = None, with_tools: bool = False, **options: Any
) -> str:
    """Serve the page and return its address: nothing is recorded, shared, monitored or linked.

    With tools, its endpoints are a server of the Model Context Protocol as well.
    """
    doors = doors or Doors()
    doors.uploads = uploads.claim()
    # Gradio has no option for either.
    state_holder.SessionState = Session  # type: ignore[misc]
    processing_utils.async_ssrf_protected_download = uploads.fetch_nothing
    tools.keep_films_in(doors.uploads)
    _, address, _ = page.queue(default_concurrency_limit=2, max_size=32).launch(
        theme=theme(),
        i18n=LABELS,
        css_paths=sorted(ASSETS.glob("*.css")),
        js=SCHEME,
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        state_session_capacity=MAX_SESSIONS,
        app_kwargs={
            "routes": [Route(HEALTH, doors.health)],  # before gradio's own
            "middleware": [Middleware(Porter, doors=doors), Middleware(Interpreter)],
            "lifespan": uploads.sweeping(
                doors.uploads, every_s=PURGE_EVERY_S, older_than_s=PURGE_AFTER_S
            ),
        },
        auth=doors.auth,
        strict_cors=True,
        max_file_size=MAX_ARCHIVE_BYTES,  # of a ZIP; a single film's limit is the decoder's
        share=False,
        mcp_server=with_tools,
        **options,
    )
    tools.require_served(page)
    return str(address)


def main() -> None:
    """Serve what has passed its self-test, until told to stop; then finish what runs."""
    logging.basicConfig(format="%(asctime)s %(name)s %(levelname)s %(message)s")
    log.setLevel(logging.INFO)  # others stay at warnings: httpx logs each address it asks for
    stop = threading.Event()
    for told in (signal.SIGTERM, signal.SIGINT):
        signal.signal(told, lambda *_: stop.set())
    try:
        doors, reader = Doors.from_environment(), load_reader()
        with_tools = tools.wanted(doors)
        require_same_answer(reader, films=HERE / "examples")
    except PneumoError as error:
        raise SystemExit(f"pneumo: {error}") from error
    page, port = build(zero.borrowing(reader)), int(os.environ.get("PORT", "7860"))
    launch(page, doors=doors, with_tools=with_tools, server_port=port, prevent_thread_lock=True)
    doors.weights = reader.manifest.revision
    stop.wait()
    close(doors, busy=lambda: page._queue.get_active_worker_count() + len(page._queue) > 0)
    page.close()


if __name__ == "__main__":
    main()
