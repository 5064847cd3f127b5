"""The generated part of train/README.md: every row, every experiment, and what they taught."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from train.holdout import ENSEMBLE
from train.pages import tables
from train.pages.drawing import measured
from train.pages.figures import HELD_OUT
from train.pages.rows import of_rows
from train.pages.sections import picture
from train.questions import QUESTIONS, SMALL

Result = Mapping[str, Any]  # parsed JSON
RESULTS = "results"  # as seen from train/README.md
FIGURES = {
    "rows": "Every row's AUROC on the hold-out with its interval, re-weighted for aspect, in the "
    "order of their parameters; the ensemble as a band behind them.",
    "experiments": "For every experiment's variant, the difference in AUROC to the first line of "
    "its question with a 95 % interval; the numbers are in the table.",
}


def page(
    rows: Result | None,
    experiments: Result | None,
    speeds: Sequence[Result],
    holdout: Result,
    audit: Result,
) -> str:
    """Markdown, as far as results are there."""
    parts = []
    if rows:
        parts += ["## The rows", *of_rows(rows, holdout)]
    if experiments:
        parts += ["## The experiments", *of_experiments(experiments)]
    if rows and experiments:
        parts += ["## Findings", *findings(rows, experiments, holdout, audit)]
    if speeds:
        parts += ["## Speed", *(of_speed(each) for each in speeds)]
    return "\n\n".join(parts)


def of_speed(speed: Result) -> str:
    """Films a second on one machine, beside a plain loop."""
    lines = [
        [
            f"`{name}`",
            f"{n['films_per_s']:.0f}",
            f"{n['plain_films_per_s']:.0f}",
            f"{n['ratio']:.1f}",
        ]
        for name, n in speed["rows"].items()
    ]
    kind = "bfloat16" if speed["bfloat16"] else "float32"
    return (
        f"Films a second at {speed['size_px']} pixels in batches of {speed['batch']}, measured by "
        f"`python -m train.speed` on {speed['machine']}: `train.fit` in {kind} against a Dataset "
        "of files with torchvision's transforms, a DataLoader with a worker for each core, and "
        "float32; both take turns.\n\n"
        + tables.table(["architecture", "train.fit", "plain loop", "times as many"], lines)
    )


def of_experiments(experiments: Result) -> list[str]:
    """Every question, every variant, and the sentence to act on."""
    trained = [answer for answer in experiments["answers"] if "variants" in answer]
    chosen = [answer for answer in experiments["answers"] if "rules" in answer]
    runs, ((px, epochs),) = experiments["runs"], SMALL["stages"]
    return [
        f"{len(runs)} networks, {experiments['minutes']:.0f} minutes together on one core: "
        f"{base(experiments)}, each variant differing in one thing and trained from at least two "
        f"seeds. Questions about {small_questions()} begin with a {SMALL['architecture']} from "
        f"random weights instead, {epochs} epochs at {px} pixels: do not hold their numbers "
        "against the others'. AUROC on role `select`, re-weighted so that aspect ratio says "
        "nothing, mean over seeds with a 95 % bootstrap interval over patients; differences are to "
        "the first line of each question, on the same resamples. At this size an answer holds for "
        "this size; what is said to be clear has an interval without zero and seeds that agree.",
        tables.table(
            ["question", "variant", "AUROC", "by seed", "difference", "minutes a run"],
            [line for answer in trained for line in _variants(answer)],
        ),
        "\n".join(f"- **{a['asks']}** {a['sentence']}" for a in [*trained, *chosen]),
        *_unanswered({answer["name"] for answer in trained}),
        *(_rules(answer) for answer in chosen),
    ]


def _unanswered(answered: Collection[str]) -> list[str]:
    """Which questions wait for their runs."""
    waiting = [question.name for question in QUESTIONS if question.name not in answered]
    return [f"Not answered yet, for want of runs: {', '.join(waiting)}."] if waiting else []


def small_questions() -> str:
    """The questions that another base answers than the first."""
    names = [q.name for q in QUESTIONS if SMALL in q.variants.values()]
    return f"{', '.join(names[:-1])} and {names[-1]}"


def base(experiments: Result) -> str:
    """The base recipe in words."""
    recipe = experiments["base"]
    ((size, epochs),) = recipe["stages"]
    return (
        f"a {recipe['architecture']} from ImageNet, {epochs} epochs at {size} pixels on "
        f"{100 * recipe['share']:.0f} % of the films"
    )


def _variants(answer: Result) -> list[list[str]]:
    return [
        [
            f"**{answer['name']}**" if i == 0 else "",
            variant["name"],
            measured(variant["auroc"]),
            seeds(variant["by_seed"]),
            signed(variant["difference"]) if variant["difference"] else "held against",
            f"{variant['minutes']:.1f}",
        ]
        for i, variant in enumerate(answer["variants"])
    ]


def seeds(values: Sequence[float]) -> str:
    """Two seeds as they are, more as their range."""
    if len(values) <= 2:
        return ", ".join(f"{value:.3f}" for value in values)
    return f"{min(values):.3f} to {max(values):.3f} ({len(values)})"


def signed(difference: Result) -> str:
    return "{value:+.3f} ({low:+.3f} to {high:+.3f})".format(**difference)


def _rules(answer: Result) -> str:
    rows = [
        [
            rule["rule"],
            seeds(rule["threshold"]),
            *(measured(rule[k]) for k in ("sensitivity", "specificity", "balanced_accuracy")),
        ]
        for rule in answer["rules"]
    ]
    head = ["threshold, chosen on `calibrate`", "by seed", "sensitivity", "specificity"]
    return tables.table([*head, "balanced accuracy"], rows)


def findings(rows: Result, experiments: Result, holdout: Result, audit: Result) -> list[str]:
    """What transfer, the frame and the ensemble are worth, and what nobody knows yet."""
    answers = {answer["name"]: answer for answer in experiments["answers"]}
    models = holdout["roles"][HELD_OUT]["models"]
    return [
        *transfer(answers.get("transfer"), models),
        *shortcut(answers.get("geometry"), audit),
        *ensemble(answers.get("ensembling"), models, list(rows["rows"])),
        *(picture(f"{name}.svg", words, results=RESULTS) for name, words in FIGURES.items()),
        "### What remains unknown\n\n"
        "Whether any of this holds in another hospital: all films come from one, of children of "
        "one to five years, and the ensemble is worthless on adults. Whether a difference found "
        "at the experiments' size holds at the members' size. Whether the frame's shortcut is gone "
        "or only smaller: every question above is asked re-weighted for aspect ratio, but a "
        "shortcut that nobody thought of is in every number. Whether bacterial and viral can be "
        "told apart at all: the labels are of the laboratory's, and readers disagree on them.",
    ]


def transfer(answer: Result | None, models: Result) -> list[str]:
    """From ImageNet against from random weights: the experiment, and the pair of rows."""
    parts = ["### What transfer buys"]
    if answer:
        start, *others = answer["variants"]
        reached = "; ".join(
            f"{each['name']} {measured(each['auroc'])}, {signed(each['difference'])}"
            for each in others
        )
        parts.append(
            f"Small and short, {start['name']} reaches {measured(start['auroc'])}; {reached}."
        )
    pair = ("resnet18_cbam", "resnet18_cbam_scratch")
    if all(name in models for name in pair):
        warm, cold = (models[name]["pneumonia"]["auroc_reweighted_for_aspect"] for name in pair)
        parts.append(
            f"Trained to the end, the same network (`{pair[0]}`) reaches {measured(warm)} from "
            f"ImageNet and {measured(cold)} from random weights (`{pair[1]}`) on the hold-out, "
            "re-weighted: with enough epochs the intervals meet."
            if cold["high"] >= warm["low"]
            else f"Trained to the end, `{pair[0]}` still leads: {measured(warm)} against "
            f"{measured(cold)} for `{pair[1]}` on the hold-out, re-weighted."
        )
    return parts


def shortcut(answer: Result | None, audit: Result) -> list[str]:
    """What the frame alone says, and who listens."""
    alone = audit["nuisances"]["aspect"]["alone"]["width_over_height"]["auroc"]
    painted = audit["nuisances"]["borders"]["altered"]["collimated"]
    crop, box = (painted["models"][name] for name in ("centre_crop", "lung_box"))
    films = crop["flipped"]["screening"]["films"]
    parts = [
        "### What the shortcut does",
        f"Width over height alone separates the classes with AUROC {measured(alone)} on the "
        f"hold-out. Black paint over the margins ({painted['words']}), which changes no lung, "
        f"moves members that see a centre crop by {crop['mean_absolute_change']['value']:.3f} on "
        f"average ({crop['flipped']['screening']['hits']} of {films} screening verdicts flip), "
        f"members that see only the lungs by {box['mean_absolute_change']['value']:.3f} "
        f"({box['flipped']['screening']['hits']}).",
    ]
    if answer:
        parts.append(f"The experiment says: {answer['sentence']}")
    return parts


def ensemble(answer: Result | None, models: Result, rows: Sequence[str]) -> list[str]:
    """Members together against one, and the ensemble against the best row."""
    measure = "auroc_reweighted_for_aspect"
    best = max(rows, key=lambda name: models[name]["pneumonia"][measure]["value"])
    whole, alone = (models[name]["pneumonia"] for name in (ENSEMBLE, best))
    parts = [
        "### What the ensemble buys",
        f"On the hold-out the best row is `{best}` with {measured(alone[measure])}, re-weighted, "
        f"and ECE {measured(alone['ece'])}; the ensemble has {measured(whole[measure])} and "
        f"{measured(whole['ece'])}. What it adds is not the rank on films as found but what "
        "happens when margins change (README), and members that can disagree.",
    ]
    if answer:
        parts.append(f"The experiment says: {answer['sentence']}")
    return parts
