"""The Evidence tab: what was measured, and two sliders that say what it means for children."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from pneumo.evidence import doubts, exhibits, panel
from pneumo.evidence.holdout import ENSEMBLE, Role
from pneumo.evidence.panel import Choice
from pneumo.evidence.results import Missing, Results
from pneumo.language import ENGLISH, use
from pneumo.view import POINT_NAMES, in_english
from tabs.tongue import label

CSS = Path(__file__).parents[1] / "assets" / "evidence.css"
# A slider that moves faster than the server answers skips to its last place. Its answers take a few
# milliseconds: a queue, with its statistics of every event, would take longer.
LIVE: dict[str, Any] = {
    "api_visibility": "private",
    "queue": False,
    "show_progress": "hidden",
    "trigger_mode": "always_last",
}


def tab(results: Results) -> None:
    """Lay the tab out inside the current Blocks."""
    _still(label(in_english))
    if isinstance(results.holdout, Missing):
        _still(exhibits.exhibits(exhibits.missing("The hold-out", results.holdout)))
    else:
        role, shifted_at = results.holdout.held_out, results.holdout.accuracy_under_shift_at
        _wire(_lay_out(role, shifted_at), role, shifted_at)
    _still(doubts.doubts(results))


@dataclass(frozen=True)
class Bench:
    """What is moved by hand, and what follows it."""

    model: gr.Dropdown
    point: gr.Radio
    cut: gr.Slider
    prevalence: gr.Slider
    exact: gr.State  # the slider shows tenths of a percent; an operating point's threshold is finer
    live: gr.HTML
    still: gr.HTML


def _lay_out(role: Role, shifted_at: str) -> Bench:
    """The hold-out of one model at a time, its threshold and prevalence movable."""
    points = list(role.models[ENSEMBLE].operating_points)
    start = panel.at_point(role, ENSEMBLE, points[0], panel.CLINIC_PREVALENCE)
    with gr.Row(elem_id="bench"):
        model = gr.Dropdown(
            list(role.models), value=ENSEMBLE, label="Model", filterable=False, elem_id="model"
        )
        point = gr.Radio(
            [(POINT_NAMES[name], name) for name in points],
            value=start.point,
            label="Operating point",
            info="Jumps to that threshold; the slider leaves it.",
            elem_id="evidence-point",
        )
        cut, prevalence = _sliders(start)
    _still(panel.notes(role), elem_id="bench-notes")
    exact = gr.State(start.threshold)
    live = _still(panel.panel(role, start), elem_id="live")
    still = _still(exhibits.held_out(role, ENSEMBLE, shifted_at=shifted_at))
    return Bench(model, point, cut, prevalence, exact, live, still)


def _sliders(start: Choice) -> tuple[gr.Slider, gr.Slider]:
    """The threshold and the prevalence."""
    slider = partial(gr.Slider, step=panel.STEP, buttons=[])
    cut = slider(
        *panel.THRESHOLDS,
        value=panel.to_percent(start.threshold),
        label="Threshold, %",
        info="Pneumonia is called from this probability on.",
        elem_id="threshold",
    )
    prevalence = slider(
        *panel.PREVALENCES,
        value=panel.to_percent(start.prevalence),
        label="Prevalence, %",
        info="How common pneumonia is among the children you mean.",
        elem_id="prevalence",
    )
    return cut, prevalence


def _wire(bench: Bench, role: Role, shifted_at: str) -> None:
    """Let everything follow the hand that moves it."""

    @use(ENGLISH)
    def show(choice: Choice) -> tuple[float, float, str]:
        shown = panel.panel(role, choice)
        return panel.to_percent(choice.threshold), choice.threshold, shown

    def jump(model: str, point: str, prevalence: float) -> tuple[float, float, str]:
        return show(panel.at_point(role, model, point, prevalence / 100))

    def slide(model: str, cut: float, prevalence: float) -> tuple[None, float, str]:
        return None, *show(Choice(model, cut / 100, prevalence / 100))[1:]

    def weigh(model: str, exact: float, point: str | None, prevalence: float) -> str:
        return show(Choice(model, exact, prevalence / 100, point))[-1]

    def switch(
        model: str, exact: float, point: str | None, prevalence: float
    ) -> tuple[float, float, str, str]:
        shown = exhibits.held_out(role, model, shifted_at=shifted_at)
        if point:
            return *jump(model, point, prevalence), shown
        return *show(Choice(model, exact, prevalence / 100)), shown

    b = bench
    everything = [b.model, b.exact, b.point, b.prevalence]
    b.point.input(jump, [b.model, b.point, b.prevalence], [b.cut, b.exact, b.live], **LIVE)
    b.cut.input(slide, [b.model, b.cut, b.prevalence], [b.point, b.exact, b.live], **LIVE)
    b.prevalence.input(weigh, everything, b.live, **LIVE)
    b.model.input(switch, everything, [b.cut, b.exact, b.live, b.still], **LIVE)


def _still(html: str, **given: Any) -> gr.HTML:
    return gr.HTML(html, apply_default_css=False, js_on_load=None, **given)
