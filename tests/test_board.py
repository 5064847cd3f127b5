"""The Compare tab's words and pictures, from real opinions of the tiny rows."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from pneumo import board, report
from pneumo.comparison import Comparison, Opinion
from pneumo.decision import Decision
from pneumo.reader import Reader, Reading


@pytest.fixture(scope="module")
def reading(tiny_reader: Reader, film_bytes: bytes) -> Reading:
    return tiny_reader.read(film_bytes)


@pytest.fixture(scope="module")
def opinions(tiny_reader: Reader, reading: Reading) -> list[Opinion]:
    """Two answers that are told apart by eye."""
    low, high = Comparison(tiny_reader).ask(reading)
    estimates = [replace(o.estimate, probability=p) for o, p in ((low, 0.07), (high, 0.93))]
    decisions = (Decision.NOT_SUSPECTED, Decision.SUSPECTED)
    return [
        replace(o, estimate=e, decision=d)
        for o, e, d in zip((low, high), estimates, decisions, strict=True)
    ]


def keys(html: str) -> list[str]:
    return re.findall(r'data-key="([^"]+)"', html)


def test_the_ensemble_stands_first_and_the_most_suspicious_network_next(
    reading: Reading, opinions: list[Opinion]
) -> None:
    html = board.board(reading, opinions)
    assert keys(html) == ["ensemble", opinions[1].name, opinions[0].name]
    assert html.index("<b>93 %</b>") < html.index("<b>7 %</b>")


def test_who_says_what_stands_in_one_sentence(reading: Reading, opinions: list[Opinion]) -> None:
    said = board.summary(board.lines(reading, opinions))
    assert said == (
        "Of 2 single networks 1 suspects pneumonia, each at its own threshold; their "
        "probabilities run from 7 to 93 %."
    )
    assert "all suspect" in board.summary(board.lines(reading, [opinions[1]] * 2))
    assert "none suspects" in board.summary(board.lines(reading, [opinions[0]] * 2))


def test_one_single_network_is_spoken_of_as_one(reading: Reading, opinions: list[Opinion]) -> None:
    healthy, ill = (board.lines(reading, [opinion]) for opinion in opinions)
    assert board.summary(ill, waiting=1) == (
        "One single network suspects pneumonia, at its own threshold; it says 93 %. 1 more is "
        "being asked."
    )
    assert board.summary(healthy, waiting=2) == (
        "One single network does not suspect pneumonia, at its own threshold; it says 7 %. 2 more "
        "are being asked."
    )


def test_at_rule_in_no_network_reassures(reading: Reading, opinions: list[Opinion]) -> None:
    def at(point: str, each: Opinion) -> Opinion:
        return replace(each, operating_point=replace(each.operating_point, name=point))

    point = replace(reading.operating_point, name="rule_in")
    silent = replace(reading, operating_point=point, decision=Decision.NOT_SUSPECTED)
    quiet = at("rule_in", opinions[0])
    html = board.board(silent, [quiet, replace(quiet, name="another")])
    assert html.count("Pneumonia not ruled in") == 3
    assert "ot suspected" not in html
    assert "none rules in pneumonia" in html
    assert "does not rule in pneumonia" in board.board(silent, [quiet])
    assert "Pneumonia not suspected" in board.board(reading, [at("balanced", opinions[0])])


def test_models_that_have_not_answered_are_named(reading: Reading, opinions: list[Opinion]) -> None:
    html = board.board(reading, opinions[:1], waiting=["Tiny <slow>"])
    assert "Tiny &lt;slow&gt;: being asked" in html
    assert "1 more is being asked" in html
    assert keys(html) == ["ensemble", opinions[0].name]


def test_every_map_is_drawn_on_the_ensembles_scale(
    reading: Reading, opinions: list[Opinion]
) -> None:
    def drawn(o: Opinion) -> str:
        found = re.search(
            r'class="layer" src="([^"]+)"', board.board(reading, [o]).split("data-key=")[2]
        )
        assert found
        return found[1]

    doubled = replace(opinions[0], evidence=2 * opinions[0].evidence + 0.5)
    assert drawn(opinions[0]) != drawn(doubled)


def test_the_comparison_json_is_the_readings_with_every_row(
    reading: Reading, opinions: list[Opinion]
) -> None:
    answer = report.as_json(reading, file="x.png")
    compared = report.comparison_as_json(answer, opinions)
    assert compared["schema"] == "pneumo.comparison/1"
    assert compared["probability"] == answer["probability"]
    models = compared["models"]
    assert isinstance(models, list)
    assert [m["probability"] for m in models] == [0.07, 0.93]
    assert [m["decision"] for m in models] == ["not_suspected", "suspected"]
