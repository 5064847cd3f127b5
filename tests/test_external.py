"""External films: read like any upload, grouped as labelled, refusals counted."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest

from pneumo.reader import Reader
from tests.conftest import EXAMPLES
from train.external import COLUMNS, GROUPS, Case, Outcome, read_case, read_cases, summary

REFUSED = "not-a-film.png"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Films with a labels.csv, one of them no film at all; two belong to one patient."""
    films = sorted(p for p in EXAMPLES.glob("*.png") if p.name != REFUSED)
    if len(films) < 4 or not (EXAMPLES / REFUSED).exists():
        pytest.skip("examples/ holds no composites yet")
    folder = tmp_path_factory.mktemp("external")
    with (folder / "labels.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, [*COLUMNS, "age"])
        writer.writeheader()
        for i, film in enumerate([*films, EXAMPLES / REFUSED]):
            shutil.copy(film, folder)
            writer.writerow(
                {
                    "path": film.name,
                    "label": "normal" if film.name.startswith("normal") else "pneumonia",
                    "view": "AP" if i % 2 else "PA",
                    "patient": str(max(i, 1)),
                    "strict": int(i < 5),
                    "paediatric": int(i == 0),
                    "age": 50,
                }
            )
    return folder


@pytest.fixture(scope="module")
def outcomes(folder, tiny_reader) -> list[Outcome]:
    return [read_case(tiny_reader, folder, case) for case in read_cases(folder)]


def thresholds(reader: Reader) -> dict[str, float]:
    return {p.name: p.threshold for p in reader.manifest.operating_points}


def test_every_film_goes_through_the_reader_and_a_refusal_is_a_result(
    folder, outcomes, tiny_reader
):
    for outcome in outcomes:
        if outcome.case.path == REFUSED:
            assert outcome.probability is None
            continue
        data = (folder / outcome.case.path).read_bytes()
        for point, decision in outcome.decisions.items():
            reading = tiny_reader.read(data, operating_point=point)
            assert outcome.probability == reading.estimate.probability
            assert decision is reading.decision


def test_counts_and_shares_are_those_counted_by_hand(outcomes, tiny_reader):
    found = summary(outcomes, thresholds(tiny_reader))
    read = [o for o in outcomes if o.probability is not None]
    assert found["films"] == len(outcomes)
    assert found["patients"] == len(outcomes) - 1
    assert found["refused"].hits == len(outcomes) - len(read)
    assert found["refused_normal"].hits == 0
    for name, point in found["operating_points"].items():
        called = {o.case.path for o in read if o.probability >= point["threshold"]}
        sick = {o.case.path for o in read if o.case.sick}
        assert point["sensitivity"].hits == len(called & sick)
        assert point["specificity"].hits == len(read) - len(called | sick)
        assert point["sensitivity"].films + point["specificity"].films == len(read)
        referred = [o for o in read if o.decisions[name] == "refer"]
        assert point["referred"].hits == len(referred)


def test_groups_follow_the_columns_of_the_label_file(outcomes):
    sizes = {
        name: sum(map(belongs, (o.case for o in outcomes))) for name, belongs in GROUPS.items()
    }
    assert sizes["all"] == len(outcomes) == sizes["view_AP"] + sizes["view_PA"]
    assert sizes["strict"] == 5
    assert sizes["children"] == 1


def test_a_group_without_both_kinds_has_no_auroc_and_an_empty_one_is_counted(outcomes, tiny_reader):
    sick = [o for o in outcomes if o.case.sick]
    found = summary(sick, thresholds(tiny_reader))
    assert found["probability"] is None
    assert found["operating_points"]["balanced"]["specificity"].films == 0
    assert summary([], thresholds(tiny_reader)) == {"films": 0, "pneumonia": 0, "patients": 0}


def test_a_perfect_reader_scores_one_and_films_of_one_patient_stay_together():
    """Forty patients with two equal films each: as uncertain as forty films."""
    random = np.random.default_rng(0)
    probabilities = {str(i): float(random.random()) for i in range(40)}
    cases = [
        Case(f"{p}-{film}.png", probability > 0.5, "PA", p, True, False)
        for p, probability in probabilities.items()
        for film in (1, 2)
    ]
    outcomes = [Outcome(c, probabilities[c.patient], {"point": "refer"}) for c in cases]
    found = summary(outcomes, {"point": 0.7})
    assert found["probability"]["auroc"].value == 1
    sensitivity = found["operating_points"]["point"]["sensitivity"]
    alone = summary(outcomes[::2], {"point": 0.7})["operating_points"]["point"]["sensitivity"]
    assert sensitivity.value == alone.value
    assert sensitivity.low == pytest.approx(alone.low, abs=1e-9)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "is not there"),
        ("path,label\na.png,normal\n", "lacks the columns paediatric, patient, strict, view"),
        (",".join(COLUMNS) + "\na.png,effusion,AP,1,1,0\n", "not effusion"),
    ],
)
def test_a_label_file_of_another_form_is_refused_with_a_sentence(tmp_path, text, told):
    if text is not None:
        (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(SystemExit, match=told):
        read_cases(tmp_path)
