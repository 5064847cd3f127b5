"""The generated part of train/README.md: every row, every experiment, and what they taught."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

from train.holdout import ENSEMBLE
from train.pages import tables
from train.pages.drawing import measured
from train.systems import SYSTEMS

Result = Mapping[str, Any]  # parsed JSON
HELD_OUT = "test"
POINT = "balanced"
SHOWN_PX = 400
REPORTED = {  # what such systems reported of themselves, in few letters
    "auroc": "AUROC",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "f1": "F1",
    "three_class_accuracy": "three-class accuracy",
    "three_class_macro_f1": "three-class macro-F1",
}


def page(rows: Result | None, experiments: Result | None, holdout: Result, audit: Result) -> str:
    """Markdown, as far as results are there."""
    parts = []
    if rows:
        parts += ["## The rows", *of_rows(rows, holdout)]
    if experiments:
        parts += ["## The experiments", *of_experiments(experiments)]
    if rows and experiments:
        parts += ["## Findings", *findings(rows, experiments, holdout, audit)]
    return "\n\n".join(parts)


def of_rows(rows: Result, holdout: Result) -> list[str]:
    """What each row is and costs, what it is worth, and what its dropout knows."""
    models = holdout["roles"][HELD_OUT]["models"]
    return [
        "One network each, trained on role `fit` by the commands above, calibrated and judged by "
        "itself; the app's Compare tab asks them all. Minutes are of one or two cores, as said; "
        f"milliseconds are one film's forward pass on {rows['threads']} threads. The map of "
        "evidence is taken at the last feature map, whose grid is given.",
        tables.table(
            ["row", "what it is", "parameters", "MB", "px", "epochs", "minutes", "ms",
             "Grad-CAM grid", "temperature, bias"],
            [_price(name, row) for name, row in rows["rows"].items()],
        ),
        "Each by itself, with `--data DIR`; what to expect is the AUROC on `select`, re-weighted "
        "for aspect:",
        tables.table(
            ["row", "command", "expect"],
            [_again(name, row["trained"]) for name, row in rows["rows"].items()],
        ),
        f"On {sum(holdout['roles'][HELD_OUT]['films'].values())} held-out films, beside what "
        "such systems reported of themselves on the official test folder, with splits, "
        "checkpoints and thresholds chosen each in their way: the two sides were measured on "
        "different films and cannot be subtracted.",
        tables.table(
            ["row", "AUROC", "AUROC, aspect uninformative", f"sensitivity, {POINT}",
             f"specificity, {POINT}", "three-class accuracy", "such systems reported"],
            [_worth(name, models[name]) for name in [ENSEMBLE, *rows["rows"]]],
        ),
        "**Monte Carlo dropout.** Networks that drop units before the head are asked "
        f"{_passes(rows)} times with units dropped; their draws' disagreement (mutual information) "
        f"is held against their wrong verdicts at the {POINT} point.",
        tables.table(
            ["row", "AUROC of the mean", "ECE of the mean", "mean spread of draws",
             "wrong verdicts", "AUROC of disagreement for wrong verdicts"],
            [_draws(name, row) for name, row in rows["rows"].items() if row["monte_carlo_dropout"]],
        ),
    ]  # fmt: skip


def _price(name: str, row: Result) -> list[str]:
    trained, grid = row["trained"], row["grad_cam"]
    calibration = row["calibration"]
    unknown = "not kept"
    cores = f" on {trained['threads']} core{'s' * (trained['threads'] > 1)}" if trained else ""
    return [
        f"`{name}`",
        row["title"],
        f"{row['parameters'] / 1e6:.2f} M",
        f"{row['megabytes']:.1f}",
        str(row["size_px"]),
        str(trained["epochs"]) if trained else unknown,
        f"{trained['minutes']:.0f}{cores}" if trained else unknown,
        f"{row['milliseconds']:.1f}",
        " x ".join(str(n) for n in (grid["channels"], *grid["grid"])),
        f"{calibration['temperature']:.2f}, {calibration['bias']:+.2f}",
    ]


def _again(name: str, trained: Result | None) -> list[str]:
    if trained is None:
        return [f"`{name}`", "in the chain above; its record was not kept", "see the hold-out"]
    return [f"`{name}`", f"`{trained['command']}`", f"{trained['auroc_reweighted_on_select']:.3f}"]


def _worth(name: str, model: Result) -> list[str]:
    at = model["operating_points"][POINT]["metrics"]
    return [
        f"**{name}**" if name == ENSEMBLE else f"`{name}`",
        measured(model["pneumonia"]["auroc"]),
        measured(model["pneumonia"]["auroc_reweighted_for_aspect"]),
        measured(at["sensitivity"]),
        measured(at["specificity"]),
        measured(model["three_class"]["metrics"]["accuracy"]),
        reported(name),
    ]


def reported(name: str) -> str:
    """What such systems reported, in words; that nobody did, where nobody did."""
    known = SYSTEMS[name].reported if name in SYSTEMS else {}
    return ", ".join(f"{REPORTED[k]} {v:.3f}" for k, v in known.items()) or "nothing comparable"


def _draws(name: str, row: Result) -> list[str]:
    found = row["monte_carlo_dropout"]
    wrong = found["auroc_of_disagreement_for_wrong"]
    return [
        f"`{name}`",
        measured(found["auroc"]),
        measured(found["ece"]),
        f"{found['spread_mean']:.3f}",
        str(found["wrong"]),
        measured(wrong) if wrong else "no wrong verdict",
    ]


def _passes(rows: Result) -> int:
    return next(
        row["monte_carlo_dropout"]["passes"]
        for row in rows["rows"].values()
        if row["monte_carlo_dropout"]
    )


def of_experiments(experiments: Result) -> list[str]:
    """Every question, every variant, and the sentence to act on."""
    trained = [answer for answer in experiments["answers"] if "variants" in answer]
    chosen = [answer for answer in experiments["answers"] if "rules" in answer]
    runs = experiments["runs"]
    return [
        f"{len(runs)} networks, {experiments['minutes']:.0f} minutes together on one core: "
        f"{base(experiments)}, each variant differing in one thing and trained from at least two "
        "seeds. AUROC on role `select`, re-weighted so that aspect ratio says nothing, mean over "
        "seeds with a 95 % bootstrap interval over patients; differences are to the first line of "
        "each question, on the same resamples. At this size an answer holds for this size; what "
        "is said to be clear has an interval without zero and seeds that agree.",
        tables.table(
            ["question", "variant", "AUROC", "by seed", "difference", "minutes a run"],
            [line for answer in trained for line in _variants(answer)],
        ),
        "\n".join(f"- **{a['asks']}** {a['sentence']}" for a in [*trained, *chosen]),
        *(_rules(answer) for answer in chosen),
    ]


def base(experiments: Result) -> str:
    """The base recipe in words."""
    recipe = experiments["base"]
    ((size, epochs),) = recipe["stages"]
    return (
        f"a {recipe['architecture']} from ImageNet, {epochs} epochs at {size} pixels on "
        f"{recipe['share']:.0%} of the films"
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
        _picture("rows", "Every row's AUROC on the hold-out with its interval, against its number "
                 "of parameters on a logarithmic scale; the ensemble as a band."),
        _picture("experiments", "For every experiment's variant, the difference in AUROC to the "
                 "first line of its question with a 95 % interval; the numbers are in the table."),
        "### What remains unknown\n\n"
        "Whether any of this holds in another hospital: all films come from one, of children of "
        "one to five years, and the ensemble is worthless on adults. Whether a difference found "
        "at the experiments' size holds at the members' size. Whether the frame's shortcut is gone "
        "or only smaller: every question above is asked re-weighted for aspect ratio, but a "
        "shortcut that nobody thought of is in every number. Whether bacterial and viral can be "
        "told apart at all: the labels are of the laboratory's, and readers disagree on them.",
    ]  # fmt: skip


def transfer(answer: Result | None, models: Result) -> list[str]:
    """From ImageNet against from random weights: the experiment, and the pair of rows."""
    parts = ["### What transfer buys"]
    if answer:
        start, scratch = answer["variants"]
        parts.append(
            f"Small and short, {scratch['name']} reaches {measured(scratch['auroc'])} where "
            f"{start['name']} reaches {measured(start['auroc'])}: {signed(scratch['difference'])}."
        )
    pair = ("resnet18_cbam", "resnet18_cbam_scratch")
    if all(name in models for name in pair):
        warm, cold = (models[name]["pneumonia"]["auroc_reweighted_for_aspect"] for name in pair)
        parts.append(
            f"Trained to the end, the same network (`{pair[0]}`) reaches {measured(warm)} from "
            f"ImageNet and {measured(cold)} from random weights (`{pair[1]}`) on the hold-out, "
            "re-weighted: with enough epochs most of the gap closes."
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


def _picture(name: str, words: str) -> str:
    source = f"results/figures/{name}.svg"
    return f'<img src="{source}" width="{SHOWN_PX}" alt="{html.escape(words)}">'
