"""The page's fixed words and its refusals as HTML. Pure: no web framework, no tensors."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pneumo.sentences import (
    DISCLAIMER,
    HEADLINES,
    PATTERN_NAMES,
    POINT_NAMES,
    headline,
    interval,
    of_100,
    percent,
)

if TYPE_CHECKING:
    from pneumo.decision import OperatingPoint
    from pneumo.errors import PneumoError

__all__ = [  # the first eight are pneumo.sentences', under the name that pages know them by
    "DISCLAIMER",
    "HEADLINES",
    "PATTERN_NAMES",
    "POINT_NAMES",
    "headline",
    "interval",
    "of_100",
    "percent",
    *("POINT_INFO", "alert", "escape", "examples", "expired", "fault", "header", "point_label"),
    *("pretest_info", "refusal", "section", "share_text", "too_large", "welcome"),
]

POINT_INFO = "Misses of 100 with pneumonia, flags of 100 without"


def escape(text: object) -> str:
    """Text for HTML that is itself a template: braces are masked as well."""
    return html.escape(str(text)).replace("{", "&#123;").replace("$", "&#36;")


def share_text(share: float) -> str:
    """A share in percent that rounds neither to none nor to all."""
    count = 100 * share
    return "under 1 %" if count <= 0.5 else "over 99 %" if count >= 99.5 else f"{count:.0f} %"


def point_label(point: OperatingPoint) -> str:
    """An operating point and its cost, short enough for a choice."""
    misses, flags = of_100(1 - point.sensitivity.value), of_100(1 - point.specificity.value)
    return f"{POINT_NAMES[point.name]}: misses {misses}, flags {flags}"


def pretest_info(training_prevalence: float) -> str:
    """What the pre-test probability means, where it stands at first, and where a clinic's lies."""
    return (
        "Of 100 such children, how many have pneumonia before any film? "
        f"{percent(training_prevalence)}: as in the training films; of children "
        "suspected of it, 19 to 37 in published studies."
    )


def header(weights: str) -> str:
    """Name and purpose, always on top."""
    return (
        f'<header class="masthead"><h1>Pneumo</h1><p>{DISCLAIMER}</p>'
        f"<small>weights {escape(weights)}</small></header>"
    )


def welcome() -> str:
    """The card before the first film."""
    return """<section class="card"><h2>No film yet</h2>
<p>Open the frontal chest film of a child (DICOM, PNG, JPEG or TIFF), or press one of the examples.
The reading appears here: a decision at the operating point chosen above, a calibrated
probability with its range, and what such decisions cost.</p>
<p class="note">The file you open is deleted from this machine within ten minutes.</p>
</section>"""


def refusal(error: PneumoError) -> str:
    """The card of a film that was not read, and why."""
    return alert("Not read", str(error), "No probability was computed.")


def too_large(limit_bytes: int) -> str:
    """The card of a file that is not even sent."""
    allowed = f"This file is larger than the {limit_bytes // 10**6} MB allowed"
    return alert("Not read", f"{allowed}; export the film at a lower resolution.", "")


def fault() -> str:
    """The card after an unexpected error. Its detail belongs in the log only."""
    return alert(
        "Not read",
        "Something went wrong inside the instrument; the film may be in order.",
        "Try again, and tell whoever runs this instrument if it happens twice.",
    )


def expired() -> str:
    """The card when a reading has been forgotten before something was asked of it."""
    return alert("Forgotten", "This reading is no longer kept; open the film again.", "")


def examples(thumbnails: Mapping[str, str]) -> str:
    """A strip of buttons, one per example file: name -> address of its small picture."""
    buttons = "".join(
        f'<button type="button" data-name="{escape(name)}"><img src="{address}" alt="">'
        f"<span>{escape(_caption(name))}</span></button>"
        for name, address in thumbnails.items()
    )
    return f'<nav class="examples" aria-label="Examples"><span>Examples</span>{buttons}</nav>'


def section(title: str, body: str) -> str:
    """One titled part of a card."""
    return f"<section><h3>{title}</h3>{body}</section>"


def alert(title: str, sentence: str, remark: str) -> str:
    """A card that says what could not be done, and what to do."""
    return (
        f'<section class="card refused" role="alert"><h2>{title}</h2><p>{escape(sentence)}</p>'
        f'<p class="note">{escape(remark)}</p></section>'
    )


def _caption(name: str) -> str:
    stem, _, suffix = name.rpartition(".")
    kind = " (DICOM)" if suffix in ("dcm", "dicom") else ""
    return stem.replace("-", " ").replace("_", " ") + kind
