"""The Gradio app's shell: the page, its tabs, how it is served. PORT overrides 7860."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import gradio as gr
from gradio import state_holder
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pneumo import Reader, load_reader, view
from pneumo.about import read_card
from pneumo.evidence.results import load_results
from pneumo.ward.archive import MAX_ARCHIVE_BYTES
from tabs import about, compare, evidence, read, worklist
from tabs.read import FORGET_AFTER_S

HERE = Path(__file__).parent
ASSETS = HERE / "assets"
PURGE_EVERY_S, PURGE_AFTER_S = 60, 480  # gone after nine minutes: `view.welcome` says ten
MAX_SESSIONS = 1_000  # whose readings are kept; each call of the API counts as one

log = logging.getLogger("pneumo.app")


def build(reader: Reader, *, examples: Path = HERE / "examples") -> gr.Blocks:
    """The whole page for one reader, ready to launch."""
    page = gr.Blocks(
        title="Pneumo",
        fill_width=True,
        analytics_enabled=False,
        delete_cache=(PURGE_EVERY_S, PURGE_AFTER_S),
    )
    weights = reader.manifest.revision
    with page:
        gr.HTML(view.header(weights), elem_id="masthead")
        # `gr.Tabs(selected="read")`, sent to these, leads to one of them by its id.
        with gr.Tabs(elem_id="tabs", overflow_behavior="wrap") as tabs:
            with gr.Tab("Read", id="read"):
                desk = read.tab(reader, examples=examples)
            with gr.Tab("Compare", id="compare") as chosen:
                compare.tab(reader, desk, chosen=chosen)
            with gr.Tab("Worklist", id="worklist"):
                worklist.tab(reader, desk, tabs)
            with gr.Tab("Evidence", id="evidence"):
                evidence.tab(load_results(weights=weights))
            with gr.Tab("About", id="about"):
                about.tab(read_card(weights=weights))
    return page


def theme() -> gr.themes.Base:
    """Dark whatever the browser prefers: a film is read in a dark room. No font is fetched."""
    base = gr.themes.Base(
        primary_hue="cyan",
        neutral_hue="neutral",
        spacing_size="sm",
        radius_size="sm",
        font=["system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    )
    for name in [n for n in vars(base) if n.endswith("_dark")]:
        if (value := getattr(base, name)) is not None:
            setattr(base, name.removesuffix("_dark"), value)
    return base


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


def refuse(_: Request) -> Response:
    """The answer of gradio's deep links, which would write a session's page to disk."""
    return Response(status_code=404)


def launch(page: gr.Blocks, **options: Any) -> str:
    """Serve the page and return its address: nothing is recorded, shared, monitored or linked."""
    state_holder.SessionState = Session  # type: ignore[misc]  # gradio has no option for it
    _, address, _ = page.queue(default_concurrency_limit=2, max_size=32).launch(
        theme=theme(),
        css_paths=sorted(ASSETS.glob("*.css")),
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        state_session_capacity=MAX_SESSIONS,
        app_kwargs={"routes": [Route("/gradio_api/deep_link", refuse)]},  # before gradio's own
        max_file_size=MAX_ARCHIVE_BYTES,  # of a ZIP; a single film's limit is the decoder's
        share=False,
        **options,
    )
    return str(address)


if __name__ == "__main__":
    logging.basicConfig(format="%(asctime)s %(name)s %(levelname)s %(message)s")
    log.setLevel(logging.INFO)  # others stay at warnings: httpx logs each address it asks for
    launch(build(load_reader()), server_port=int(os.environ.get("PORT", "7860")))
