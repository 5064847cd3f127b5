"""What speaks against the ensemble, as exhibits: doubt, shortcuts, and films of another origin."""

from __future__ import annotations

import math

from pneumo.evidence import figures
from pneumo.evidence.exhibits import exhibit, exhibits, missing
from pneumo.evidence.figures import Axis, Line, Row
from pneumo.evidence.holdout import ENSEMBLE
from pneumo.evidence.results import Audit, External, Group, Missing, Results, Share, Uncertainty
from pneumo.evidence.tables import (
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

CLEAN = "clean"
GUESSING = 0.5  # the AUROC of a coin
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
    know, audit, external = results.uncertainty, results.audit, results.external
    titles = ("Does it know when it is wrong?", "Shortcuts", "Films of another origin")
    return exhibits(
        missing(titles[0], know) if isinstance(know, Missing) else risk_coverage(know),
        missing(titles[1], audit) if isinstance(audit, Missing) else shortcuts(audit),
        missing(titles[2], external) if isinstance(external, Missing) else foreign(external),
    )


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
    shares = list(ranked["disagreement"].accuracy_kept_by_share_referred)
    body = [
        [
            figures.line_key(style) + name,
            *(share_cell(m) for m in ranked[key].accuracy_kept_by_share_referred.values()),
        ]
        for key, (style, name) in RANKINGS.items()
    ]
    rule = clean.shipped_rule[found.operating_point]
    return exhibit(
        "Does it know when it is wrong?",
        drawn,
        f"The ensemble, {clean.films} held-out films, {point} point: "
        f"{percentage(clean.wrong.value)} of its verdicts are wrong ({spread(clean.wrong)}). "
        "When the films it is least certain of are referred to a reader, fewer of the rest are.",
        table(
            "Right among the films kept",
            ["referred first", *(f"{float(share):.0%} referred" for share in shares)],
            body,
        ),
        f"The rule in use refers a film when the networks stand on both sides of the threshold "
        f"and disagree by more than {decimal(found.disagreement_limit)} nats: "
        f"{percentage(rule.referred.value)} of the films ({spread(rule.referred)}), of which "
        f"{_share(rule.wrong_among_referred)} would have been wrong.",
    )


def shortcuts(found: Audit) -> str:
    """What tells the classes apart without the lungs, and whether the ensemble heeds it."""
    alone = {name: a.auroc for n in found.nuisances.values() for name, a in n.alone.items()}
    strongest = max(alone, key=lambda name: abs(alone[name].value - GUESSING))
    drawn = figures.rows(
        f"AUROC of {len(alone)} nuisances alone for pneumonia; furthest from guessing is "
        f"{strongest.replace('_', ' ')} at {decimal(alone[strongest].value)}.",
        Axis("AUROC alone (0.5 says nothing)"),
        [Row(name.replace("_", " "), m.value, m.low, m.high) for name, m in alone.items()],
        reference=GUESSING,
    )
    changed = {
        altered.words: altered.models[ENSEMBLE]
        for nuisance in found.nuisances.values()
        for altered in nuisance.altered.values()
    }
    most = max(changed, key=lambda name: changed[name].mean_absolute_change.value)
    points = list(changed[most].flipped)
    numbers = table(
        "The ensemble's answers to altered films",
        [
            "alteration",
            "mean change of the probability",
            *(f"verdicts changed, {POINT_NAMES[point].lower()}" for point in points),
            "AUROC after",
        ],
        [
            [
                escape(name),
                share_cell(effect.mean_absolute_change),
                *(share_cell(effect.flipped[point]) for point in points),
                decimal_cell(effect.auroc_after),
            ]
            for name, effect in changed.items()
        ],
    )
    return exhibit(
        "Shortcuts",
        drawn,
        f"These {sum(found.films.values())} films carry marks that betray their label without a "
        f"look at the lungs. Furthest from 0.5: {words(strongest)} alone reaches "
        f"{with_interval(alone[strongest])}; below 0.5, a smaller value speaks for pneumonia.",
        f"Does the ensemble heed them? Of {len(changed)} alterations, “{escape(most)}” moves its "
        f"probability most, on average by {percentage(changed[most].mean_absolute_change.value)}; "
        f"its AUROC is {decimal(changed[most].auroc_after.value)} then, and "
        f"{with_interval(found.auroc_unaltered[ENSEMBLE])} on the films as they are.",
        _untouched(found),
        folded=numbers,
    )


def foreign(found: External) -> str:
    """What the ensemble is worth on films it was not made for, as plainly as its good numbers."""
    groups = {GROUP_NAMES[name]: group for name, group in found.groups.items() if group.films}
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
        f"It refused {_share(every.refused) if every.refused else UNMEASURED}; the others got a "
        "probability all the same, so look at whose film it is before you look at the number.",
        folded=points,
    )


def _untouched(found: Audit) -> str:
    """Which alterations leave the lungs alone."""
    every = [altered for n in found.nuisances.values() for altered in n.altered.values()]
    touching = [f"“{escape(altered.words)}”" for altered in every if altered.touches_lungs]
    most = f"All but {', '.join(touching)}" if touching else "All of them"
    return f"{most} leave every pixel of the lungs as it was."


def _worth(group: Group) -> str:
    """An AUROC in words that follow from its interval."""
    if group.probability is None:
        return "They hold only one kind of film, so there is nothing to tell apart."
    auroc = group.probability["auroc"]
    if auroc.low > GUESSING:
        return f"AUROC {with_interval(auroc)}."
    verdict = "cannot be told from guessing" if auroc.high >= GUESSING else "is worse than guessing"
    return f"<b>The ensemble is of no use there</b>: AUROC {with_interval(auroc)} {verdict}."


def _share(share: Share) -> str:
    return f"{share.hits} of {share.films}"
