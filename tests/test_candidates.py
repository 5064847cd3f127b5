"""Choosing members: the score that a shortcut cannot buy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from tests.conftest import TinyNetwork
from train.candidates import ALTERED, AS_FOUND, SHIFTED, Odds, score, sets
from train.ensemble import Contender

SICK = np.arange(200) % 2 == 1
FLAT = np.ones(200)


def says(*, fooled: float = 0.0, seed: int = 0) -> dict[str, np.ndarray]:
    """A network with some skill that takes every alteration for so much illness."""
    noise = np.random.default_rng(seed).normal(size=200)
    odds = 3 * SICK + noise
    return {
        name: odds + (fooled if name in ALTERED else 0) for name in (AS_FOUND, *SHIFTED, *ALTERED)
    }


def said(**networks: dict[str, np.ndarray]) -> Odds:
    return {
        name: {run: each[name] for run, each in networks.items()}
        for name in (AS_FOUND, *SHIFTED, *ALTERED)
    }


def test_a_network_that_takes_an_alteration_for_illness_loses_only_where_classes_cross() -> None:
    both = said(steady=says(), fooled=says(fooled=4))
    steady, fooled = (score([name], both, SICK, FLAT) for name in ("steady", "fooled"))
    for name in ALTERED:
        assert fooled.by_condition[name] == pytest.approx(steady.by_condition[name])
        assert steady.by_condition[f"{name}_crossed"] == pytest.approx(steady.by_condition[name])
        assert fooled.by_condition[f"{name}_crossed"] < 0.5
    assert fooled.worst < steady.worst
    assert fooled.mean < steady.mean


def test_a_set_averages_log_odds_in_units_of_each_runs_spread() -> None:
    loud = {name: 10 * odds for name, odds in says(seed=1).items()}
    both = said(quiet=says(seed=0), loud=loud)
    found = score(["quiet", "loud"], both, SICK, FLAT).by_condition[AS_FOUND]
    quiet, shouted = says(seed=0)[AS_FOUND], says(seed=1)[AS_FOUND]
    expected = roc_auc_score(SICK, quiet / quiet.std() + shouted / shouted.std())
    assert found == pytest.approx(expected)


def test_sets_take_as_many_of_each_of_two_architectures() -> None:
    torch.manual_seed(0)
    network = TinyNetwork(("normal", "bacterial", "viral"))
    runs = [
        Contender(f"{kind}{i}", kind, "centre_crop", 96, network)
        for kind in "abc"
        for i in range(3)
    ]
    found = sets(runs, 2)
    assert len(found) == len(set(found)) == 3 * 3 * 3
    assert all(len({name[0] for name in each}) == 2 and len(each) == 4 for each in found)
