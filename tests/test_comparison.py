"""Every row's opinion beside the ensemble's reading."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import assert_untouched

from pneumo.comparison import Comparison
from pneumo.decision import Decision
from pneumo.reader import Reader


@pytest.fixture(scope="module")
def comparison(tiny_reader: Reader) -> Comparison:
    return Comparison(tiny_reader)


def test_a_row_that_is_a_member_answers_with_that_member_and_is_not_loaded_twice(
    tiny_reader: Reader, comparison: Comparison, film_bytes: bytes
) -> None:
    reading = tiny_reader.read(film_bytes)
    known, alone = comparison.ask(reading)
    assert comparison.rows[0][1] is tiny_reader.members[0]
    assert known.estimate.probability == pytest.approx(reading.estimate.members[0], abs=1e-9)
    assert alone.estimate.probability != pytest.approx(known.estimate.probability, abs=1e-9)


def test_members_evidence_averages_to_the_readings(
    tiny_reader: Reader, comparison: Comparison, film_bytes: bytes
) -> None:
    reading = tiny_reader.read(film_bytes)
    known = next(comparison.ask(reading))
    # Two members are averaged: neither map can exceed twice their mean.
    assert known.evidence.shape == reading.evidence.shape == (224, 224)
    assert (known.evidence <= 2 * reading.evidence + 1e-5).all()


def test_each_row_is_judged_by_its_own_threshold(
    tiny_reader: Reader, comparison: Comparison, film_bytes: bytes
) -> None:
    reading = tiny_reader.read(film_bytes)
    for name, threshold in {"screening": 0.1, "balanced": 0.4, "rule_in": 0.8}.items():
        for opinion in comparison.ask(reading, operating_point=name):
            assert opinion.operating_point.threshold == threshold
            above = opinion.estimate.probability >= threshold
            assert opinion.decision is (Decision.SUSPECTED if above else Decision.NOT_SUSPECTED)
    with pytest.raises(KeyError):
        next(comparison.ask(reading, operating_point="nobody's"))


def test_asking_leaves_no_trace_and_answers_alike_twice(
    tiny_reader: Reader, comparison: Comparison, film_bytes: bytes
) -> None:
    reading = tiny_reader.read(film_bytes)
    first, second = list(comparison.ask(reading)), list(comparison.ask(reading))
    for a, b in zip(first, second, strict=True):
        assert a.estimate == b.estimate
        np.testing.assert_array_equal(a.evidence, b.evidence)
    for _, network in comparison.rows:
        assert_untouched(network)
