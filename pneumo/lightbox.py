"""The film on the screen: picture, lung outline, what the networks saw, and its own controls.

Pictures travel inside the page as PNG, so that no copy of a film is ever written to disk or
given an address of its own. The evidence map is sent apart (`pneumo.caption`), so that another
method does not send the film again; assets/film.js lays the one upon the other.
"""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

from PIL import Image

from pneumo import overlay, view, zones
from pneumo.language import paragraph, say, spoken
from pneumo.overlay import EvidenceMap
from pneumo.sentences import class_in_words

if TYPE_CHECKING:
    from pneumo.radiograph import Radiograph
    from pneumo.reader import Reading

SCREEN_PX = 1600  # longest side shown: above the height of most monitors, about 1.5 MB of PNG
THUMBNAIL_PX = 128
OPACITY = 60  # percent, at first
WEAK = 0.25  # of the full scale: below it, the words call evidence weak
METHOD_NAMES = {
    overlay.GRAD_CAM: "Grad-CAM",
    "grad_cam_plus_plus": "Grad-CAM++",
    "hires_cam": "HiResCAM",
    "layer_cam": "Layer-CAM",
    overlay.EIGEN_CAM: "Eigen-CAM",
}
KEYS = "Keys: + and − zoom, arrows move, 0 fits, I inverts, F fills the screen."  # noqa: RUF001


def figure(reading: Reading) -> str:
    """The film with its outline and controls as an HTML figure; the evidence is laid on it."""
    height, width = reading.film.pixels.shape
    rows, columns = reading.lungs.mask.shape
    picture = png(overlay.grey(reading.film.pixels, max_side_px=SCREEN_PX))
    decoded = say(
        "The chest film as it was decoded, {width} by {height} pixels.", width=width, height=height
    )
    keys = paragraph(say("The film."), spoken(KEYS))
    veiled = say(
        "The networks contradict each other on this film, so their evidence map is not shown."
    )
    return f"""<figure class="film" data-film="{reading.film.source.sha256[:16]}"
 style="--aspect:{width / height:.4f}">
<div class="stage" tabindex="0" role="group" aria-label="{keys}">
<div class="plate">
<img class="picture" src="{picture}" alt="{decoded}">
<img class="evidence" alt="{say("Evidence map, described below the film.")}">
<svg class="frames" viewBox="0 0 1 1" preserveAspectRatio="none" aria-hidden="true">
{_frames(reading)}</svg>
<svg class="outline" viewBox="0 0 {columns} {rows}" preserveAspectRatio="none" aria-hidden="true">
<path d="{overlay.outline(reading.lungs.mask)}"/></svg>
<i class="divider" aria-hidden="true"></i>
</div>
<input class="wipe" type="range" min="0" max="100" value="0" step="0.5"
 aria-label="{say("Divider: film alone on its left, evidence on its right")}">
<div class="veil"><p>{veiled}</p>
<button type="button" class="reveal">{say("Show the map all the same")}</button></div>
</div>
<figcaption>{_controls()}<p class="fineprint">{spoken(view.DISCLAIMER)}</p></figcaption>
</figure>"""


def _controls() -> str:
    less, fit, more = say("Zoom out"), say("Fit"), say("Zoom in")
    evidence, invert, full = say("map|Evidence"), say("Invert"), say("Full screen")
    return f"""<div class="controls">
<label class="map"><input class="show-evidence" type="checkbox" checked> {evidence}</label>
<label class="map"><input class="opacity" type="range" min="10" max="100" value="{OPACITY}"
 aria-label="{say("Opacity of the evidence")}"></label>
<label><input class="show-outline" type="checkbox" checked> {say("Lungs")}</label>
<label class="map" title="{say("The parts of the film that the networks looked at")}">
<input class="show-frames" type="checkbox" checked> {say("Frames")}</label>
<span class="tools">
<button type="button" class="invert" aria-pressed="false" title="{invert} (I)">{invert}</button>
<button type="button" class="zoom-out" aria-label="{less}" title="{less} (-)">&minus;</button>
<button type="button" class="zoom-fit" aria-label="{fit}" title="{fit} (0)">1&times;</button>
<button type="button" class="zoom-in" aria-label="{more}" title="{more} (+)">+</button>
<button type="button" class="full" title="{full} (F)">{full}</button>
</span></div>"""


def evidence_in_words(reading: Reading) -> str:
    """What the reading's own map shows, for those who do not see it."""
    shown = EvidenceMap(reading.evidence, reading.evidence_full_scale)
    return in_words(shown, zones.share_out(shown.values, reading.lungs.mask))


def in_words(shown: EvidenceMap, found: zones.Zones | None) -> str:
    """What a map shows and where, as one or two sentences."""
    target = target_name(shown.target)
    if found is None:
        return say("No place on the film speaks for {target}.", target=target)
    inside, zone = view.share_text(found.inside), _zone(found)
    if not shown.in_logits:
        return say(
            "Of what {method} marks, {inside} lies within the lungs{zone}.",
            method=METHOD_NAMES[shown.method],
            inside=inside,
            zone=zone,
        )
    given = {"target": target, "peak": signed(found.peak), "most": signed(shown.full_scale)}
    if found.peak < WEAK * shown.full_scale:
        strength = say("Weak evidence for {target}: it peaks at {peak} of {most}.", **given)
    else:
        strength = say("Evidence for {target} peaks at {peak} of {most}.", **given)
    where = say(
        "{inside} of it lies within the lungs{zone}.", inside=inside.capitalize(), zone=zone
    )
    return paragraph(strength, where)


def _zone(found: zones.Zones) -> str:
    """Where most of what lies within the lungs lies, or more of it than elsewhere."""
    if found.strongest is None:
        return ""
    level, side = found.strongest
    zone = say("in the {level} third of the {side} lung", level=spoken(level), side=spoken(side))
    if found.concentrated:
        return say(", most of that {zone}", zone=zone)
    return say(", more {zone} than in any other", zone=zone)


def target_name(target: str) -> str:
    """A class as it stands within a sentence."""
    return class_in_words(target).lower()


def signed(logit: float) -> str:
    """Evidence in logit units; there is none below nought."""
    return f"+{logit:.1f}" if logit else "0"


def thumbnail(film: Radiograph) -> str:
    """A small picture of a film, as an address to put into a page."""
    return png(overlay.grey(film.pixels, max_side_px=THUMBNAIL_PX))


def layer(shown: EvidenceMap) -> str:
    """An evidence map as a coloured, partly transparent picture, as an address."""
    return png(Image.fromarray(overlay.layer(shown.values, full_scale=shown.full_scale)))


def png(picture: Image.Image) -> str:
    """A picture as an address to put into a page."""
    file = io.BytesIO()
    picture.save(file, "PNG", compress_level=3)  # level 6 takes three times as long for 5 % less
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def _frames(reading: Reading) -> str:
    """Each part of the film that some network looked at, as a rectangle."""
    return "".join(
        f'<rect x="{box.left:.4f}" y="{box.top:.4f}" width="{box.right - box.left:.4f}"'
        f' height="{box.bottom - box.top:.4f}"/>'
        for box in dict.fromkeys(reading.boxes)
    )
