"""What tells the classes apart without the lungs, and whether the ensemble heeds it."""

from __future__ import annotations

from pneumo.evidence import figures
from pneumo.evidence.exhibits import exhibit
from pneumo.evidence.figures import Axis, Row
from pneumo.evidence.holdout import ENSEMBLE
from pneumo.evidence.results import Audit, Effect
from pneumo.evidence.tables import (
    decimal,
    decimal_cell,
    percentage,
    share_cell,
    table,
    with_interval,
    words,
)
from pneumo.view import POINT_NAMES, escape

GUESSING = 0.5  # the AUROC of a coin


def shortcuts(found: Audit) -> str:
    """The exhibit; raises KeyError or ValueError where the audit lacks what belongs in it."""
    alone = {name: a.auroc for n in found.nuisances.values() for name, a in n.alone.items()}
    strongest = max(alone, key=lambda name: abs(alone[name].value - GUESSING))
    drawn = figures.rows(
        f"AUROC of {len(alone)} nuisances alone for pneumonia; furthest from guessing is "
        f"{strongest.replace('_', ' ')} at {decimal(alone[strongest].value)}.",
        Axis("AUROC alone (0.5 says nothing)"),
        [Row(name.replace("_", " "), m.value, m.low, m.high) for name, m in alone.items()],
        reference=GUESSING,
    )
    telling = [name for name, m in alone.items() if m.low > GUESSING or m.high < GUESSING]
    changed = _effects(found)
    return exhibit(
        "Shortcuts",
        drawn,
        f"Of {len(alone)} marks of a film that are no lungs, {len(telling)} betray the label of "
        f"these {sum(found.films.values())} films: their interval excludes 0.5. Furthest from it: "
        f"{words(strongest)} alone reaches {with_interval(alone[strongest])}; below 0.5, a smaller "
        "value speaks for pneumonia.",
        _heeded(found, changed),
        _untouched(found),
        folded=_effect_table(changed) if changed else "",
    )


def _effects(found: Audit) -> dict[str, Effect]:
    """What each alteration does to the ensemble; none where every altered film was refused."""
    every = (altered for n in found.nuisances.values() for altered in n.altered.values())
    return {a.words: a.models[ENSEMBLE] for a in every if a.models}


def _heeded(found: Audit, changed: dict[str, Effect]) -> str:
    """Whether the ensemble heeds what tells the classes apart without the lungs."""
    ask = "Does the ensemble heed them?"
    refused = [
        f"“{escape(altered.words)}”"
        for nuisance in found.nuisances.values()
        for altered in nuisance.altered.values()
        if not altered.models
    ]
    left_out = f" Every film was refused after {', '.join(refused)}." if refused else ""
    if not changed:
        return f"{ask} No altered film was read.{left_out}"
    most = max(changed, key=lambda name: changed[name].mean_absolute_change.value)
    return (
        f"{ask} Of {len(changed)} alterations, “{escape(most)}” moves its "
        f"probability most, on average by {percentage(changed[most].mean_absolute_change.value)}; "
        f"its AUROC is {decimal(changed[most].auroc_after.value)} then, and "
        f"{with_interval(found.auroc_unaltered[ENSEMBLE])} on the films as they are.{left_out}"
    )


def _effect_table(changed: dict[str, Effect]) -> str:
    points = list(next(iter(changed.values())).flipped)
    return table(
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


def _untouched(found: Audit) -> str:
    """Which alterations leave the lungs alone."""
    every = [altered for n in found.nuisances.values() for altered in n.altered.values()]
    touching = [f"“{escape(altered.words)}”" for altered in every if altered.touches_lungs]
    most = f"All but {', '.join(touching)}" if touching else "All of them"
    return f"{most} leave every pixel of the lungs as it was."
