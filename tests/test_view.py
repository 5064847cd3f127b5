"""The page's fixed words."""

from __future__ import annotations

import subprocess
import sys

from by_hand import text_of

from pneumo import view
from pneumo.errors import UnsuitableImage


def test_a_refusal_is_an_alert_with_the_whole_sentence() -> None:
    card = view.refusal(UnsuitableImage("No pair of lungs was found; upload a <chest> film."))
    assert 'role="alert"' in card
    assert "No pair of lungs was found; upload a <chest> film." in text_of(card)
    assert "<chest>" not in card


def test_a_share_is_never_rounded_to_none_or_all() -> None:
    assert [view.share_text(s) for s in (0.002, 0.4, 0.998)] == ["under 1 %", "40 %", "over 99 %"]
    assert [view.share_text(s) for s in (0.005, 0.995)] == ["under 1 %", "over 99 %"]


def test_the_pretest_control_names_where_it_stands_and_what_a_clinic_sees() -> None:
    assert (
        "74: as in the training films; of children suspected of it, 19 to 37 in"
        in view.pretest_info(0.7433)
    )


def test_the_view_needs_no_tensors_and_no_web_framework() -> None:
    modules = "pneumo.view, pneumo.readout, pneumo.lightbox, pneumo.caption"
    code = f"import sys, {modules}; print({{'torch', 'gradio'}} & {{*sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
