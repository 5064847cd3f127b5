"""Films a second: that both loops train on the same films, and what is told of them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.utils.data import DataLoader
from workshop import Small, write_films

from pneumo.networks import ARCHITECTURES
from train import speed
from train.fit import load
from train.processes import Place
from train.recipe import Config

HERE = Place(0, 1, torch.device("cpu"))


@pytest.fixture
def films(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_films(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("train.split.SPLIT_CSV", tmp_path / "split.csv")
    monkeypatch.setitem(ARCHITECTURES, "small", Small)
    return tmp_path


@pytest.mark.slow
def test_both_loops_are_timed_in_turns(films: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "STEPS", 1)
    monkeypatch.setattr(speed, "TURNS", 2)
    # In this process: what its workers inherit of a test run's threads is nobody's concern.
    monkeypatch.setattr(speed, "DataLoader", lambda films, **_: DataLoader(films, batch_size=32))
    found = speed.measure("small", films, HERE)
    assert found["films_per_s"] > 0
    assert found["ratio"] == pytest.approx(found["films_per_s"] / found["plain_films_per_s"])


@pytest.mark.slow
def test_the_plain_loop_sees_the_same_films_with_their_labels(films: Path) -> None:
    role = load(Config("speed", films, "small", stages=((32, 1),), device="cpu"), "fit", HERE)
    opened = speed.Opened(role, films, 32)
    assert [label for _, label in opened] == role.films.label.tolist()
    x, _ = opened[0]
    assert (x.shape, x.dtype) == ((1, 32, 32), torch.float32)
    assert x.min() < -1  # standardised: black lies two deviations below the mean
