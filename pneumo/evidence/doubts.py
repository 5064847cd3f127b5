"""What speaks against the ensemble, as exhibits: doubt, shortcuts, and films of another origin."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from typing import TypeVar

from pneumo.evidence import figures
from pneumo.evidence.curves import Measured
from pneumo.evidence.exhibits import exhibit, exhibits, missing
from pneumo.evidence.figures import Axis, Line
from pneumo.evidence.results import (
    External,
    Group,
    Missing,
    Results,
    Share,
    Uncertainty,
)
from pneumo.evidence.shortcuts import GUESSING, shortcuts
from pneumo.evidence.tables import (
    PERCENT,
    UNMEASURED,
    decimal,
    decimal_cell,
    percentage,
    share_cell,
    spread,
    table,
    with_interval,
    words,
)
from pneumo.view import POINT_NAMES, escape

log = logging.getLogger(__name__)
T = TypeVar("T")

CLEAN = "clean"
RANKINGS = {  # how films are ranked before they are referred: a line of its own, and words
    "disagreement": ("solid", "by how far the networks disagree"),
    "distance_to_threshold": ("dashed", "by the distance to the threshold"),
    "random": ("dotted", "at random"),
    "perfect": ("thin", "by a perfect ranking, which nobody has"),
}
GROUP_NAMES = {
    "all": "all",
    "strict": "labels confirmed by radiologists",
    "view_AP": "AP view",
    "view_PA": "PA view",
    "children": "below 18 years",
}


def doubts(results: Results) -> str:
    """Every exhibit about the ensemble that does not depend on a choice."""
    return exhibits(
        _shown("Does it know when it is wrong?", results.uncertainty, risk_coverage),
        _shown("Shortcuts", results.audit, shortcuts),
        _shown("Films of another origin", results.external, foreign),
    )


def _shown(title: str, found: T | Missing, draw: Callable[[T], str]) -> str:
    """One exhibit; a file that lacks what belongs in it must not keep the page from starting."""
    if isinstance(found, Missing):
        return missing(title, found)
    try:
        return draw(found)
    except (KeyError, ValueError) as error:
        log.warning("%s cannot be shown: %r", title, error)
        lacking = Missing("what was measured lacks a group, a ranking or an operating point.")
        return missing(title, lacking)


def risk_coverage(found: Uncertainty) -> str:
    """How wrong the verdicts are that are kept when the least certain films are referred."""
    clean, point = found.conditions[CLEAN], words(found.operating_point)
    ranked = {name: clean.referring_by[name] for name in RANKINGS}
    lines = [
        Line([(at.coverage, 100 * at.risk) for at in ranking.curve], RANKINGS[name][0])
        for name, ranking in ranked.items()
    ]
    worst = max(at.risk for ranking in ranked.values() for at in ranking.curve)
    top = math.floor(100 * worst) + 1.0
    drawn = figures.plot(
        "Share of wrong verdicts among the films kept, against the share kept, for "
        f"{len(lines)} ways of ranking. The table beside it has the numbers.",
        Axis("share of films kept"),
        Axis("wrong among them, %", high=top, ticks=(0.0, top / 2, top)),
        lines=lines,
    )
    by_disagreement = ranked["disagreement"].accuracy_kept_by_share_referred
    shares = sorted(by_disagreement, key=float)
    if not shares:
        raise ValueError("no share of the films was referred")
    body = [
        [
            figures.line_key(style) + name,
            *(share_cell(ranked[key].accuracy_kept_by_share_referred[s]) for s in shares),
        ]
        for key, (style, name) in RANKINGS.items()
    ]
    rule = clean.shipped_rule[found.operating_point]
    return exhibit(
        "Does it know when it is wrong?",
        drawn,
        f"The ensemble, {clean.films} held-out films, {point} point: "
        f"{percentage(clean.wrong.value)} of its verdicts are wrong ({spread(clean.wrong)}). When "
        f"the {_whole(shares[0])} on which its networks disagree most are referred to a reader, "
        f"{_wrong(by_disagreement[shares[0]])} of the rest are.",
        table(
            "Right among the films kept",
            ["referred first", *(f"{_whole(share)} referred" for share in shares)],
            body,
        ),
        f"The rule in use refers a film when the networks stand on both sides of the threshold "
        f"and disagree by more than {decimal(found.disagreement_limit)} nats: "
        f"{percentage(rule.referred.value)} of the films ({spread(rule.referred)}), of which "
        f"{_share(rule.wrong_among_referred)} would have been wrong.",
    )


def foreign(found: External) -> str:
    """What the ensemble is worth on films it was not made for, as plainly as its good numbers."""
    groups = {
        GROUP_NAMES.get(name, words(name)): group
        for name, group in found.groups.items()
        if group.films
    }
    every = found.groups["all"]
    numbers = table(
        "The ensemble by group",
        ["films", "number", "with pneumonia", "refused", "AUROC"],
        [
            [
                name,
                str(group.films),
                str(group.pneumonia),
                _share(group.refused) if group.refused else UNMEASURED,
                decimal_cell(group.probability["auroc"]) if group.probability else UNMEASURED,
            ]
            for name, group in groups.items()
        ],
    )
    points = table(
        "All of them at the operating points",
        ["operating point", "flagged of those with pneumonia", "passed of those without"],
        [
            [POINT_NAMES[name], share_cell(at.sensitivity), share_cell(at.specificity)]
            for name, at in (every.operating_points or {}).items()
        ],
    )
    return exhibit(
        "Films of another origin",
        numbers,
        f"{every.films} frontal films: {escape(found.population)}. {_worth(every)}",
        f"The gate refused {_share(every.refused) if every.refused else UNMEASURED}; the others "
        "got a probability all the same, so look at whose film it is before you look at the "
        "number.",
        folded=points,
    )


def _worth(group: Group) -> str:
    """An AUROC in words that follow from its interval."""
    if group.probability is None:
        return "They hold only one kind of film, so there is nothing to tell apart."
    auroc = group.probability["auroc"]
    if auroc.low > GUESSING:
        return f"AUROC {with_interval(auroc)}."
    verdict = "cannot be told from guessing" if auroc.high >= GUESSING else "is worse than guessing"
    return f"<b>The ensemble is of no use there</b>: AUROC {with_interval(auroc)} {verdict}."


def _whole(share: str) -> str:
    """A share that is the key of a table, as a whole percentage."""
    return f"{100 * float(share):.0f}{PERCENT}"


def _wrong(kept: Measured) -> str:
    """The share of wrong verdicts where so many are right."""
    wrong = Measured(1 - kept.value, 1 - kept.high, 1 - kept.low)
    return f"{percentage(wrong.value)} ({spread(wrong)})"


def _share(share: Share) -> str:
    return f"{share.hits} of {share.films}"
