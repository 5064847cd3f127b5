"""The page's fixed words and its refusals as HTML. Pure: no web framework, no tensors."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pneumo import language
from pneumo.language import LOCALES, NAMES, paragraph, say, spoken
from pneumo.sentences import (
    DISCLAIMER,
    HEADLINES,
    PATTERN_NAMES,
    POINT_NAMES,
    headline,
    interval,
    of_100,
    percent,
    point_in_words,
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
    *("POINT_INFO", "alert", "escape", "examples", "expired", "fault", "header", "in_english"),
    *("point_label", "pretest_info", "refusal", "section", "share_text", "too_large", "welcome"),
]

POINT_INFO = "Misses of 100 with pneumonia, flags of 100 without"


def escape(text: object) -> str:
    """Text for HTML that is itself a template: braces are masked as well."""
    return html.escape(str(text)).replace("{", "&#123;").replace("$", "&#36;")


def share_text(share: float) -> str:
    """A share in percent that rounds neither to none nor to all."""
    count = 100 * share
    if count <= 0.5:
        return say("under 1 %")
    return say("over 99 %") if count >= 99.5 else f"{count:.0f} %"


def point_label(point: OperatingPoint) -> str:
    """An operating point and its cost, short enough for a choice."""
    return say(
        "{point}: misses {misses}, flags {flags}",
        point=point_in_words(point.name),
        misses=of_100(1 - point.sensitivity.value),
        flags=of_100(1 - point.specificity.value),
    )


def pretest_info(training_prevalence: float) -> str:
    """What the pre-test probability means, where it stands at first, and where a clinic's lies."""
    return say(
        "Of 100 such children, how many have pneumonia before any film? {usual}: as in the "
        "training films; of children suspected of it, 19 to 37 in published studies.",
        usual=percent(training_prevalence),
    )


def header(weights: str) -> str:
    """Name and purpose, always on top, and the way to the other languages."""
    revision = say("weights {revision}", revision=escape(weights))
    links = "".join(
        f'<a href="?lang={code}" lang="{LOCALES[code]}" hreflang="{LOCALES[code]}"'
        + ' aria-current="true"' * (code == language.current())
        + f">{name}</a>"
        for code, name in NAMES.items()
    )
    return (
        f'<header class="masthead"><h1>Pneumo</h1><p>{spoken(DISCLAIMER)}</p>'
        f'<nav class="languages" aria-label="{say("Language")}">{links}</nav>'
        f"<small>{revision}</small></header>"
    )


def in_english() -> str:
    """On top of a page that exists in English only, in any other language."""
    told = "" if language.current() == language.ENGLISH else say("This page is in English only.")
    return f'<p class="in-english"{"" if told else " hidden"}>{told}</p>'


def welcome() -> str:
    """The card before the first film."""
    what = paragraph(
        say(
            "Open the frontal chest film of a child (DICOM, PNG, JPEG or TIFF), or press one of the"
            " examples."
        ),
        say(
            "The reading appears here: a decision at the operating point chosen above, a calibrated"
            " probability with its range, and what such decisions cost."
        ),
    )
    kept = say("The file you open is deleted from this machine within ten minutes.")
    return (
        f'<section class="card"><h2>{say("No film yet")}</h2><p>{what}</p>'
        f'<p class="note">{kept}</p></section>'
    )


def refusal(error: PneumoError) -> str:
    """The card of a film that was not read, and why."""
    return alert(say("Not read"), spoken(str(error)), say("No probability was computed."))


def too_large(limit_bytes: int) -> str:
    """The card of a file that is not even sent."""
    told = say(
        "This file is larger than the {limit} MB allowed; export the film at a lower resolution.",
        limit=limit_bytes // 10**6,
    )
    return alert(say("Not read"), told, "")


def fault() -> str:
    """The card after an unexpected error. Its detail belongs in the log only."""
    return alert(
        say("Not read"),
        say("Something went wrong inside the instrument; the film may be in order."),
        say("Try again, and tell whoever runs this instrument if it happens twice."),
    )


def expired() -> str:
    """The card when a reading has been forgotten before something was asked of it."""
    return alert(say("Forgotten"), say("This reading is no longer kept; open the film again."), "")


def examples(thumbnails: Mapping[str, str]) -> str:
    """A strip of buttons, one per example file: name -> address of its small picture."""
    buttons = "".join(
        f'<button type="button" data-name="{escape(name)}"><img src="{address}" alt="">'
        f"<span>{escape(_caption(name))}</span></button>"
        for name, address in thumbnails.items()
    )
    title = say("Examples")
    return f'<nav class="examples" aria-label="{title}"><span>{title}</span>{buttons}</nav>'


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
    return spoken(stem.replace("-", " ").replace("_", " ")) + kind
