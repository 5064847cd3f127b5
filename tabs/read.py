"""The Read tab: one film, its reading, and the controls that say how it is judged and shown."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from pneumo import Reader, cams, lightbox, view
from pneumo.lightbox import METHOD_NAMES
from pneumo.radiograph import MAX_BYTES, decode
from tabs.desk import Desk, nothing
from tabs.tongue import label

ASSETS = Path(__file__).parents[1] / "assets"
NON_FILM = "not-a-film"  # the example that is refused; shown last
FILM_SUFFIXES = (".dcm", ".dicom", ".jpeg", ".jpg", ".png", ".tif", ".tiff")
FORGET_AFTER_S = 600  # a session's last reading, kept in memory to judge it at another point
PRIVATE: dict[str, Any] = {"api_visibility": "private"}


class Opening(NamedTuple):
    """Where a film is chosen."""

    upload: gr.File
    strip: gr.HTML


class Evidence(NamedTuple):
    """How its evidence is mapped."""

    method: gr.Dropdown
    target: gr.Dropdown
    map: gr.HTML


class Judgement(NamedTuple):
    """How it is judged."""

    point: gr.Radio
    pretest: gr.Slider


class Paper(NamedTuple):
    """What can be taken away."""

    pdf: gr.Button
    record: gr.Button
    identity: gr.Textbox
    impression: gr.Textbox
    parcel: gr.HTML


def tab(reader: Reader, *, examples: Path) -> Desk:
    """Lay the tab out inside the current Blocks."""
    desk = Desk(reader, films_of(examples))
    kept = gr.State(None, time_to_live=FORGET_AFTER_S)
    with gr.Row(elem_id="read"):
        with gr.Column(elem_id="left"):
            opening = _opening(desk)
            film = _scripted("film")
        with gr.Column(elem_id="right"):
            judgement = _judgement(desk)
            card = _scripted("card", label(view.welcome))
            paper = _paper()
        with gr.Column(elem_id="below"):
            evidence = _evidence(desk)
            answer, ask = gr.JSON(visible=False), gr.Button(visible=False)
    desk.choices = [*judgement, evidence.method, evidence.target]
    emptied = [paper.parcel, opening.upload, paper.identity, paper.impression]
    desk.outputs = [film, evidence.map, card, kept, *emptied]
    _wire_opening(desk, opening, card)
    _wire_choices(desk, judgement, evidence, kept)
    _wire_paper(desk, judgement, paper, kept)
    question = [opening.upload, judgement.point]
    ask.click(desk.read, question, answer, api_name="read", preprocess=False)
    return desk


def _opening(desk: Desk) -> Opening:
    with gr.Row(elem_id="open"):
        upload = gr.File(label=label("Open a chest film"), show_label=False, elem_id="upload")
        strip = gr.HTML(
            label(partial(view.examples, _thumbnails(desk.films))),
            js_on_load=(ASSETS / "examples.js").read_text(),
            apply_default_css=False,
            limit=MAX_BYTES,
        )
    return Opening(upload, strip)


def _evidence(desk: Desk) -> Evidence:
    classes = cams.targets(desk.reader.manifest.classes)
    with gr.Row(elem_id="explain"):
        method = gr.Dropdown(
            [(METHOD_NAMES[m], m) for m in cams.METHODS],
            value=cams.METHODS[0],
            label=label("Map by"),
            min_width=150,
        )
        target = gr.Dropdown(
            [(label(view.PATTERN_NAMES[c]), c) for c in classes],
            value=classes[0],
            label=label("Evidence for"),
            min_width=150,
        )
    return Evidence(method, target, _scripted("map"))


def _judgement(desk: Desk) -> Judgement:
    points = desk.reader.manifest.operating_points
    point = gr.Radio(
        [(label(partial(view.point_label, p)), p.name) for p in points],
        value=points[0].name,
        label=label("Operating point"),
        info=label(view.POINT_INFO),
        elem_id="point",
    )
    pretest = gr.Slider(
        1,
        95,
        value=desk.usual,
        step=1,
        label=label("Pre-test probability (%)"),
        info=label(partial(view.pretest_info, desk.reader.manifest.training_prevalence)),
        elem_id="pretest",
    )
    return Judgement(point, pretest)


def _paper() -> Paper:
    with gr.Column(elem_id="paper"):
        with gr.Row():
            pdf = gr.Button(label("Report (PDF)"), size="sm", min_width=100, elem_id="pdf")
            record = gr.Button(label("Reading (JSON)"), size="sm", min_width=100, elem_id="json")
        identity = gr.Textbox(
            label=label("Name or number on the report"),
            info=label("Optional; printed on the PDF and kept nowhere"),
            max_length=80,
            elem_id="identity",
        )
        impression = gr.Textbox(
            label=label("Your own impression"),
            info=label("Optional; likewise"),
            lines=2,
            max_length=600,
        )
        return Paper(pdf, record, identity, impression, _scripted("parcel"))


def _scripted(name: str, value: str = "") -> gr.HTML:
    """A place, empty at first, with the script of its name."""
    script = (ASSETS / f"{name}.js").read_text()
    return gr.HTML(value, elem_id=name, js_on_load=script, apply_default_css=False)


def _wire_opening(desk: Desk, opening: Opening, card: gr.HTML) -> None:
    # Unprocessed, an upload is its checked path and name; gr.File would copy it once more.
    quick: dict[str, Any] = {"show_progress_on": card, "preprocess": False, **PRIVATE}
    upload, strip = opening
    for event in (
        upload.upload(desk.open_upload, [upload, *desk.choices], desk.outputs, **quick),
        strip.click(desk.open_example, desk.choices, desk.outputs, **quick),
    ):
        event.failure(lambda: nothing(view.fault()), None, desk.outputs, **PRIVATE)
    strip.too_large(lambda: nothing(view.too_large(MAX_BYTES)), None, desk.outputs, **PRIVATE)


def _wire_choices(desk: Desk, judgement: Judgement, evidence: Evidence, kept: gr.State) -> None:
    film, shown, card, *_ = desk.outputs
    # A card or a map that was asked for before another film was opened may arrive after it:
    # film.js then hides it and calls it astray, and the kept reading's takes its place.
    for asked in (judgement.point.change, judgement.pretest.change, film.astray):
        asked(
            desk.judge,
            [*judgement, kept, card],
            card,
            show_progress="hidden",
            trigger_mode="always_last",  # a slider that is dragged asks more often than it need
            **PRIVATE,
        )
    for asked in (evidence.method.change, evidence.target.change, film.astray):
        drawn = asked(
            desk.redraw, [evidence.method, evidence.target, kept, shown], shown, **PRIVATE
        )
        drawn.failure(view.fault, None, shown, **PRIVATE)


def _wire_paper(desk: Desk, judgement: Judgement, paper: Paper, kept: gr.State) -> None:
    written = [*judgement, kept, paper.identity, paper.impression]
    for event in (
        paper.pdf.click(desk.paper, written, paper.parcel, **PRIVATE),
        paper.record.click(desk.record, [judgement.point, kept], paper.parcel, **PRIVATE),
    ):
        event.failure(view.fault, None, paper.parcel, **PRIVATE)


def films_of(folder: Path) -> dict[str, Path]:
    """The example files by name; only these names can be asked for."""
    films = [p for p in folder.glob("*") if p.suffix.lower() in FILM_SUFFIXES]
    return {p.name: p for p in sorted(films, key=lambda p: (p.stem == NON_FILM, p.name))}


def _thumbnails(films: dict[str, Path]) -> dict[str, str]:
    return {name: lightbox.thumbnail(decode(path.read_bytes())) for name, path in films.items()}
