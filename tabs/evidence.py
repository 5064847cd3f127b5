"""The Evidence tab: what was measured, and two sliders that say what it means for children."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from pneumo.evidence import doubts, exhibits, panel
from pneumo.evidence.holdout import ENSEMBLE, Role
from pneumo.evidence.panel import Choice
from pneumo.evidence.results import Missing, Results
from pneumo.view import POINT_NAMES

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
    if isinstance(results.holdout, Missing):
        _still(exhibits.exhibits(exhibits.missing("The hold-out", results.holdout)))
    else:
        _bench(results.holdout.held_out, shifted_at=results.holdout.accuracy_under_shift_at)
    _still(doubts.doubts(results))


def _bench(role: Role, *, shifted_at: str) -> None:
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
        cut = gr.Slider(
            *panel.THRESHOLDS,
            value=panel.to_percent(start.threshold),
            step=panel.STEP,
            label="Threshold, %",
            info="Pneumonia is called from this probability on.",
            elem_id="threshold",
            buttons=[],
        )
        prevalence = gr.Slider(
            *panel.PREVALENCES,
            value=panel.to_percent(start.prevalence),
            step=panel.STEP,
            label="Prevalence, %",
            info="How common pneumonia is among the children you mean.",
            elem_id="prevalence",
            buttons=[],
        )
    _still(panel.notes(role), elem_id="bench-notes")
    # The slider shows tenths of a percent; the threshold of an operating point is finer.
    exact = gr.State(start.threshold)
    live = _still(panel.panel(role, start), elem_id="live")
    still = _still(exhibits.held_out(role, ENSEMBLE, shifted_at=shifted_at))

    def show(choice: Choice) -> str:
        return panel.panel(role, choice)

    def jump(model: str, point: str, prevalence: float) -> tuple[float, float, str]:
        choice = panel.at_point(role, model, point, prevalence / 100)
        return panel.to_percent(choice.threshold), choice.threshold, show(choice)

    def slide(model: str, cut: float, prevalence: float) -> tuple[None, float, str]:
        return None, cut / 100, show(Choice(model, cut / 100, prevalence / 100))

    def weigh(model: str, exact: float, point: str | None, prevalence: float) -> str:
        return show(Choice(model, exact, prevalence / 100, point))

    def switch(
        model: str, exact: float, point: str | None, prevalence: float
    ) -> tuple[float, float, str, str]:
        choice = Choice(model, exact, prevalence / 100)
        if point:
            choice = panel.at_point(role, model, point, prevalence / 100)
        shown = exhibits.held_out(role, model, shifted_at=shifted_at)
        return panel.to_percent(choice.threshold), choice.threshold, show(choice), shown

    point.input(jump, [model, point, prevalence], [cut, exact, live], **LIVE)
    cut.input(slide, [model, cut, prevalence], [point, exact, live], **LIVE)
    prevalence.input(weigh, [model, exact, point, prevalence], live, **LIVE)
    model.input(switch, [model, exact, point, prevalence], [cut, exact, live, still], **LIVE)


def _still(html: str, **given: Any) -> gr.HTML:
    return gr.HTML(html, apply_default_css=False, js_on_load=None, **given)
