"""Several processes under torchrun do what one does alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.conftest import ROOT
from tests.workshop import write_films

# No chance but the first epoch's order, and no BatchNorm: the steps of two are the steps of one.
WORKER = """
import dataclasses
from pathlib import Path

import torch

from pneumo.networks import ARCHITECTURES
from tests.conftest import TinyNetwork
from train import split
from train.augment import Jitter
from train.fit import fit
from train.processes import joined
from train.recipe import Config

split.SPLIT_CSV = Path("split.csv")
ARCHITECTURES["tiny"] = TinyNetwork
still = Jitter(**{f.name: 0.0 for f in dataclasses.fields(Jitter)})
with joined("cpu") as place:
    config = Config(
        f"of-{place.world}", Path(), "tiny", stages=((32, 1),), batch=6, mixup=0.0, jitter=still,
        peak_rate=1e-2, bf16=False, device="cpu", tensorboard=False,
    )
    average = fit(config, place)
    torch.save(average.state_dict(), f"average-{place.rank}-of-{place.world}.pt")
"""
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")


def work(folder: Path, *launcher: str) -> str:
    """Run the worker in a folder; returns what it printed."""
    done = subprocess.run(
        [sys.executable, *launcher, "worker.py"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_two_processes_take_the_steps_of_one_and_write_one_checkpoint(tmp_path: Path) -> None:
    write_films(tmp_path)
    (tmp_path / "worker.py").write_text(WORKER)
    work(tmp_path)
    told = work(tmp_path, *TORCHRUN)
    alone, first, second = (
        torch.load(tmp_path / f"average-{which}.pt", weights_only=True)
        for which in ("0-of-1", "0-of-2", "1-of-2")
    )
    for name, value in alone.items():
        assert torch.equal(first[name], second[name])
        torch.testing.assert_close(first[name], value, rtol=1e-3, atol=1e-4)
    assert told.count("auroc_reweighted") == 1  # one process tells
    for run in ("of-1", "of-2"):
        assert len(json.loads((tmp_path / "checkpoints" / run / "history.json").read_text())) == 1
