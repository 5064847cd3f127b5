"""The sections of README's results block: tables, figures, and what to make of them."""

from __future__ import annotations

import html
from collections.abc import Collection
from typing import Any

from train.holdout import ENSEMBLE
from train.pages import tables
from train.pages.captions import captions
from train.pages.captions import gallery as gallery_caption
from train.pages.figures import HELD_OUT

SHOWN_PX = 400  # two figures side by side in README, one below the other on a telephone
FIRST = ("reliability", "roc", "confusion")  # shown at once; the others are folded away


def picture(name: str, words: str, *, results: str = "train/results") -> str:
    """A figure in a page, with what it shows in words; ``results`` as seen from the page."""
    source = f"{results}/figures/{name}"
    return f'<img align="top" src="{source}" width="{SHOWN_PX}" alt="{html.escape(words)}">'


def origin(holdout: dict[str, Any]) -> str:
    """What was measured, when, on what and how."""
    role = holdout["roles"][HELD_OUT]
    command = f"python -m train.evaluate --role {' '.join(holdout['roles'])}"
    films = ", ".join(f"{count} {name}" for name, count in role["films"].items())
    return (
        f"Weights `{holdout['weights']}`, measured {holdout['created']} by `{command}` on "
        f"{sum(role['films'].values())} films ({films}) of {role['patients']} held-out patients of "
        f"the training folder; {role['refused']} more were refused. In brackets: 95 % bootstrap "
        "intervals over patients. *Aspect uninformative*: films re-weighted so that width / height "
        "says nothing about the label. A score above 0.99 on a hold-out of this data set is a "
        "warning and no success: the official test set is shifted, and is scored apart."
    )


def held_out(
    holdout: dict[str, Any], calibration: dict[str, Any], *, shown: Any = None, **besides: Any
) -> str:
    """Everything measured on held-out patients. Ends the program where results do not match."""
    if holdout["weights"] != calibration["weights"]:
        raise SystemExit(
            "holdout.json and calibration.json are of different weights; evaluate again."
        )
    role = holdout["roles"][HELD_OUT]
    pictures = {
        name: picture(f"{name}.svg", words)
        for name, words in captions(holdout, calibration, **besides).items()
    }
    first = [pictures.pop(name) for name in FIRST]
    if shown is not None:
        first.append(picture("gallery.png", gallery_caption(shown)))
    temperatures = ", ".join(
        f"{name} {member['calibration']['temperature']:.2f} ({member['calibration']['bias']:+.2f})"
        for name, member in calibration["members"].items()
    )
    return "\n\n".join(
        [
            origin(holdout),
            tables.models(role["models"]),
            "The ensemble at each operating point (thresholds from role `calibrate`):",
            tables.points(role["models"][ENSEMBLE]["operating_points"]),
            "\n".join(["<p>", *first, "</p>"]),
            "<details>\n<summary>Shifts, shortcuts, referral, precision, temperatures</summary>",
            "The ensemble under synthetic shifts:",
            tables.shifts(role),
            "\n".join(["<p>", *pictures.values(), "</p>"]),
            f"Temperature and bias of the log-odds: {temperatures}.",
            "</details>",
        ]
    )


def chosen(candidates: dict[str, Any], members: Collection[str]) -> str:
    """Why these members: what each run, and they together, lose when the margins change."""
    alone = {each["runs"][0]: each for each in candidates["alone"]}
    together = next((s for s in candidates["sets"] if set(s["runs"]) == set(members)), None)
    if together is None:
        return ""
    found = "as_found"
    top = max(alone.values(), key=lambda each: each["by_condition"][found])
    best, all_of_it = top["by_condition"][found], together["by_condition"][found]
    return "\n\n".join(
        [
            "Why these members, although one of them alone ranks the films of this data set as "
            f"well or better: on `select`, {top['runs'][0]} reaches {best:.3f} on films as found, "
            f"but {top['worst']:.3f} where ill films as they are meet well ones with cut or "
            "blackened margins, or the other way round (*crossed*). The ensemble gives "
            f"{all_of_it:.3f} and {together['worst']:.3f}: the best mean over all conditions of "
            f"the {len(candidates['sets'])} sets that `python -m train.candidates` compared "
            f"({candidates['films']} films, AUROC re-weighted for aspect).",
            tables.candidates([*alone.values(), together]),
        ]
    )


def foreign(external: dict[str, Any]) -> str:
    """What the ensemble is worth on adults: said as plainly as its good numbers."""
    every, strict = external["groups"]["all"], external["groups"]["strict"]
    worth, strictly = (
        "{value:.2f} ({low:.2f}-{high:.2f})".format(**group["probability"]["auroc"])
        for group in (every, strict)
    )
    auroc = every["probability"]["auroc"]
    guessing = auroc["low"] <= 0.5
    return (
        f"On {every['films']} frontal films of another hospital, of whom "
        f"{external['groups']['children']['films']} are below 18 years, the ensemble "
        f"{'does no better than guessing' if guessing else 'ranks'}: AUROC {worth}, or {strictly} "
        f"on the {strict['films']} whose labels radiologists confirmed. The gate "
        f"refused {every['refused']['hits']} of them."
    )
