"""The About tab: the model card, which is the only place where these things are written down."""

from __future__ import annotations

import gradio as gr

from pneumo import about, view
from pneumo.evidence.results import Missing
from tabs.tongue import label


def tab(card: str | Missing) -> None:
    """Lay the tab out inside the current Blocks; ``card`` is what ``about.read_card`` returns."""
    gr.HTML(label(view.in_english), apply_default_css=False, js_on_load=None)
    gr.HTML(about.page(card), apply_default_css=False, js_on_load=None, elem_id="about")
