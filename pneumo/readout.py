"""One reading as the card beside its film: HTML around the sentences. Pure: no web framework."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumo import pretest, sentences
from pneumo.language import say, spoken
from pneumo.sentences import class_in_words, of_100, percent, point_in_words
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
    threshold, name = percent(point.threshold), point_in_words(point.name)
    dots = "".join(f'<circle cx="{100 * p:.1f}%" cy="50%" r="3"/>' for p in estimate.members)
    ends = "".join(f"<span style='left:{p}%'>{p}</span>" for p in (25, 50, 75))
    side = "before" if threshold > 50 else "after"
    words = say(
        "Mean {mean} %, {spread}; {point} threshold {threshold} %.",
        mean=shown,
        spread=spread,
        point=name,
        threshold=threshold,
    )
    return f"""<div class="probability"><p><strong>{shown}<small> %</small></strong>
<span>{say("probability of pneumonia")}<br><b>{spread}</b></span></p>
<div class="scale"><span class="tick {side}" style="left:{100 * point.threshold:.1f}%">{name}
 {threshold} %</span><svg role="img" aria-label="{words}">
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
    odds = say(
        "Likelihood ratio <b>{ratio}</b>. Held-out films read alike {backing}. This reading "
        "{effect}.",
        ratio=pretest.ratio_text(ratio.value),
        backing=ratio.backing(pretest.ratio_text),
        effect=pretest.effect(ratio),
    )
    if stated is None:
        told = say(
            "Before it <b>{before} %</b>, as among the training films; after it {after} %, as "
            "above.",
            before=percent(reading.training_prevalence),
            after=percent(reading.estimate.probability),
        )
        told = f"<p>{told}</p>"
    else:
        told = _moved(reading, stated)
    note = f"<p class='note'>{spoken(UNMOVED)}</p>"
    return section(say("Before and after this film"), f"{told}<p>{odds}</p>{note}")


def _moved(reading: Reading, stated: float) -> str:
    """The probability at another pre-test probability, beside what held-out films support."""
    after = pretest.post_test(reading, stated=stated)
    where = say("where {stated} of 100 such children have pneumonia", stated=of_100(stated))
    alike = say("held-out films read alike <b>{backing}</b>", backing=after.backing(share_text))
    told = (
        f"<p class='posttest'><strong>{share_text(after.value)}</strong><span>{where}<br>"
        f"{alike}</span></p>"
    )
    if pretest.mostly_without(reading, after):
        told += f"<p>{spoken(sentences.MOSTLY_WITHOUT)}</p>"
    return told


def _confidence(reading: Reading) -> str:
    rests = sentences.confidence_rests_on(reading)
    body = f"<p>{sentences.confidence(reading)}</p><p class='note'>{rests}</p>"
    return section(say("Confidence"), body)


def _cost(point: OperatingPoint) -> str:
    rests = escape(sentences.cost_rests_on(point))
    body = f"<p>{sentences.cost(point)}</p><p class='note'>{rests}</p>"
    return section(say("Cost of this operating point"), body)


def _pattern(reading: Reading) -> str:
    rows = "".join(
        f"<tr><th scope='row'>{name}</th>"
        f"<td><i style='width:{100 * share:.0f}%'></i></td><td>{percent(share)} %</td></tr>"
        for name, share in sentences.pattern(reading)
    )
    sets = "".join(f"<p>{conformal_set(reading, level)}</p>" for level in reading.conformal)
    caveat = f"<p class='note'>{spoken(sentences.PATTERN_CAVEAT)}</p>"
    return section(say("Pattern"), f"<table>{rows}</table>{sets}{caveat}")


def conformal_set(reading: Reading, level: ConformalLevel) -> str:
    """Which classes cannot be ruled out at a level, and how often such sets held the truth."""
    names = [class_in_words(name).lower() for name in reading.classes]
    kept = [names[i] for i in level.classes(reading.estimate.pattern)]
    given = {"level": percent(level.promised), "classes": _either(kept)}
    if len(kept) == len(names):
        told = say("At {level} %: <b>{classes}</b>, so nothing is ruled out.", **given)
    elif max(reading.estimate.pattern) < level.threshold:
        told = say("At {level} %: <b>{classes}</b>, though no pattern reaches this level.", **given)
    else:
        told = say("At {level} %: <b>{classes}</b>.", **given)
    least, name = min((c.value, n) for c, n in zip(level.coverage_by_class, names, strict=True))
    held = say(
        "Sets made this way held the truth for {held} of 100 held-out films; of {name} films, for "
        "{least}.",
        held=of_100(level.coverage.value),
        name=name,
        least=of_100(least),
    )
    return f"{told} <span class='note'>{held}</span>"


def _either(names: list[str]) -> str:
    if len(names) < 2:
        return "".join(names)
    return say("{some} or {last}", some=", ".join(names[:-1]), last=names[-1])


def _warnings(reading: Reading) -> str:
    if not reading.cautions:
        return section(say("Warnings"), f"<p class='note'>{say('None.')}</p>")
    items = "".join(f"<li>{escape(spoken(caution))}</li>" for caution in reading.cautions)
    return section(say("Warnings"), f"<ul class='cautions'>{items}</ul>")


def _decoded(reading: Reading) -> str:
    facts = (
        *sentences.decoded(reading),
        say("file {start}", start=reading.film.source.sha256[:12]),
        say("read in {seconds} s", seconds=f"{reading.seconds:.1f}"),
    )
    return section(say("Decoded"), f"<p class='note'>{' · '.join(map(escape, facts))}</p>")
