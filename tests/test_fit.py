"""The trainer, on invented pictures in the layout of the real films."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor

from pneumo.networks import ARCHITECTURES
from tests.workshop import Small, write_films
from train import fit as trainer
from train import journal
from train.processes import Place
from train.recipe import Config

pytestmark = pytest.mark.slow

Run = Callable[..., Path]


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with invented films, their split, and room for checkpoints."""
    folder = tmp_path_factory.mktemp("fit")
    write_films(folder)
    return folder


@pytest.fixture
def run(workshop: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Train by name and by changes to a small recipe; returns the run's folder."""
    monkeypatch.chdir(workshop)
    monkeypatch.setattr("train.split.SPLIT_CSV", workshop / "split.csv")
    monkeypatch.setitem(ARCHITECTURES, "small", Small)
    monkeypatch.setattr("train.journal.draw_curve", lambda *_: None)  # slower than the training

    def train(name: str, **changes: Any) -> Path:
        recipe = {"architecture": "small", "stages": ((32, 2), (40, 2)), "batch": 6}
        recipe |= {"device": "cpu", "tensorboard": False, "peak_rate": 1e-2, **changes}
        trainer.main(Config(name, workshop, **recipe))
        return Path("checkpoints") / name

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # networks this small only wait for more
    yield train
    torch.set_num_threads(threads)


def history(folder: Path) -> list[dict[str, float]]:
    """The epochs of a run, without the times that they took."""
    epochs = json.loads((folder / "history.json").read_text())
    return [{k: v for k, v in epoch.items() if k != "seconds"} for epoch in epochs]


def tensors(folder: Path) -> dict[str, Tensor]:
    """Every tensor that a run would resume from, by its place."""

    def walk(value: Any, place: str) -> Iterator[tuple[str, Tensor]]:
        if isinstance(value, Tensor):
            yield place, value
        elif isinstance(value, (dict, list, tuple)):
            pairs = value.items() if isinstance(value, dict) else enumerate(value)
            for key, item in pairs:
                yield from walk(item, f"{place}/{key}")

    return dict(walk(torch.load(folder / "last.pt", weights_only=True), ""))


def assert_same_run(one: Path, other: Path) -> None:
    """Weights, weight average, optimizer, chance and scores agree bit for bit."""
    assert history(one) == history(other)
    first, second = tensors(one), tensors(other)
    assert first.keys() == second.keys()
    assert not [name for name in first if not torch.equal(first[name], second[name])]
    assert (one / "best.safetensors").read_bytes() == (other / "best.safetensors").read_bytes()


def interrupt(monkeypatch: pytest.MonkeyPatch, *, epoch: int) -> None:
    """Kill the next run between the last step of an epoch, counted from 0, and its checkpoint."""
    examine, seen = trainer.examine, []

    def killed(*arguments: Any) -> dict[str, float]:
        seen.append(1)
        if len(seen) > epoch:
            raise KeyboardInterrupt
        return examine(*arguments)

    monkeypatch.setattr(trainer, "examine", killed)


@pytest.mark.parametrize(
    ("schedule", "epoch"), [("one_cycle", 1), ("one_cycle", 3), ("cosine", 2), ("plateau", 3)]
)
def test_an_interrupted_run_ends_in_the_very_tensors_of_an_uninterrupted_one(
    run: Run, monkeypatch: pytest.MonkeyPatch, schedule: str, epoch: int
) -> None:
    recipe = {"schedule": schedule, "plateau": 0, "head_epochs": 1}
    whole = run(f"whole-{schedule}-{epoch}", **recipe)
    with monkeypatch.context() as patch:
        interrupt(patch, epoch=epoch)
        with pytest.raises(KeyboardInterrupt):
            run(f"halved-{schedule}-{epoch}", **recipe)
    halved = Path("checkpoints") / f"halved-{schedule}-{epoch}"
    assert len(history(halved)) == epoch
    assert_same_run(whole, run(f"halved-{schedule}-{epoch}", **recipe))


def test_a_recipe_gives_the_same_weights_whether_or_not_its_boxes_were_cached(run: Run) -> None:
    first = run("first")
    for cached in Path("cache").iterdir():
        cached.unlink()
    assert_same_run(first, run("again"))
    assert history(run("other", seed=1)) != history(first)


def test_a_run_is_not_continued_with_another_recipe(run: Run) -> None:
    run("mine", stages=((32, 1),))
    with pytest.raises(SystemExit, match="another peak_rate"):
        run("mine", stages=((32, 1),), peak_rate=0.1)


def test_a_run_records_what_its_weights_depend_on(run: Run) -> None:
    config = json.loads((run("told", stages=((32, 1),), seed=7) / "config.json").read_text())
    assert config["seed"] == 7
    assert config["made_with"]["torch"] == torch.__version__
    assert config["made_with"]["processes"] == 1


def test_frozen_parts_keep_their_weights_and_their_batch_statistics(run: Run) -> None:
    folder = run("frozen", stages=((32, 1),), frozen=("stem", "deep"), frozen_epochs=1)
    torch.manual_seed(0)
    begun = Small(("normal", "bacterial", "viral")).state_dict()
    ended = torch.load(folder / "last.pt", weights_only=True)["states"][0]
    moved = {name for name in begun if not torch.equal(begun[name], ended[name])}
    assert moved == {"head.weight", "head.bias"}


def test_training_stops_when_select_has_not_improved_for_so_many_epochs(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    nll = iter([0.1, 0.9, 0.8, 0.85, 0.81, 0.7])  # the first one at another size
    score = trainer.score
    monkeypatch.setattr(trainer, "score", lambda *a: {**score(*a), "nll": next(nll)})
    recipe = {"stages": ((32, 1), (40, 9)), "patience": 2}
    folder = run("patient", **recipe)
    assert [h["nll"] for h in history(folder)] == [0.1, 0.9, 0.8, 0.85, 0.81]
    assert len(history(run("patient", **recipe))) == 5  # nor does it go on when started again


def test_what_is_shipped_is_the_average_of_the_best_epoch(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    nll = iter([0.1, 0.2, 0.5, 0.6])
    score = trainer.score
    monkeypatch.setattr(trainer, "score", lambda *a: {**score(*a), "nll": next(nll)})
    with monkeypatch.context() as patch:
        interrupt(patch, epoch=3)
        with pytest.raises(KeyboardInterrupt):
            run("best")
    saved = torch.load("checkpoints/best/last.pt", weights_only=True)["states"][1]
    shipped = load_file(run("best") / "best.safetensors")
    assert len(history(Path("checkpoints/best"))) == 4
    for name, value in shipped.items():
        expected = saved[f"module.{name}"].float()
        torch.testing.assert_close(value.float(), expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    "recipe",
    [
        {},
        {"task": "binary", "loss": "bce", "class_weights": "inverse"},
        {"task": "hierarchical", "loss": "bce", "class_weights": "inverse"},
        {"task": "hierarchical", "loss": "focal", "schedule": "cosine", "bf16": False},
    ],
    ids=str,
)
def test_every_task_learns_to_tell_stripes_from_noise(run: Run, recipe: dict[str, Any]) -> None:
    folder = run(f"learns-{abs(hash(str(recipe)))}", stages=((48, 8),), average=0.8, **recipe)
    assert history(folder)[-1]["auroc"] > 0.9
    rows = load_file(folder / "best.safetensors")["head.weight"].shape[0]
    assert rows == (2 if recipe.get("task") == "binary" else 3)


def test_a_share_of_the_films_has_their_classes_in_their_proportions(
    run: Run, workshop: Path
) -> None:
    run("whole", stages=((32, 1),))  # so that the films are known
    place = Place(0, 1, torch.device("cpu"))
    whole, half = (
        trainer.load(Config("x", workshop, share=share), "fit", place) for share in (1.0, 0.5)
    )
    assert len(half.films) == len(half.corners) == len(half.target) == round(len(whole.films) / 2)
    assert half.target.mean(dim=0).tolist() == pytest.approx(
        whole.target.mean(dim=0).tolist(), abs=0.1
    )
    assert set(half.films.paths) < set(whole.films.paths)
    every = trainer.load(Config("x", workshop, share=0.5), "select", place)
    assert len(every.films) == len(trainer.load(Config("x", workshop), "select", place).films)


def test_a_run_that_diverges_says_so(run: Run) -> None:
    with pytest.raises(FloatingPointError, match="lower --peak-rate"):
        run("diverged", peak_rate=1e38, stages=((32, 2),))


def test_tensorboard_and_the_history_tell_the_same(run: Run) -> None:
    accumulators = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    folder = run("logged", stages=((32, 2),), tensorboard=True)
    logged = accumulators.EventAccumulator(str(folder / "tensorboard")).Reload()
    told = [round(event.value, 4) for event in logged.Scalars("nll")]
    assert told == [round(h["nll"], 4) for h in history(folder)]


def test_the_curve_shows_the_loss_that_the_history_tells(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    names = (*journal.COSTS, *journal.RANKS)
    epochs = [{"size_px": 32.0 + i, **dict.fromkeys(names, 1 / (i + 1))} for i in range(3)]
    journal.draw_curve(epochs, tmp_path / "falling.png")
    journal.draw_curve([epochs[0]] * 3, tmp_path / "flat.png")
    falling, flat = (
        np.asarray(Image.open(tmp_path / f"{name}.png").convert("L"))
        for name in ("falling", "flat")
    )
    assert falling.shape == flat.shape
    assert (falling != flat).mean() > 0.005
