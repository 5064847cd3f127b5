"""The film on the screen: picture, evidence, lung outline, legend and the same in words.

Pictures travel inside the page as PNG, so that no copy of a film is ever written to disk or
given an address of its own.
"""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from pneumo import overlay

if TYPE_CHECKING:
    from pneumo.radiograph import Radiograph
    from pneumo.reader import Reading

SCREEN_PX = 1600  # longest side shown: above the height of most monitors, about 1.5 MB of PNG
THUMBNAIL_PX = 128
OPACITY = 60  # percent, at first
WEAK = 0.25  # of the full scale: below it, the words call evidence weak


def figure(reading: Reading) -> str:
    """The film with its evidence and outline as an HTML figure with its own controls."""
    height, width = reading.film.pixels.shape
    rows, columns = reading.lungs.mask.shape
    words = evidence_in_words(reading)
    return f"""<figure class="film" style="--aspect:{width / height:.4f};--opacity:{OPACITY / 100}">
<div class="stage">
<img class="picture" src="{_png(overlay.grey(reading.film.pixels, max_side_px=SCREEN_PX))}"
 alt="The chest film as it was decoded, {width} by {height} pixels.">
<img class="evidence" src="{_evidence(reading)}" alt="Evidence map. {words}">
<svg class="outline" viewBox="0 0 {columns} {rows}" preserveAspectRatio="none" aria-hidden="true">
<path d="{overlay.outline(reading.lungs.mask)}"/></svg>
<i class="divider" aria-hidden="true"></i>
<input class="wipe" type="range" min="0" max="100" value="0" step="0.5"
 aria-label="Divider: film alone on its left, evidence on its right">
<div class="veil"><p>The networks contradict each other on this film,
 so their evidence map is not shown.</p>
<button type="button">Show the map all the same</button></div>
</div>
<figcaption>
<div class="controls">
<label class="map"><input class="show-evidence" type="checkbox" checked> Evidence</label>
<label class="map grow">Opacity <input class="opacity" type="range" min="10" max="100"
 value="{OPACITY}"></label>
<label><input class="show-outline" type="checkbox" checked> Lung outline</label>
</div>
{legend(reading.evidence_full_scale)}
<p class="words">{words}</p>
</figcaption>
</figure>"""


def legend(full_scale: float) -> str:
    """The fixed colour scale, labelled in logit units and in plain words."""
    ramp = overlay.layer(np.linspace(0, full_scale, 128)[None], full_scale=full_scale)
    ticks = "".join(
        f"<li><b>{_signed(value)}</b> {meaning}</li>"
        for value, meaning in (
            (0.0, "none"),
            (full_scale / 2, "moderate"),
            (full_scale, "strong, or more"),
        )
    )
    return f"""<div class="legend"><img src="{_png(Image.fromarray(ramp))}" alt="Colour scale, dark
 purple through red to yellow, from none to strong evidence."><ul>{ticks}</ul>
<p>Evidence for pneumonia in logit units: each place's linear share in the networks' log-odds.
 What speaks against it is not drawn. The scale is the same for every film.</p></div>"""


def evidence_in_words(reading: Reading) -> str:
    """What the evidence map shows, for those who do not see it."""
    found = overlay.whereabouts(reading.evidence, reading.lungs.mask)
    if found is None:
        return "No place on the film speaks for pneumonia."
    scale = reading.evidence_full_scale
    weak = "Weak evidence: it" if found.peak < WEAK * scale else "Evidence"
    inside = min(max(round(100 * found.inside), 1), 99)
    text = (
        f"{weak} peaks at {_signed(found.peak)} of {_signed(scale)}. {inside} % of it lies within "
        f"the lungs, most in the {found.level} third on the {found.side} of the picture."
    )
    return f"{text} Most lies elsewhere: be wary of this map." if found.inside < 0.5 else text


def thumbnail(film: Radiograph) -> str:
    """A small picture of a film, as an address to put into a page."""
    return _png(overlay.grey(film.pixels, max_side_px=THUMBNAIL_PX))


def _evidence(reading: Reading) -> str:
    return _png(
        Image.fromarray(overlay.layer(reading.evidence, full_scale=reading.evidence_full_scale))
    )


def _signed(logit: float) -> str:
    return f"+{logit:.1f}" if logit else "0"


def _png(picture: Image.Image) -> str:
    file = io.BytesIO()
    picture.save(file, "PNG", compress_level=3)  # level 6 takes three times as long for 5 % less
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
