"""Below the film: the evidence map's picture, its colour scale, and the same in words."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from pneumo import overlay, zones
from pneumo.language import paragraph, say, spoken
from pneumo.lightbox import METHOD_NAMES, in_words, layer, png, signed, target_name
from pneumo.view import share_text
from pneumo.zones import LEVELS, SIDES, Zones

if TYPE_CHECKING:
    from pneumo.overlay import EvidenceMap
    from pneumo.reader import Reading


def caption(reading: Reading, shown: EvidenceMap) -> str:
    """A map's picture, hidden until it is laid on the film; what it means; where it lies."""
    found = zones.share_out(shown.values, reading.lungs.mask)
    words = in_words(shown, found)
    where = "" if found is None else _table(found)
    return f"""<section class="caption" data-film="{reading.film.source.sha256[:16]}"
 aria-label="{say("Evidence map")}">
<img class="layer" hidden src="{layer(shown)}" alt="{say("Evidence map")}. {words}">
<div>{legend(shown)}
<p class="words">{words}</p>{_warning(found)}
<p class="note">{frames_in_words(reading)}</p></div>
{where}</section>"""


def legend(shown: EvidenceMap) -> str:
    """The colour scale, labelled in its unit or as having none."""
    ramp = overlay.layer(np.linspace(0, shown.full_scale, 128)[None], full_scale=shown.full_scale)
    top = shown.full_scale
    marks = [(0.0, say("none")), (top / 2, say("moderate")), (top, say("strong, or more"))]
    ticks = "".join(f"<li><b>{signed(value)}</b> {word}</li>" for value, word in marks)
    if not shown.in_logits:
        words = say("nothing"), say("half"), say("the strongest place on this film")
        ticks = "".join(f"<li>{word}</li>" for word in words)
    scale = say("Colour scale, dark purple through red to yellow, from none to strong evidence.")
    return f"""<div class="legend"><img src="{png(Image.fromarray(ramp))}" alt="{scale}">
<ul>{ticks}</ul>
<p>{meaning(shown)}</p></div>"""


def meaning(shown: EvidenceMap) -> str:
    """What the colours of a map stand for, and whether films may be compared by them."""
    name, target = METHOD_NAMES[shown.method], target_name(shown.target)
    if shown.in_logits:
        return say(
            "Evidence for {target} in logit units: each place's linear share in the networks' "
            "log-odds. What speaks against it is not drawn. The scale is the same for every film.",
            target=target,
        )
    if shown.method == overlay.EIGEN_CAM:
        subject = say(
            "{method} knows no class: it shows what varies most in the networks' features, "
            "whatever they decide. It has no unit.",
            method=name,
        )
    else:
        subject = say("{method} for {target} has no unit.", method=name, target=target)
    stretched = say(
        "Each network's map is stretched to its own strongest place, and their mean to this film: "
        "a faint map looks as strong as a clear one. Colours cannot be compared between films or "
        "methods."
    )
    return paragraph(subject, stretched)


def frames_in_words(reading: Reading) -> str:
    """What the dashed frames are, and how much of the film and the lungs lies outside them all."""
    counts = [str(reading.boxes.count(box)) for box in dict.fromkeys(reading.boxes)]
    unseen = ~zones.looked_at(reading.boxes, reading.lungs.mask.shape)
    lost = float((unseen & reading.lungs.mask).sum()) / max(int(reading.lungs.mask.sum()), 1)
    beyond = say("no part")
    if unseen.any():
        beyond = say("{share} of the film", share=share_text(float(unseen.mean())))
    if lost > 0:
        beyond = say("{film} and {lungs} of the lungs", film=beyond, lungs=share_text(lost))
    return say(
        "Dashed: what the networks looked at ({counts} of {all}). A network's evidence ends at its "
        "frame; {beyond} lies outside every frame.",
        counts=reduce(lambda one, other: say("{one} and {other}", one=one, other=other), counts),
        all=len(reading.boxes),
        beyond=beyond,
    )


def _warning(found: Zones | None) -> str:
    if found is None or found.inside >= 0.5:
        return ""
    told = say("Most of it lies outside the lungs: be wary of this map.")
    return f'<p class="alert" role="note">{told}</p>'


def _table(found: Zones) -> str:
    rows = "".join(
        f"<tr><th scope='row'>{say('{level} third', level=spoken(level)).capitalize()}</th>"
        + "".join(_cell(share) for share in shares)
        + "</tr>"
        for level, shares in zip(LEVELS, found.shares, strict=True)
    )
    heads = "".join(
        f"<th scope='col'>{say('{side} lung', side=spoken(side)).capitalize()}</th>"
        for side in SIDES
    )
    return f"""<table class="zones"><caption>{say("Where it lies")}</caption>
<thead><tr><td></td>{heads}</tr></thead><tbody>{rows}</tbody>
<tfoot><tr><th scope="row">{say("Outside the lungs")}</th>
<td colspan="2">{share_text(1 - found.inside)}</td></tr>
<tr><td colspan="3" class="note">{spoken(zones.HUNG)}</td></tr></tfoot></table>"""


def _cell(share: float) -> str:
    return f"<td style='--share:{share:.3f}'>{share_text(share) if share else say('none')}</td>"
