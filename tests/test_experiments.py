"""The experiments: recipes that differ in one thing, and answers that their runs carry."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from pneumo.networks import ARCHITECTURES, THREE_CLASS
from tests.workshop import Small, write_films
from train import experiments
from train.data import Films
from train.experiments import BASE_SEEDS, EXTRA, asked, key
from train.findings import Jury, Run, answer, answer_all, members, sentence
from train.questions import BASE, QUESTIONS
from train.recipe import Config
from train.selection import aspect_weights

FILMS = 120


@pytest.fixture(scope="module")
def films() -> Films:
    label = torch.arange(FILMS) % 3
    kind = {0: "NORMAL/IM-{}.jpeg", 1: "PNEUMONIA/person{}_bacteria_1.jpeg"}
    return Films(
        [("train/" + kind[min(int(k), 1)]).format(1000 + i) for i, k in enumerate(label)],
        torch.zeros(FILMS, 1, 2, 2, dtype=torch.uint8),
        torch.linspace(0.9, 1.6, FILMS)[torch.randperm(FILMS, generator=torch.manual_seed(0))],
        label,
    )


def run(films: Films, skill: float, seed: int, changes: dict[str, object] | None = None) -> Run:
    """A network that sees pneumonia with so much skill."""
    noise = np.random.default_rng(seed).normal(size=FILMS)
    odds = skill * (films.label.numpy() > 0) + noise
    said = (1 / (1 + np.exp(-odds))).tolist()
    return Run(changes or {}, seed, 100, 60.0, {"select": said, "calibrate": said})


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda q: q.name)
def test_every_variant_is_a_recipe_that_the_trainer_takes(
    question: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, build in EXTRA.items():
        monkeypatch.setitem(ARCHITECTURES, name, build)
    recipes = [Config(**{"name": "x", **BASE, **v}) for v in question.variants.values()]  # type: ignore[attr-defined]
    assert len({dataclasses.replace(r) for r in recipes}) == len(recipes)


def test_no_claim_rests_on_one_seed_and_equal_recipes_are_trained_once() -> None:
    runs = {key(changes, seed) for changes, seed in asked(QUESTIONS)}
    variants = {key(v, 0) for q in QUESTIONS for v in q.variants.values()}
    assert len(runs) == 2 * len(variants) + len(BASE_SEEDS) - 2
    assert key({}, 0) in variants
    assert key({}, 0) != key({}, 1) != key({"batch": 8}, 1)


def test_a_variants_score_and_difference_are_those_of_its_seeds(films: Films) -> None:
    good, poor = [run(films, 3, s) for s in (0, 1)], [run(films, 1, s) for s in (2, 3)]
    jury, weight = Jury(films), aspect_weights(films)
    first, second = jury.variant("good", good, None), jury.variant("poor", poor, good)

    def mean(runs: list[Run]) -> float:
        sick = films.label.numpy() > 0
        each = [roc_auc_score(sick, r.said["select"], sample_weight=weight) for r in runs]
        return float(np.mean(each))

    assert first.auroc.value == pytest.approx(mean(good))
    assert second.difference is not None
    assert second.difference.value == pytest.approx(mean(poor) - mean(good))
    assert second.difference.high < 0
    assert sentence([first, second]).startswith("Keep *good*")
    assert "avoid *poor* (-0." in sentence([first, second])


def test_a_difference_within_chance_is_not_advice(films: Films) -> None:
    jury = Jury(films)
    runs = [[run(films, 2, s) for s in pair] for pair in ((0, 1), (2, 3))]
    first, other = jury.variant("one", runs[0], None), jury.variant("other", runs[1], runs[0])
    assert "*other* cannot be told from *one*" in sentence([first, other])


def test_more_members_are_the_mean_of_every_choice(films: Films) -> None:
    base = [run(films, 1.5, s) for s in range(4)]
    found = members(base, Jury(films))
    sick, weight = films.label.numpy() > 0, aspect_weights(films)
    said = [np.array(r.said["select"]) for r in base]
    pairs = [(a + b) / 2 for a, b in itertools.combinations(said, 2)]
    expected = np.mean([roc_auc_score(sick, p, sample_weight=weight) for p in pairs])
    assert found.variants[1].auroc.value == pytest.approx(expected)
    assert found.variants[-1].auroc.value > found.variants[0].auroc.value


def test_a_question_is_answered_when_all_its_runs_are_done(films: Films) -> None:
    question = QUESTIONS[0]
    runs = {
        key(changes, seed): run(films, 2, 10 * i + seed, dict(changes))
        for i, changes in enumerate(question.variants.values())
        for seed in question.seeds
    }
    assert answer(question, runs, key, Jury(films)) is not None
    answers = answer_all(runs, key, films, films, base_seeds=BASE_SEEDS)
    assert [a.name for a in answers] == [question.name]  # type: ignore[attr-defined]
    runs |= {key({}, seed): run(films, 2, 90 + seed) for seed in BASE_SEEDS}
    answers = answer_all(runs, key, films, films, base_seeds=BASE_SEEDS)
    assert len(answers) == 3
    rules = answers[-1]["rules"]  # type: ignore[index]
    assert rules[0].threshold == [0.5] * len(BASE_SEEDS)
    assert rules[2].sensitivity.value >= 0.98
    runs.popitem()
    assert len(answer_all(runs, key, films, films, base_seeds=BASE_SEEDS)) == 1


@pytest.mark.slow
def test_an_experiment_trains_is_recorded_and_is_not_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_films(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("train.split.SPLIT_CSV", tmp_path / "split.csv")
    monkeypatch.setitem(ARCHITECTURES, "small", Small)
    changes = {"architecture": "small", "stages": ((32, 1),), "batch": 6, "device": "cpu"}
    trained = experiments.train(changes, 1, data=tmp_path, init="none")
    films = experiments.load_role(tmp_path, "select")
    assert len(trained.said["select"]) == len(films)
    assert trained.parameters == sum(p.numel() for p in Small(THREE_CLASS).parameters())
    path = tmp_path / "experiments.json"
    experiments.save(path, {key(changes, 1): trained}, data=tmp_path, init="none")
    (again,) = experiments.load(path, "none").items()
    assert again[0] == key(changes, 1)
    assert again[1].said["select"] == pytest.approx(trained.said["select"], abs=1e-5)
    with pytest.raises(SystemExit, match="begun with another init"):
        experiments.load(path, "imagenet")
