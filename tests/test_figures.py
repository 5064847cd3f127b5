"""The figures: they say what the results say, and are the same every time."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from typing import Any

import matplotlib
import numpy as np
import pytest
from conftest import ROOT
from matplotlib.figure import Figure
from matplotlib.text import Text
from sklearn import metrics as reference

from train import report
from train.metrics import Bootstrap
from train.pages import captions, curves, drawing, figures, stress
from train.publish import Places
from train.scores import Scores

RESULTS = ROOT / "train" / "results"


@pytest.fixture
def role(measured: Places) -> Any:
    """Invented results, made by the functions that make real ones."""
    return json.loads((measured.results / "holdout.json").read_text())["roles"]["test"]


@pytest.fixture
def styled() -> Iterator[None]:
    with drawing.style():
        yield


def doubts(name: str) -> Any:
    return json.loads((RESULTS / f"{name}.json").read_text())


def said_in(figure: Figure) -> str:
    return "\n".join(text.get_text() for text in figure.findobj(Text))


@pytest.mark.slow
def test_the_committed_figures_are_those_of_the_committed_results() -> None:
    fresh = report.figures()
    assert fresh
    for path, content in fresh.items():
        assert path.exists(), "run make report"
        assert path.read_bytes() == content, f"{path.name} is stale; run make report"
    assert set((RESULTS / "figures").glob("*.svg")) == set(fresh)


def test_the_same_results_give_the_same_bytes_whatever_the_machine_prefers(role: Any) -> None:
    before = drawing.svg(lambda: figures.roc(role), title="roc")
    with matplotlib.rc_context({"font.size": 23, "lines.linewidth": 9, "svg.fonttype": "none"}):
        assert drawing.svg(lambda: figures.roc(role), title="roc") == before


def test_another_result_gives_another_figure(role: Any) -> None:
    before = drawing.svg(lambda: figures.confusion(role), title="confusion")
    other = copy.deepcopy(role)
    other["models"]["ensemble"]["three_class"]["confusion"][0][0] += 1
    assert drawing.svg(lambda: figures.confusion(other), title="confusion") != before


def test_a_figure_needs_no_font_and_names_no_date_and_no_program(role: Any) -> None:
    text = drawing.svg(lambda: figures.reliability(role), title="reliability").decode()
    assert "<title>reliability</title>" in text
    assert "<text" not in text
    for word in ("<dc:date>", "<dc:creator>", "matplotlib.org", "20\\d\\d-\\d\\d"):
        assert not re.search(word, text)


def test_a_figure_brings_its_own_background_and_fits_a_telephone(role: Any) -> None:
    text = drawing.svg(lambda: figures.confusion(role), title="confusion").decode()
    assert 'id="patch_1"' in text
    assert re.search(r"fill: (#ffffff|white)", text.partition('id="patch_1"')[2][:400])
    points = re.search(r'width="([\d.]+)pt"', text)
    assert points
    assert float(points[1]) * 96 / 72 < 430  # CSS pixels; a telephone shows 358


def test_the_roc_is_that_of_scikit_learn(role: Any) -> None:
    scores = Scores.from_json(role["scores"])
    score = np.round(scores.probability("ensemble"), 1)  # many ties
    found = curves.roc(scores.sick, score, scores.bootstrap())
    x, y, _ = reference.roc_curve(scores.sick, score, drop_intermediate=False)
    np.testing.assert_allclose(found.x, x)
    np.testing.assert_allclose(found.y, y)
    area = reference.roc_auc_score(scores.sick, score)
    assert np.trapezoid(found.y, found.x) == pytest.approx(area)


def test_the_steps_of_precision_add_up_to_the_average_precision(role: Any) -> None:
    scores = Scores.from_json(role["scores"])
    score = np.round(scores.probability("ensemble"), 1)
    found = curves.precision_recall(scores.sick, score, scores.bootstrap())
    area = (np.diff(found.x, prepend=0) * found.y).sum()
    assert area == pytest.approx(reference.average_precision_score(scores.sick, score))


def test_the_bands_are_those_of_patients_drawn_by_hand(role: Any) -> None:
    scores = Scores.from_json(role["scores"])
    sick, score = scores.sick, scores.probability("ensemble")
    bootstrap = Bootstrap(scores.patients, resamples=25)
    hits, rights = [], []
    for weights in bootstrap.weights:
        drawn = np.repeat(np.arange(len(sick)), weights.astype(int))  # each film so many times
        alarm, hit, _ = reference.roc_curve(sick[drawn], score[drawn], drop_intermediate=False)
        right, found, _ = reference.precision_recall_curve(sick[drawn], score[drawn])
        hits.append([hit[alarm <= x + 1e-12].max() for x in curves.GRID])
        # From the highest threshold on, which stands last but one; the last point is made up.
        right, found = right[-2::-1], found[-2::-1]
        rights.append([right[found >= max(x, 1e-9) - 1e-12][0] for x in curves.GRID])
    for made, drawn_by_hand in (
        (curves.roc(sick, score, bootstrap), hits),
        (curves.precision_recall(sick, score, bootstrap), rights),
    ):
        low, high = np.quantile(drawn_by_hand, curves.BAND, axis=0)
        np.testing.assert_allclose(made.low, low, atol=1e-9)
        np.testing.assert_allclose(made.high, high, atol=1e-9)


def test_every_operating_point_lies_on_the_curve(role: Any) -> None:
    scores = Scores.from_json(role["scores"])
    found = curves.roc(scores.sick, scores.probability("ensemble"), scores.bootstrap())
    on_curve = set(zip(found.x.round(5), found.y.round(5), strict=True))
    for point in role["models"]["ensemble"]["operating_points"].values():
        rates = (point["metrics"][k]["value"] for k in ("specificity", "sensitivity"))
        specificity, sensitivity = rates
        assert (round(1 - specificity, 5), round(sensitivity, 5)) in on_curve


@pytest.mark.usefixtures("styled")
def test_the_figures_say_the_numbers_of_the_results(role: Any) -> None:
    model = role["models"]["ensemble"]
    shown = said_in(figures.roc(role))
    assert f"AUROC {model['pneumonia']['auroc']['value']:.3f} (" in shown
    point = model["operating_points"]["screening"]["metrics"]
    assert f"specificity {point['specificity']['value']:.3f}" in shown
    assert f"ECE {model['pneumonia']['ece']['value']:.3f} (" in said_in(figures.reliability(role))
    cells = said_in(figures.confusion(role)).splitlines()
    for row in model["three_class"]["confusion"]:
        for films in row:
            assert str(films) in cells
            assert f"{films / sum(row):.0%}".replace("%", " %") in cells


@pytest.mark.usefixtures("styled")
@pytest.mark.parametrize("count", [2, 6, 9])
def test_any_number_of_members_is_told_apart(role: Any, count: int) -> None:
    known = role["models"]["tiny-0"]
    members = [f"member-{i}" for i in range(count)]
    role["models"] |= dict.fromkeys(members, known)
    role["models"]["single"] = {k: v for k, v in known.items() if k != "shifts"}
    (axes,) = stress.shifts(role, members, "balanced").axes
    looks = [(line.get_marker(), line.get_color()) for line in axes.lines]
    assert [line.get_label() for line in axes.lines] == [*members, "ensemble"]
    assert len(set(looks)) == count + 1


@pytest.mark.usefixtures("styled")
def test_the_accuracy_drawn_under_a_shift_is_the_one_measured(role: Any) -> None:
    (axes,) = stress.shifts(role, ["tiny-0", "tiny-1"], "balanced").axes
    rows = [label.get_text() for label in axes.get_yticklabels()]
    (line,) = (line for line in axes.lines if line.get_label() == "tiny-1")
    x, y = line.get_xdata(), line.get_ydata()
    found = role["models"]["tiny-1"]["shifts"]["by_shift"]["gamma_up"]["accuracy"]
    assert x[list(y).index(rows.index("gamma up"))] == pytest.approx(found)


@pytest.mark.usefixtures("styled")
def test_the_audit_is_drawn_for_every_alteration_and_every_geometry() -> None:
    audit = doubts("audit")
    (axes,) = stress.shortcuts(audit).axes
    rows = [label.get_text() for label in axes.get_yticklabels()]
    assert len(rows) == sum(len(found["altered"]) for found in audit["nuisances"].values())
    dots = [x for line in axes.lines if len(line.get_xdata()) == 1 for x in line.get_xdata()]
    assert len(dots) == len(rows) * len(audit["auroc_unaltered"])
    worst = audit["nuisances"]["borders"]["altered"]["collimated"]["models"]
    for effect in worst.values():
        assert effect["mean_absolute_change"]["value"] in dots


@pytest.mark.usefixtures("styled")
def test_the_shipped_rule_is_drawn_where_it_was_measured() -> None:
    uncertainty = doubts("uncertainty")
    (axes,) = stress.risk_coverage(uncertainty).axes
    (rule,) = (line for line in axes.lines if line.get_label() == "the shipped rule")
    found = uncertainty["conditions"]["clean"]["shipped_rule"][uncertainty["operating_point"]]
    assert rule.get_xdata()[0] == pytest.approx(1 - found["referred"]["value"])
    assert rule.get_ydata()[0] == pytest.approx(found["wrong_among_kept"]["value"])


def numbers_in(value: Any) -> set[str]:
    """Every number of some results, to three decimals."""
    if isinstance(value, dict | list):
        parts = value.values() if isinstance(value, dict) else value
        return set().union(*map(numbers_in, parts)) if parts else set()
    return {f"{value:.3f}"} if isinstance(value, int | float) else set()


def test_every_figure_has_words_and_their_numbers_are_the_results(measured: Places) -> None:
    holdout, calibration = (
        json.loads((measured.results / f"{n}.json").read_text()) for n in ("holdout", "calibration")
    )
    besides = {"uncertainty": doubts("uncertainty"), "audit": doubts("audit")}
    words = captions.captions(holdout, calibration, **besides)
    assert words.keys() == figures.drawings(holdout, calibration, **besides).keys()
    assert words.keys() > figures.drawings(holdout, calibration).keys()
    scores = Scores.from_json(holdout["roles"]["test"].pop("scores"))
    known = numbers_in([holdout, *besides.values()]) | {f"{scores.sick.mean():.3f}"}
    known.add(f"{1 - besides['uncertainty']['conditions']['clean']['wrong']['value']:.3f}")
    median = re.search(r"the median is ([\d.]+)", words["shortcuts"])
    assert median
    shown = set(re.findall(r"\d\.\d{3}", " ".join(words.values()))) - {median[1]}
    assert len(shown) > 20
    assert not shown - known
