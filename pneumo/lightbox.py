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
from pneumo.overlay import EvidenceMap
from pneumo.sentences import PATTERN_NAMES

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
    return f"""<figure class="film" data-film="{reading.film.source.sha256[:16]}"
 style="--aspect:{width / height:.4f}">
<div class="stage" tabindex="0" role="group" aria-label="The film. {KEYS}">
<div class="plate">
<img class="picture" src="{picture}"
 alt="The chest film as it was decoded, {width} by {height} pixels.">
<img class="evidence" alt="Evidence map, described below the film.">
<svg class="frames" viewBox="0 0 1 1" preserveAspectRatio="none" aria-hidden="true">
{_frames(reading)}</svg>
<svg class="outline" viewBox="0 0 {columns} {rows}" preserveAspectRatio="none" aria-hidden="true">
<path d="{overlay.outline(reading.lungs.mask)}"/></svg>
<i class="divider" aria-hidden="true"></i>
</div>
<input class="wipe" type="range" min="0" max="100" value="0" step="0.5"
 aria-label="Divider: film alone on its left, evidence on its right">
<div class="veil"><p>The networks contradict each other on this film,
 so their evidence map is not shown.</p>
<button type="button" class="reveal">Show the map all the same</button></div>
</div>
<figcaption>{_CONTROLS}<p class="fineprint">{view.DISCLAIMER}</p></figcaption>
</figure>"""


_CONTROLS = f"""<div class="controls">
<label class="map"><input class="show-evidence" type="checkbox" checked> Evidence</label>
<label class="map"><input class="opacity" type="range" min="10" max="100" value="{OPACITY}"
 aria-label="Opacity of the evidence"></label>
<label><input class="show-outline" type="checkbox" checked> Lungs</label>
<label class="map" title="The parts of the film that the networks looked at">
<input class="show-frames" type="checkbox" checked> Frames</label>
<span class="tools">
<button type="button" class="invert" aria-pressed="false" title="Invert (I)">Invert</button>
<button type="button" class="zoom-out" aria-label="Zoom out" title="Zoom out (-)">&minus;</button>
<button type="button" class="zoom-fit" aria-label="Fit" title="Fit (0)">1&times;</button>
<button type="button" class="zoom-in" aria-label="Zoom in" title="Zoom in (+)">+</button>
<button type="button" class="full" title="Full screen (F)">Full screen</button>
</span></div>"""


def evidence_in_words(reading: Reading) -> str:
    """What the reading's own map shows, for those who do not see it."""
    shown = EvidenceMap(reading.evidence, reading.evidence_full_scale)
    return in_words(shown, zones.share_out(shown.values, reading.lungs.mask))


def in_words(shown: EvidenceMap, found: zones.Zones | None) -> str:
    """What a map shows and where, as one or two sentences."""
    target = target_name(shown.target)
    if found is None:
        return f"No place on the film speaks for {target}."
    inside = view.share_text(found.inside)
    lies = f"lies within the lungs{_zone(found)}"
    if not shown.in_logits:
        return f"Of what {METHOD_NAMES[shown.method]} marks, {inside} {lies}."
    weak = found.peak < WEAK * shown.full_scale
    subject = f"Weak evidence for {target}: it" if weak else f"Evidence for {target}"
    peak = f"peaks at {signed(found.peak)} of {signed(shown.full_scale)}"
    return f"{subject} {peak}. {inside.capitalize()} of it {lies}."


def _zone(found: zones.Zones) -> str:
    """Where most of what lies within the lungs lies, or more of it than elsewhere."""
    if found.strongest is None:
        return ""
    level, side = found.strongest
    zone = f"in the {level} third of the {side} lung"
    return f", most of that {zone}" if found.concentrated else f", more {zone} than in any other"


def target_name(target: str) -> str:
    """A class as it stands within a sentence."""
    return PATTERN_NAMES[target].lower()


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
