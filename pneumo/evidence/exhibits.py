"""What the hold-out says of one model, in figures with their words: sections of HTML.

All numbers come from the results; what the ensemble fails at stands in ``pneumo.evidence.doubts``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from pneumo.evidence import figures
from pneumo.evidence.curves import wilson
from pneumo.evidence.figures import Axis, Line, Mark, Row
from pneumo.evidence.holdout import ENSEMBLE, Model, Role, Shift
from pneumo.evidence.results import Missing
from pneumo.evidence.tables import (
    decimal,
    decimal_cell,
    percentage,
    share_cell,
    spread,
    table,
    with_interval,
    words,
)
from pneumo.view import PATTERN_NAMES, escape

TENTH = 0.1


def exhibit(title: str, drawn: str, *sentences: str, folded: str = "") -> str:
    """A figure or a table, and the words beside it; ``folded`` is what opens below."""
    said = "".join(f"<p>{sentence}</p>" for sentence in sentences)
    if folded:
        said += f"<details><summary>The numbers</summary>{folded}</details>"
    return (
        f'<section class="exhibit"><h2>{title}</h2><div class="beside">'
        f'<div class="shown">{drawn}</div><div class="said">{said}</div></div></section>'
    )


def exhibits(*each: str) -> str:
    """Exhibits side by side where the page is wide."""
    return f'<div class="exhibits">{"".join(each)}</div>'


def missing(title: str, found: Missing) -> str:
    """What stands in place of an exhibit that cannot be shown."""
    return (
        f'<section class="exhibit absent"><h2>{title}</h2>'
        f"<p>Nothing is shown here: {escape(found.sentence)}</p></section>"
    )


def held_out(role: Role, model: str, *, shifted_at: str) -> str:
    """Every exhibit of one model on the hold-out."""
    return exhibits(
        models(role, model),
        reliability(role, model),
        three_class(role, model),
        shifts(role, model, at=shifted_at),
    )


def models(role: Role, chosen: str) -> str:
    """All models side by side, the one looked at marked."""
    body = [
        [
            words(name),
            decimal_cell(model.pneumonia["auroc"]),
            decimal_cell(model.pneumonia["ece"]),
            share_cell(model.three_class.metrics["accuracy"]),
        ]
        for name, model in _ensemble_first(role)
    ]
    head = ["model", "AUROC", "calibration error", "three classes right"]
    normal, *others = (f"{count} {words(name)}" for name, count in role.films.items())
    return exhibit(
        "Every model",
        table("Each with its 95 % interval", head, body, chosen=words(chosen)),
        f"{sum(role.films.values())} films ({', '.join([normal, *others])}) of {role.patients} "
        f"patients of the training hospital, none of whom anything was fitted on; {role.refused} "
        "more were refused and count nowhere.",
        "AUROC is how often a film with pneumonia gets a higher probability than one without; "
        "0.5 is guessing. Above 0.99 it is a warning, not a success: films of one hospital betray "
        "their label in ways that have nothing to do with lungs.",
        "Intervals are 95 % and draw patients, not films. Expect less anywhere else.",
    )


def reliability(role: Role, name: str) -> str:
    """Probabilities against what was true."""
    model = role.models[name]
    marks, body = [], []
    for b in model.reliability:
        share = wilson(round(b.films * b.share_pneumonia), b.films)
        marks.append(Mark(b.mean_probability, share.value, "circle", share.low, share.high))
        body.append([percentage(b.mean_probability), str(b.films), share_cell(share)])
    drawn = figures.plot(
        f"Reliability of {name}: share of pneumonia against the probability given, in "
        f"{len(marks)} groups of films. The table beside it has the numbers.",
        Axis("mean probability given"),
        Axis("share with pneumonia"),
        lines=[Line([(0, 0), (1, 1)], "dotted")],
        marks=marks,
    )
    numbers = table("Groups of films", ["mean probability", "films", "share with pneumonia"], body)
    return exhibit(
        "Are its probabilities right?",
        drawn,
        "Each mark is a group of films that were given similar probabilities. On the dotted "
        "line, of 100 films given 80 %, 80 have pneumonia; below it, the model is too sure of "
        "pneumonia. Bars are 95 % intervals (Wilson 1927, films taken as independent).",
        f"Expected calibration error {with_interval(model.pneumonia['ece'])}: how far the marks "
        "lie from the line, on average.",
        f"Right where {percentage(role.prevalence)} of the films show pneumonia, as here. Where "
        "fewer do, the probabilities are too high until they are moved to that prevalence.",
        folded=numbers,
    )


def three_class(role: Role, name: str) -> str:
    """Truth against verdict, over the three patterns."""
    found, classes = role.models[name].three_class, list(role.films)
    titles = [PATTERN_NAMES[c] for c in classes]
    body = [
        [title, *map(str, counts), share_cell(found.metrics[f"recall_{c}"])]
        for title, c, counts in zip(titles, classes, found.confusion, strict=True)
    ]
    head = ["film is", *(f"read as {title.lower()}" for title in titles), "recognised"]
    accuracy = found.metrics["accuracy"]
    kinds = [row[1:] for row in found.confusion[1:]]  # films with pneumonia, read as either kind
    mixed = sum(n for i, row in enumerate(kinds) for j, n in enumerate(row) if i != j)
    return exhibit(
        "Three patterns",
        table("Held-out films by what they are and what they were read as", head, body),
        f"{percentage(accuracy.value)} are read as what they are ({spread(accuracy)}); "
        f"macro-F1 {with_interval(found.metrics['macro_f1'])}.",
        "Bacterial-type and viral-type are patterns of this data set. They name no cause and are "
        f"no advice on antibiotics: of {sum(map(sum, kinds))} films with pneumonia that were read "
        f"as either, {mixed} were read as the other.",
    )


def shifts(role: Role, name: str, *, at: str) -> str:
    """The same films, changed as another room would change them."""
    model = role.models[name]
    if model.shifts is None:
        return missing("Under other conditions", Missing(f"{name} was not measured so."))
    under, clean = model.shifts.by_shift, model.operating_points[at].metrics["accuracy"].value
    worst = min(under, key=lambda shift: under[shift].accuracy)
    lowest = min(clean, under[worst].accuracy)
    drawn = figures.rows(
        f"Accuracy of {name} at the {at} point under {len(under)} synthetic shifts, from "
        f"{percentage(under[worst].accuracy)} ({worst}); unchanged {percentage(clean)}.",
        axis_down_to(lowest, "accuracy (dashed: unchanged films)"),
        [Row(shift.replace("_", " "), u.accuracy) for shift, u in under.items()],
        reference=clean,
    )
    numbers = table(
        "Under each shift",
        ["shift", "AUROC", "accuracy", "calibration error", "refused"],
        [_shift_row(shift, u, role.refused_under_shift[shift]) for shift, u in under.items()],
    )
    return exhibit(
        "Under other conditions",
        drawn,
        "The same films, changed by program as another room, device or copy would change them. "
        f"Accuracy is that of the {words(at)} threshold, which stays where it was.",
        f"Hardest: {words(worst)}, accuracy {percentage(under[worst].accuracy)} against "
        f"{percentage(clean)} on the unchanged films.",
        "Such changes are not another hospital: see the films of another origin below.",
        folded=numbers,
    )


def axis_down_to(lowest: float, label: str) -> Axis:
    """An axis of shares that ends at 1 and begins at a tenth below the lowest."""
    low = min(math.floor(lowest / TENTH) * TENTH, 1 - 2 * TENTH)
    return Axis(label, low=low, ticks=(round(low, 1), round((1 + low) / 2, 2), 1.0))


def _ensemble_first(role: Role) -> list[tuple[str, Model]]:
    return sorted(role.models.items(), key=lambda item: item[0] != ENSEMBLE)


def _shift_row(name: str, shift: Shift, refused: int) -> Sequence[str]:
    numbers = decimal(shift.auroc), percentage(shift.accuracy), decimal(shift.ece)
    return [words(name), *numbers, str(refused)]
