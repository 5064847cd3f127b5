"""The Gradio app's shell: the page, its tabs, how it is served. PORT overrides 7860."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import gradio as gr

from pneumo import Reader, load_reader, view
from pneumo.about import read_card
from pneumo.evidence.results import load_results
from pneumo.ward.archive import MAX_ARCHIVE_BYTES
from tabs import about, compare, evidence, read, worklist

HERE = Path(__file__).parent
ASSETS = HERE / "assets"
PURGE_EVERY_S, PURGE_AFTER_S = 60, 480  # gone after nine minutes: `view.welcome` says ten

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


def launch(page: gr.Blocks, **options: Any) -> str:
    """Serve the page and return its address: nothing is recorded, shared, monitored or linked."""
    _, address, _ = page.queue(default_concurrency_limit=2, max_size=32).launch(
        theme=theme(),
        css_paths=sorted(ASSETS.glob("*.css")),
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        max_file_size=MAX_ARCHIVE_BYTES,  # of a ZIP; a single film's limit is the decoder's
        share=False,
        **options,
    )
    return str(address)


if __name__ == "__main__":
    logging.basicConfig(format="%(asctime)s %(name)s %(levelname)s %(message)s")
    log.setLevel(logging.INFO)  # others stay at warnings: httpx logs each address it asks for
    launch(build(load_reader()), server_port=int(os.environ.get("PORT", "7860")))
