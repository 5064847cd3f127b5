"""What a threshold and a prevalence mean for children: all that two sliders move, as HTML.

Everything follows from the film-by-film scores of the hold-out, so that at an operating point it is
what the results file says there.
"""

from __future__ import annotations

from dataclasses import dataclass

from pneumo.evidence import figures, tradeoff
from pneumo.evidence.curves import Costs, Measured, apportion
from pneumo.evidence.exhibits import exhibit
from pneumo.evidence.holdout import ENSEMBLE, Role
from pneumo.evidence.tables import (
    PERCENT,
    percentage,
    ratio,
    ratio_spread,
    share_cell,
    spread,
    table,
    words,
)
from pneumo.view import POINT_NAMES, of_100

# Children with suspected pneumonia who have it on the film: 19 % in the eight North American
# studies, 37 % in the fifteen others (Shah et al. 2017, JAMA 318:462, doi:10.1001/jama.2017.9039).
CLINIC_PREVALENCE = 0.19
CHILDREN = 100
# Of the sliders, percent: neither ends at nothing or everything, where the measures say nothing.
THRESHOLDS, PREVALENCES, STEP = (0.1, 99.9), (0.5, 95.0), 0.1
ICONS = (  # style and shape of each kind of child, and the words beside it
    ("ill", "circle", "with pneumonia, flagged"),
    ("missed", "diamond", "with pneumonia, missed"),
    ("alarmed", "square", "without, flagged for nothing"),
    ("passed", "dot", "without, passed"),
)
METHOD = (
    "Intervals are 95 %: 1000 bootstrap resamples of patients, since films of one child are not "
    "independent; where nothing is missed or nothing flagged, exact limits over patients (Clopper "
    "and Pearson 1934), and for the likelihood ratios the bounds that follow from both, which are "
    "wider than 95 %. Predictive values follow from the likelihood ratios by Bayes' theorem, the "
    "prevalence taken as known. Sensitivity and specificity are assumed not to change with it, "
    "which milder or rarer disease can belie."
)


@dataclass(frozen=True)
class Choice:
    """What is looked at."""

    model: str  # a key of Role.models
    threshold: float  # on the probability of pneumonia
    prevalence: float  # of pneumonia among the children meant, in (0, 1)
    point: str | None = None  # the operating point that the threshold is, where it is one


def at_point(role: Role, model: str, point: str, prevalence: float) -> Choice:
    """A named operating point with the model's own threshold. Raises KeyError."""
    return Choice(model, role.threshold(model, point), prevalence, point)


def to_percent(share: float) -> float:
    """A share as a slider shows it."""
    return round(100 * share, 1)


def notes(role: Role) -> str:
    """Why the prevalence begins where it does, and how the intervals are made."""
    return (
        f'<p class="note">Why {percentage(CLINIC_PREVALENCE)}? Of the held-out films '
        f"{percentage(role.prevalence)} show pneumonia, because of how they were gathered; no "
        f"clinic is like that. {percentage(CLINIC_PREVALENCE)} is the share among children "
        "suspected of pneumonia in North American studies, 37 % elsewhere (Shah et al., JAMA "
        "2017). Set it to yours. The threshold stays on the probability that the Read tab shows; "
        "the prevalence changes what a verdict is worth.</p><details>"
        f'<summary>How the intervals are made</summary><p class="note">{METHOD}</p></details>'
    )


def panel(role: Role, choice: Choice) -> str:
    """Everything that a threshold and a prevalence decide, for one model."""
    scored = role.scored(choice.model)
    costs = scored.costs(choice.threshold)
    return (
        f'<div class="live">{summary(costs, choice)}<div class="told">'
        f"{measures(costs, choice)}{children(costs, choice)}</div>"
        f"{films(costs, choice)}{tradeoff.roc(role, choice.model, scored, costs)}"
        f"{tradeoff.precision_recall(role, choice.model, scored, costs)}</div>"
    )


def summary(costs: Costs, choice: Choice) -> str:
    """One sentence, read out when it changes."""
    ppv, _ = costs.predictive(choice.prevalence)
    name = f" ({POINT_NAMES[choice.point]})" if choice.point else ""
    return (
        f'<p class="summary" aria-live="polite">Model {words(choice.model)}, flagging from '
        f"{percentage(choice.threshold)}{name}: sensitivity "
        f"<b>{percentage(costs.sensitivity.value)}</b>, specificity "
        f"<b>{percentage(costs.specificity.value)}</b>. Where {percentage(choice.prevalence)} of "
        f"the children have pneumonia, <b>{percentage(ppv.value)}</b> of those flagged do.</p>"
    )


def measures(costs: Costs, choice: Choice) -> str:
    """The six measures, each with its interval."""
    ppv, npv = costs.predictive(choice.prevalence)
    shares = (
        ("Sensitivity", "of those with pneumonia, flagged", costs.sensitivity),
        ("Specificity", "of those without, passed", costs.specificity),
        ("PPV", "of those flagged, with pneumonia", ppv),
        ("NPV", "of those passed, without", npv),
    )
    ratios = (
        ("LR+", "a flag multiplies the odds by", costs.lr_plus),
        ("LR-", "a pass multiplies the odds by", costs.lr_minus),
    )
    body = [[_named(n, means), percentage(m.value), spread(m)] for n, means, m in shares]
    body += [[_named(n, means), ratio(m.value), ratio_spread(m)] for n, means, m in ratios]
    numbers = table("At this threshold and prevalence", ["measure", "value", "95 % interval"], body)
    return f'<section class="exhibit"><h2>What it costs</h2>{numbers}</section>'


def children(costs: Costs, choice: Choice) -> str:
    """A hundred such children as icons, and the same in words and numbers."""
    found = costs.children(choice.prevalence)
    kinds = (found.ill_flagged, found.ill_missed, found.well_flagged, found.well_passed)
    ill, missed, alarmed = (of_100(k.value) for k in (kinds[0], kinds[1], kinds[2]))
    sentence = (
        f"Of {CHILDREN} such children {of_100(choice.prevalence)} have pneumonia: it flags {ill} "
        f"of them and misses {missed}. Of the {of_100(1 - choice.prevalence)} without, it flags "
        f"{alarmed}."
    )
    counts = apportion([k.value for k in kinds], CHILDREN)
    drawn = figures.icons(
        sentence, [(style, shape, n) for (style, shape, _), n in zip(ICONS, counts, strict=True)]
    )
    body = [
        [figures.mark_key(shape, style) + name, _of_100(kind)]
        for (style, shape, name), kind in zip(ICONS, kinds, strict=True)
    ]
    numbers = table(f"Of {CHILDREN} children", ["who are", "number"], body)
    return exhibit(f"Of {CHILDREN} such children", drawn, sentence, numbers)


def films(costs: Costs, choice: Choice) -> str:
    """The confusion matrix: the held-out films themselves, whatever the prevalence."""
    f = costs.films
    ill, well = f.true_positive + f.false_negative, f.true_negative + f.false_positive
    body = [
        ["with pneumonia", str(f.true_positive), str(f.false_negative), str(ill)],
        ["without", str(f.false_positive), str(f.true_negative), str(well)],
    ]
    sentences = [
        f"Of the {ill} held-out films with pneumonia it flags {f.true_positive} and misses "
        f"{f.false_negative}; of the {well} without, it flags {f.false_positive}. The prevalence "
        "changes nothing here.",
    ]
    if choice.model == ENSEMBLE:
        sentences.append(
            "Films that the ensemble would refer, because its networks contradict each other, "
            "count here by their probability alone."
        )
    head = ["film is", "flagged", "passed", "films"]
    return exhibit("The held-out films", table("Confusion matrix", head, body), *sentences)


def _named(name: str, means: str) -> str:
    return f"{name}<small>{means}</small>"


def _of_100(share: Measured) -> str:
    """How many of a hundred children: a percentage without its sign."""
    return share_cell(share).replace(PERCENT, "")
