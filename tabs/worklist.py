"""The Worklist tab: many films, read in turn and listed most urgent first."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import gradio as gr

from pneumo import Reader, view
from pneumo.ward.archive import MAX_ARCHIVE_BYTES
from tabs.desk import Desk, nothing
from tabs.read import FORGET_AFTER_S, PRIVATE
from tabs.tongue import label
from tabs.tray import MAX_FILMS, TOO_LARGE, TOO_MANY, Tray, refused, welcome

ASSETS = Path(__file__).parents[1] / "assets"


def tab(reader: Reader, desk: Desk, tabs: gr.Tabs) -> None:
    """Lay the tab out inside the current Blocks; its films open on the desk, a tab of ``tabs``."""
    tray = Tray(reader, desk)
    points = reader.manifest.operating_points
    kept = gr.State(None, time_to_live=FORGET_AFTER_S)
    with gr.Column(elem_id="worklist"):
        with gr.Row(elem_id="worklist-head"):
            with gr.Column(min_width=300, elem_id="worklist-left"):
                upload = gr.File(
                    label=label("Open chest films or a ZIP of them"),
                    show_label=False,
                    file_count="multiple",
                    elem_id="worklist-upload",
                )
                status = gr.HTML(label(welcome), elem_id="worklist-status", apply_default_css=False)
                stop = gr.Button(label("Stop"), visible=False, size="sm", elem_id="worklist-stop")
            with gr.Column(min_width=300, elem_id="worklist-right"):
                point = gr.Radio(
                    [(label(partial(view.point_label, p)), p.name) for p in points],
                    value=points[0].name,
                    label=label("Operating point"),
                    info=label(view.POINT_INFO),
                    elem_id="worklist-point",
                )
        rows = gr.HTML(
            "",
            elem_id="worklist-rows",
            js_on_load=(ASSETS / "worklist.js").read_text(),
            apply_default_css=False,
            limit=MAX_ARCHIVE_BYTES,
            most=MAX_FILMS,
        )
        answer, ask = gr.JSON(visible=False), gr.Button(visible=False)

    page = [status, rows, kept, upload, point, stop]
    # Unprocessed, uploads are their checked paths and names; gr.File would copy them once more.
    # No `failure` follows: gradio takes a stop for one. After a fault in the page, Stop frees it.
    run = upload.upload(
        tray.run, [upload, point], page, show_progress_on=status, preprocess=False, **PRIVATE
    )
    stop.click(tray.ended, kept, page, cancels=[run], show_progress="hidden", **PRIVATE)
    judged = [status, rows, kept]
    point.change(tray.judge, [point, kept, rows], judged, show_progress="hidden", **PRIVATE)
    rows.too_large(lambda: refused(TOO_LARGE), None, page, **PRIVATE)
    rows.too_many(lambda: refused(TOO_MANY), None, page, **PRIVATE)
    _, _, card, *_ = desk.outputs
    opened = rows.opened(
        tray.open,
        [kept, point, *desk.choices[1:]],
        [*desk.outputs, desk.choices[0], tabs, status],
        show_progress_on=card,
        **PRIVATE,
    )
    opened.failure(lambda: nothing(view.fault()), None, desk.outputs, **PRIVATE)
    ask.click(tray.batch, [upload, point], answer, api_name="batch", preprocess=False)
