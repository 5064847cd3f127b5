"""One reading as the card beside its film: HTML around the sentences. Pure: no web framework."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumo import pretest, sentences
from pneumo.sentences import PATTERN_NAMES, POINT_NAMES, of_100, percent
from pneumo.view import escape, section, share_text

if TYPE_CHECKING:
    from pneumo.calibration import ConformalLevel
    from pneumo.decision import OperatingPoint
    from pneumo.reader import Reading

UNMOVED = (
    "The pre-test probability moves only this number. The decision, its threshold and its cost "
    "stay: they belong to the raw probability above."
)


def card(reading: Reading, *, stated: float | None = None) -> str:
    """Everything said about one film, top to bottom in the order in which it is needed.

    ``stated`` is the pre-test probability in (0, 1), None where it is that of the training films.
    """
    parts = (
        f"<h2>{sentences.headline(reading)}</h2>",
        _probability(reading),
        _post_test(reading, stated),
        _confidence(reading),
        _cost(reading.operating_point),
        _pattern(reading),
        _warnings(reading),
        _decoded(reading),
    )
    film = reading.film.source.sha256[:16]
    return (
        f'<section class="card {reading.decision.value}" data-reading data-film="{film}"'
        f""" aria-live="polite">{"".join(parts)}</section>"""
    )


def _probability(reading: Reading) -> str:
    estimate, point = reading.estimate, reading.operating_point
    shown, spread = percent(estimate.probability), sentences.spread(reading)
    width = estimate.high - estimate.low
    threshold, name = percent(point.threshold), POINT_NAMES[point.name]
    dots = "".join(f'<circle cx="{100 * p:.1f}%" cy="50%" r="3"/>' for p in estimate.members)
    ends = "".join(f"<span style='left:{p}%'>{p}</span>" for p in (25, 50, 75))
    side = "before" if threshold > 50 else "after"
    return f"""<div class="probability"><p><strong>{shown}<small> %</small></strong>
<span>probability of pneumonia<br><b>{spread}</b></span></p>
<div class="scale"><span class="tick {side}" style="left:{100 * point.threshold:.1f}%">{name}
 {threshold} %</span><svg role="img" aria-label="Mean {shown} %, {spread}; {name} threshold
 {threshold} %.">
<rect class="axis" width="100%" height="100%"/>
<rect class="range" x="{100 * estimate.low:.1f}%" width="{100 * width:.1f}%" height="100%"/>{dots}
{_upright("mean", estimate.probability)}{_upright("threshold", point.threshold)}</svg>
<div class="ends">{ends}</div></div>
<p class="note">{sentences.calibrated_where(reading)}</p></div>"""


def _upright(kind: str, share: float) -> str:
    return f'<line class="{kind}" x1="{100 * share:.1f}%" x2="{100 * share:.1f}%" y2="100%"/>'


def _post_test(reading: Reading, stated: float | None) -> str:
    """The likelihood ratio, and the probability where pneumonia is as common as stated."""
    ratio = pretest.likelihood_ratio(reading)
    odds = (
        f"<p>Likelihood ratio <b>{pretest.ratio_text(ratio.value)}</b>. Held-out films read alike "
        f"{ratio.backing(pretest.ratio_text)}. This reading {pretest.effect(ratio)}.</p>"
    )
    if stated is None:
        usual = percent(reading.training_prevalence)
        after = percent(reading.estimate.probability)
        told = (
            f"<p>Before it <b>{usual} %</b>, as among the training films; after it {after} %, as "
            "above.</p>"
        )
    else:
        told = _moved(reading, stated)
    return section("Before and after this film", f"{told}{odds}<p class='note'>{UNMOVED}</p>")


def _moved(reading: Reading, stated: float) -> str:
    """The probability at another pre-test probability, beside what held-out films support."""
    after = pretest.post_test(reading, stated=stated)
    told = (
        f"<p class='posttest'><strong>{share_text(after.value)}</strong><span>where "
        f"{of_100(stated)} of 100 such children have pneumonia<br>held-out films read alike "
        f"<b>{after.backing(share_text)}</b></span></p>"
    )
    if pretest.mostly_without(reading, after):
        told += f"<p>{sentences.MOSTLY_WITHOUT}</p>"
    return told


def _confidence(reading: Reading) -> str:
    rests = sentences.confidence_rests_on(reading)
    body = f"<p>{sentences.confidence(reading)}</p><p class='note'>{rests}</p>"
    return section("Confidence", body)


def _cost(point: OperatingPoint) -> str:
    rests = escape(sentences.cost_rests_on(point))
    body = f"<p>{sentences.cost(point)}</p><p class='note'>{rests}</p>"
    return section("Cost of this operating point", body)


def _pattern(reading: Reading) -> str:
    rows = "".join(
        f"<tr><th scope='row'>{name}</th>"
        f"<td><i style='width:{100 * share:.0f}%'></i></td><td>{percent(share)} %</td></tr>"
        for name, share in sentences.pattern(reading)
    )
    sets = "".join(f"<p>{conformal_set(reading, level)}</p>" for level in reading.conformal)
    caveat = f"<p class='note'>{sentences.PATTERN_CAVEAT}</p>"
    return section("Pattern", f"<table>{rows}</table>{sets}{caveat}")


def conformal_set(reading: Reading, level: ConformalLevel) -> str:
    """Which classes cannot be ruled out at a level, and how often such sets held the truth."""
    names = [PATTERN_NAMES[name].lower() for name in reading.classes]
    kept = [names[i] for i in level.classes(reading.estimate.pattern)]
    told = f"At {percent(level.promised)} %: <b>{_either(kept)}</b>"
    if len(kept) == len(names):
        told += ", so nothing is ruled out"
    elif max(reading.estimate.pattern) < level.threshold:
        told += ", though no pattern reaches this level"
    least, name = min((c.value, n) for c, n in zip(level.coverage_by_class, names, strict=True))
    return (
        f"{told}. <span class='note'>Sets made this way held the truth for "
        f"{of_100(level.coverage.value)} of 100 held-out films; of {name} films, for "
        f"{of_100(least)}.</span>"
    )


def _either(names: list[str]) -> str:
    return " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _warnings(reading: Reading) -> str:
    if not reading.cautions:
        return section("Warnings", "<p class='note'>None.</p>")
    items = "".join(f"<li>{escape(caution)}</li>" for caution in reading.cautions)
    return section("Warnings", f"<ul class='cautions'>{items}</ul>")


def _decoded(reading: Reading) -> str:
    facts = (
        *sentences.decoded(reading),
        f"file {reading.film.source.sha256[:12]}",
        f"read in {reading.seconds:.1f} s",
    )
    return section("Decoded", f"<p class='note'>{' · '.join(map(escape, facts))}</p>")
