"""The Evidence and About tabs as words and figures: held against the results they are made from."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import held_out
import pytest
from measured_house import run

from pneumo import about
from pneumo.evidence import doubts, exhibits, panel, tables
from pneumo.evidence.curves import Measured
from pneumo.evidence.holdout import ENSEMBLE, Role
from pneumo.evidence.panel import CLINIC_PREVALENCE, Choice, at_point
from pneumo.evidence.results import Missing, load_results
from pneumo.view import POINT_NAMES
from train.publish import Places

POINTS = list(held_out.THRESHOLDS)
ANSWERS_WITHIN_S = 0.1


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return held_out.write(tmp_path_factory.mktemp("results"))


@pytest.fixture(scope="module")
def role(folder: Path) -> Role:
    return held_out.role_of(folder)


@pytest.fixture(scope="module")
def doubted(folder: Path) -> str:
    return doubts.doubts(load_results(folder, weights=held_out.WEIGHTS))


class Text(HTMLParser):
    """The words of a page, pieces apart by a bar."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.pieces.append(" ".join(data.split()))


def text(html: str) -> str:
    parser = Text()
    parser.feed(html)
    return "|".join(parser.pieces)


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


@pytest.mark.parametrize("model", held_out.MODELS)
@pytest.mark.parametrize("point", POINTS)
def test_at_an_operating_point_the_panel_says_what_the_results_say(
    folder: Path, role: Role, model: str, point: str
) -> None:
    stored = held_out.stored(folder, model)["operating_points"][point]
    said = text(panel.panel(role, at_point(role, model, point, CLINIC_PREVALENCE)))
    for title, name in (("Sensitivity", "sensitivity"), ("Specificity", "specificity")):
        value, low, high = (stored["metrics"][name][key] for key in ("value", "low", "high"))
        if high < 0.9995:
            interval = f"{100 * low:.1f} to {percent(high)}"
            assert re.search(rf"{title}\|[^|]+\|{percent(value)}\|{interval}", said)
    cells = stored["confusion"]
    assert (
        f"with pneumonia|{cells['true_positive']}|{cells['false_negative']}|"
        f"{cells['true_positive'] + cells['false_negative']}|"
        f"without|{cells['false_positive']}|{cells['true_negative']}|" in said
    )
    assert f"({POINT_NAMES[point]})" in said


def test_the_prevalence_moves_the_predictive_values_and_nothing_else(role: Role) -> None:
    def values(prevalence: float) -> dict[str, str]:
        said = text(panel.panel(role, Choice(ENSEMBLE, 0.5, prevalence)))
        names = ("Sensitivity", "Specificity", "PPV", "NPV", "LR+", "LR-")
        return {n: re.search(rf"\|{re.escape(n)}\|[^|]+\|([^|]+)\|", said)[1] for n in names}

    rare, common = values(0.02), values(0.6)
    assert {n for n in rare if rare[n] != common[n]} == {"PPV", "NPV"}


def test_ppv_at_the_hold_outs_own_mix_is_the_stored_precision(folder: Path, role: Role) -> None:
    stored = held_out.stored(folder, "cnn3")["operating_points"]["balanced"]["metrics"]
    said = text(panel.panel(role, at_point(role, "cnn3", "balanced", role.prevalence)))
    assert re.search(rf"PPV\|[^|]+\|{percent(stored['precision']['value'])}\|", said)


@pytest.mark.parametrize("prevalence", [0.005, 0.19, 0.95])
def test_a_hundred_children_are_drawn_and_said(role: Role, prevalence: float) -> None:
    html = panel.panel(role, Choice(ENSEMBLE, 0.5, prevalence))
    drawn = re.search(r'<svg class="icons".*?</svg>', html)[0]
    assert drawn.count("<path") == 100
    assert "children 0 have" not in html
    ill = len(re.findall(r'class="mark \w+ (?:ill|missed)"', drawn))
    assert ill == pytest.approx(100 * prevalence, abs=1)
    assert re.search(r'aria-label="Of 100 such children', drawn)


def test_no_child_is_called_safe_for_certain(role: Role) -> None:
    said = text(panel.panel(role, Choice(ENSEMBLE, 0.001, 0.19)))
    assert "misses fewer than 1" in said
    assert not re.search(r"\b(0\.0|100\.0) %", said)


def test_moving_a_slider_is_answered_at_once(role: Role) -> None:
    panel.panel(role, Choice(ENSEMBLE, 0.5, 0.2))
    started = time.process_time()
    for step in range(5):
        panel.panel(role, Choice(ENSEMBLE, 0.1 + step / 10, 0.2))
    assert (time.process_time() - started) / 5 < ANSWERS_WITHIN_S


def test_every_figure_has_words(role: Role, doubted: str) -> None:
    html = panel.panel(role, Choice(ENSEMBLE, 0.5, 0.2)) + doubted
    html += exhibits.held_out(role, ENSEMBLE, shifted_at="balanced")
    figures = re.findall(r"<svg[^>]*role=\"img\"[^>]*>", html)
    assert len(figures) >= 8
    assert all(re.search(r'aria-label="[^"]{20,}"', figure) for figure in figures)
    hidden = re.findall(r"<svg class=\"key[^>]*>", html)
    assert all("aria-hidden" in key for key in hidden)
    for section in re.findall(r'<section class="exhibit">.*?</section>', html, flags=re.DOTALL):
        assert "<p>" in section or "<table>" in section
    assert not re.search(r"[{}$]|nan\b", html)  # the page's HTML is itself a template


def test_every_operating_point_has_a_mark_of_its_own(role: Role) -> None:
    html = panel.panel(role, at_point(role, "cnn3", "balanced", 0.2))
    shapes = re.findall(
        r'class="mark (\w+) "[^>]*></svg>(?:Screening|Balanced|Assisted|Rule)', html
    )
    assert len(set(shapes)) == len(POINTS)


def test_the_model_looked_at_is_marked_among_all(role: Role) -> None:
    html = exhibits.models(role, "cnn3")
    chosen = re.findall(r"<tr class=chosen aria-current=true><th scope=\"row\">([^<]+)", html)
    assert chosen == ["cnn3"]
    assert all(name in html for name in held_out.MODELS)


def test_the_three_class_table_is_the_stored_one(folder: Path, role: Role) -> None:
    rows = held_out.stored(folder, "cnn3")["three_class"]["confusion"]
    said = text(exhibits.three_class(role, "cnn3"))
    for name, row in zip(("Normal", "Bacterial-type", "Viral-type"), rows, strict=True):
        assert f"{name}|{'|'.join(map(str, row))}|" in said
    mixed, kinds = rows[1][2] + rows[2][1], sum(rows[1][1:] + rows[2][1:])
    assert f"of {kinds} films with pneumonia that were read as either, {mixed} were read" in said


def test_the_hardest_shift_is_named(role: Role) -> None:
    said = text(exhibits.shifts(role, "cnn3", at="balanced"))
    assert "Hardest: noise, accuracy 70.0 %" in said


def test_a_missing_file_leaves_its_sentence_and_no_number() -> None:
    html = exhibits.missing("Shortcuts", Missing("audit.json is not there."))
    assert "audit.json is not there." in html
    assert not re.search(r"\d|<svg|<table", text(html))


def test_foreign_films_are_said_as_they_are(folder: Path, doubted: str) -> None:
    stored = json.loads((folder / "external.json").read_text())["groups"]["all"]
    auroc = stored["probability"]["auroc"]
    of_no_use = "The ensemble is of no use there" in doubted
    assert of_no_use == (auroc["low"] <= 0.5)
    assert f"AUROC {auroc['value']:.3f} ({auroc['low']:.3f} to {auroc['high']:.3f})" in text(
        doubted
    ).replace("|", "")
    assert (
        f"The gate refused {stored['refused']['hits']} of {stored['refused']['films']}" in doubted
    )


def test_the_shortcuts_and_the_referrals_are_the_stored_ones(folder: Path, doubted: str) -> None:
    audit = json.loads((folder / "audit.json").read_text())
    said = text(doubted)
    for nuisance in audit["nuisances"].values():
        for name in nuisance["alone"]:
            assert name.replace("_", " ") in said
        for altered in nuisance["altered"].values():
            after = altered["models"]["ensemble"]["auroc_after"]["value"]
            assert altered["words"] in said
            assert f"{after:.3f}" in said
    clean = json.loads((folder / "uncertainty.json").read_text())["conditions"]["clean"]
    kept = clean["referring_by"]["disagreement"]["accuracy_kept_by_share_referred"]["0.10"]
    assert percent(kept["value"]) in said


def changed(folder: Path, tmp_path: Path, name: str, edit: Callable[[Any], object]) -> str:
    """The exhibits of doubt after one results file was altered."""
    shutil.copytree(folder, tmp_path / "results")
    path = tmp_path / "results" / f"{name}.json"
    value = json.loads(path.read_text())
    edit(value)
    path.write_text(json.dumps(value))
    return text(doubts.doubts(load_results(path.parent, weights=held_out.WEIGHTS)))


def narrower(audit: Any) -> Any:
    return audit["nuisances"]["aspect"]["altered"]["narrower"]


def test_an_alteration_that_no_film_survived_is_named_and_not_counted(
    folder: Path, tmp_path: Path
) -> None:
    stored = json.loads((folder / "audit.json").read_text())
    every = sum(len(n["altered"]) for n in stored["nuisances"].values())
    said = changed(folder, tmp_path, "audit", lambda v: narrower(v).update(models={}))
    assert f"Of {every - 1} alterations" in said
    assert f"Every film was refused after “{narrower(stored)['words']}”." in said


def refuse_all(audit: Any) -> None:
    for nuisance in audit["nuisances"].values():
        for altered in nuisance["altered"].values():
            altered["models"] = {}


def test_where_every_altered_film_was_refused_nothing_is_said_of_the_ensemble(
    folder: Path, tmp_path: Path
) -> None:
    said = changed(folder, tmp_path, "audit", refuse_all)
    assert "No altered film was read." in said
    assert "The ensemble's answers to altered films" not in said


@pytest.mark.parametrize(
    ("name", "edit"),
    [
        ("audit", lambda v: v["auroc_unaltered"].pop("ensemble")),
        ("audit", lambda v: v.update(nuisances={})),
        ("uncertainty", lambda v: v["conditions"].pop("clean")),
        ("uncertainty", lambda v: v["conditions"]["clean"]["referring_by"].pop("random")),
        ("uncertainty", lambda v: v.update(operating_point="others")),
        ("external", lambda v: v["groups"].pop("all")),
    ],
)
def test_results_that_lack_a_part_leave_a_sentence_and_the_other_exhibits(
    folder: Path, tmp_path: Path, name: str, edit: Callable[[Any], object]
) -> None:
    said = changed(folder, tmp_path, name, edit)
    assert said.count("Nothing is shown here: what was measured lacks") == 1


def test_a_group_without_a_name_of_its_own_is_shown_by_its_key(
    folder: Path, tmp_path: Path
) -> None:
    said = changed(
        folder, tmp_path, "external", lambda v: v["groups"].update(view_L=v["groups"]["all"])
    )
    assert "|view L|" in said


def test_what_referring_is_worth_follows_from_the_numbers(folder: Path, tmp_path: Path) -> None:
    def spoil(value: Any) -> None:
        by = value["conditions"]["clean"]["referring_by"]["disagreement"]
        by["accuracy_kept_by_share_referred"]["0.05"] = {"value": 0.9, "low": 0.85, "high": 0.94}

    said = changed(folder, tmp_path, "uncertainty", spoil).replace(tables.NBSP, " ")
    assert "disagree most are referred to a reader, 10.0 % (6.0 to 15.0 %) of the rest are." in said


@pytest.mark.parametrize(
    ("share", "shown"),
    [(0.98711, "98.7 %"), (0.0, "< 0.1 %"), (1.0, "> 99.9 %"), (float("nan"), tables.UNMEASURED)],
)
def test_a_share_is_never_shown_as_impossible_or_certain(share: float, shown: str) -> None:
    assert tables.percentage(share).replace(tables.NBSP, " ") == shown


def test_a_ratio_without_an_upper_bound_says_so() -> None:
    spread = tables.ratio_spread(Measured(float("inf"), 12.3, float("inf")))
    assert spread == "12.3 to unbounded"


# About


@pytest.fixture
def card(places: Places) -> Path:
    run(places)
    return places.weights / "MODEL_CARD.md"


def test_the_card_is_shown_whole_with_its_tables(card: Path) -> None:
    html = about.page(about.read_card(card, weights="tiny"))
    source = card.read_text()
    for title in re.findall(r"^## (.+)$", source, flags=re.MULTILINE):
        assert f">{title}</h2>" in html
        assert f">{title}</a>" in html
    assert html.count("<table>") == len(re.findall(r"^\|[-|]+\|$", source, flags=re.MULTILINE))
    assert "|---" not in html
    assert "model-index" not in html  # the Hub's metadata are no words for a reader


@pytest.mark.parametrize(
    "section", ["Intended use", "Must not be used", "Protocol", "Limits", "Licences", "Citations"]
)
def test_the_card_answers_what_a_user_must_know(card: Path, section: str) -> None:
    assert section in text(about.page(about.read_card(card, weights="tiny")))


def test_the_card_of_other_weights_is_not_shown(card: Path, tmp_path: Path) -> None:
    other, absent = (
        about.read_card(card, weights="others"),
        about.read_card(tmp_path / "no.md", weights="tiny"),
    )
    assert isinstance(other, Missing)
    assert isinstance(absent, Missing)
    assert "python -m train.publish" in about.page(absent)
    assert "<h2" not in about.page(other)


def test_a_picture_of_the_card_is_named_and_not_fetched() -> None:
    html = about.page("# Card\n\n![ROC of {all} models](https://example.org/roc.png)\n")
    assert "Figure: ROC of &#123;all" in html
    assert "example.org" not in html


def test_the_card_cannot_bring_scripts(card: Path) -> None:
    html = about.page("text <script>alert(1)</script>")
    assert "<script" not in html
