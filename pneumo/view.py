"""A reading, a refusal or a fault as words and HTML. Pure: no web framework, no tensors."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from pneumo.decision import Decision, OperatingPoint

if TYPE_CHECKING:
    from pneumo.calibration import Interval
    from pneumo.errors import PneumoError
    from pneumo.reader import Reading

POINT_NAMES = {
    "screening": "Screening",
    "balanced": "Balanced",
    "assisted": "Assisted",
    "rule_in": "Rule-in",
}
HEADLINES = {
    Decision.SUSPECTED: "Pneumonia suspected",
    Decision.NOT_SUSPECTED: "Pneumonia not suspected",
    Decision.REFER: "Refer: the networks disagree",
}
PATTERN_NAMES = {
    "normal": "Normal",
    "pneumonia": "Pneumonia",
    "bacterial": "Bacterial-type",
    "viral": "Viral-type",
}
POINT_INFO = "Misses of 100 with pneumonia, flags of 100 without"
PICTURE_MODES = {"1": "black and white", "L": "grey", "LA": "grey", "P": "palette", "RGB": "colour"}
DISCLAIMER = (
    "Research and teaching, not a diagnosis. Made for frontal (AP) films of children of about 1 to "
    "5 years, from one hospital; it claims nothing beyond."
)


def percent(share: float) -> int:
    """A share in [0, 1] as a whole percentage, never 0 or 100: no film is certain."""
    return min(max(round(100 * share), 1), 99)


def of_100(share: float) -> str:
    """How many of 100, in words that never say none or all."""
    count = 100 * share
    return "fewer than 1" if count < 0.5 else "more than 99" if count > 99.5 else f"{count:.0f}"


def escape(text: object) -> str:
    """Text for HTML that is itself a template: braces are masked as well."""
    return html.escape(str(text)).replace("{", "&#123;").replace("$", "&#36;")


def point_label(point: OperatingPoint) -> str:
    """An operating point and its cost, short enough for a choice."""
    misses, flags = of_100(1 - point.sensitivity.value), of_100(1 - point.specificity.value)
    return f"{POINT_NAMES[point.name]}: misses {misses}, flags {flags}"


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
    return _alert("Not read", str(error), "No probability was computed.")


def too_large(limit_bytes: int) -> str:
    """The card of a file that is not even sent."""
    allowed = f"This file is larger than the {limit_bytes // 10**6} MB allowed"
    return _alert("Not read", f"{allowed}; export the film at a lower resolution.", "")


def fault() -> str:
    """The card after an unexpected error. Its detail belongs in the log only."""
    return _alert(
        "Not read",
        "Something went wrong inside the instrument; the film may be in order.",
        "Try again, and tell whoever runs this instrument if it happens twice.",
    )


def expired() -> str:
    """The card when a reading has been forgotten before the operating point was changed."""
    return _alert("Forgotten", "This reading is no longer kept; open the film again.", "")


def headline(reading: Reading) -> str:
    """The decision in words, as the operating point means it."""
    if reading.decision is Decision.NOT_SUSPECTED and reading.operating_point.name == "rule_in":
        # Rule-in stays silent on most films of moderate suspicion: that must not reassure.
        return "Pneumonia not ruled in"
    return HEADLINES[reading.decision]


def card(reading: Reading) -> str:
    """Everything said about one film, top to bottom in the order in which it is needed."""
    parts = (
        f"<h2>{headline(reading)}</h2>",
        _probability(reading),
        _confidence(reading),
        _cost(reading.operating_point),
        _pattern(reading),
        _warnings(reading),
        _decoded(reading),
    )
    return (
        f'<section class="card {reading.decision.value}" data-reading aria-live="polite">'
        f"{''.join(parts)}</section>"
    )


def examples(thumbnails: Mapping[str, str]) -> str:
    """A strip of buttons, one per example file: name -> address of its small picture."""
    buttons = "".join(
        f'<button type="button" data-name="{escape(name)}"><img src="{address}" alt="">'
        f"<span>{escape(_caption(name))}</span></button>"
        for name, address in thumbnails.items()
    )
    return f'<nav class="examples" aria-label="Examples"><span>Examples</span>{buttons}</nav>'


def interval(share: Interval) -> str:
    """The 95 % interval of a share, in percent."""
    return f"{percent(share.low)} to {percent(share.high)}"


def _probability(reading: Reading) -> str:
    estimate, point = reading.estimate, reading.operating_point
    shown, low, high = (percent(p) for p in (estimate.probability, estimate.low, estimate.high))
    spread = estimate.high - estimate.low
    threshold, name = percent(point.threshold), POINT_NAMES[point.name]
    dots = "".join(f'<circle cx="{100 * p:.1f}%" cy="50%" r="3"/>' for p in estimate.members)
    ends = "".join(f"<span style='left:{p}%'>{p}</span>" for p in (25, 50, 75))
    side = "before" if threshold > 50 else "after"
    return f"""<div class="probability"><p><strong>{shown}<small> %</small></strong>
<span>probability of pneumonia<br><b>{low} to {high} %</b> among {len(estimate.members)}
 networks</span></p>
<div class="scale"><span class="tick {side}" style="left:{100 * point.threshold:.1f}%">{name}
 {threshold} %</span><svg role="img" aria-label="Range of the networks {low} to {high} percent, mean
 {shown} percent; {name} threshold {threshold} percent.">
<rect class="axis" width="100%" height="100%"/>
<rect class="range" x="{100 * estimate.low:.1f}%" width="{100 * spread:.1f}%" height="100%"/>{dots}
{_upright("mean", estimate.probability)}{_upright("threshold", point.threshold)}</svg>
<div class="ends">{ends}</div></div>
<p class="note">Calibrated where {of_100(reading.training_prevalence)} of 100 films show pneumonia;
 where fewer do, it is lower.</p></div>"""


def _upright(kind: str, share: float) -> str:
    return f'<line class="{kind}" x1="{100 * share:.1f}%" x2="{100 * share:.1f}%" y2="100%"/>'


def _confidence(reading: Reading) -> str:
    sick = percent(reading.frequency.value)
    sentence = (
        f"Of 100 held-out films read like this one, <b>{sick} were pneumonia</b> "
        f"and {100 - sick} were not."
    )
    if reading.decision is Decision.REFER:
        sentence += " The networks stand on both sides of the threshold: have the film read."
    if reading.confidence is not None and reading.confidence < 0.5:
        word = headline(reading).lower()
        sentence += f" So &ldquo;{word}&rdquo; is more often wrong than right for such films."
    rests = f"95 % interval {interval(reading.frequency)}; rests on {reading.compared_films} films."
    return _section("Confidence", f"<p>{sentence}</p><p class='note'>{rests}</p>")


def _cost(point: OperatingPoint) -> str:
    missed, flagged = _complement(point.sensitivity), _complement(point.specificity)
    return _section(
        "Cost of this operating point",
        f"<p>Of 100 children with pneumonia it misses <b>{missed[0]}</b> "
        f"<span class='note'>({missed[1]})</span>; of 100 without it flags <b>{flagged[0]}</b> "
        f"<span class='note'>({flagged[1]})</span>.</p><p class='note'>On held-out films, with "
        f"95 % intervals. It flags from {percent(point.threshold)} %: "
        f"{escape(point.criterion.rstrip('.'))}.</p>",
    )


def _complement(share: Interval) -> tuple[str, str]:
    """How many of 100 are not in a share, and between which bounds."""
    return of_100(1 - share.value), f"{of_100(1 - share.high)} to {of_100(1 - share.low)}"


def _pattern(reading: Reading) -> str:
    rows = "".join(
        f"<tr><th scope='row'>{PATTERN_NAMES[name]}</th>"
        f"<td><i style='width:{100 * share:.0f}%'></i></td><td>{percent(share)} %</td></tr>"
        for name, share in zip(reading.classes, reading.estimate.pattern, strict=True)
    )
    caveat = (
        "A pattern of this data set. It names no cause and is no advice on antibiotics: films "
        "cannot tell bacterial from viral pneumonia reliably."
    )
    return _section("Pattern", f"<table>{rows}</table><p class='note'>{caveat}</p>")


def _warnings(reading: Reading) -> str:
    if not reading.cautions:
        return _section("Warnings", "<p class='note'>None.</p>")
    items = "".join(f"<li>{escape(caution)}</li>" for caution in reading.cautions)
    return _section("Warnings", f"<ul class='cautions'>{items}</ul>")


def _decoded(reading: Reading) -> str:
    source = reading.film.source
    height, width = reading.film.pixels.shape
    kind = PICTURE_MODES.get(source.photometric, source.photometric)
    facts = [f"{source.format}, {source.bits} bit, {kind}", f"{width} by {height} pixels"]
    if source.window is not None:
        centre, span = source.window
        facts.append(f"window {centre - span / 2:g} to {centre + span / 2:g}")
    if source.inverted:
        facts.append("stored inverted, shown with air dark")
    if source.spacing_mm is not None:
        facts.append("{:.3g} by {:.3g} mm per pixel".format(*source.spacing_mm))
    facts += [*source.notes, f"file {source.sha256[:12]}", f"read in {reading.seconds:.1f} s"]
    return _section("Decoded", f"<p class='note'>{_joined(facts)}</p>")


def _joined(facts: Iterable[str]) -> str:
    return " · ".join(escape(fact.rstrip(".")) for fact in facts)


def _section(title: str, body: str) -> str:
    return f"<section><h3>{title}</h3>{body}</section>"


def _alert(title: str, sentence: str, remark: str) -> str:
    return (
        f'<section class="card refused" role="alert"><h2>{title}</h2><p>{escape(sentence)}</p>'
        f'<p class="note">{escape(remark)}</p></section>'
    )


def _caption(name: str) -> str:
    stem, _, suffix = name.rpartition(".")
    kind = " (DICOM)" if suffix in ("dcm", "dicom") else ""
    return stem.replace("-", " ").replace("_", " ") + kind
