"""The rows' facts, the experiments' page, and that no cell of either is empty."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import ROOT
from safetensors.torch import save_file

from pneumo.networks import ARCHITECTURES, THREE_CLASS
from train import record, report, rows
from train.pages.training import page

RESULTS = ROOT / "train" / "results"


@pytest.fixture
def network() -> Any:
    torch.manual_seed(1)
    return ARCHITECTURES["cnn3"](THREE_CLASS).eval()


def test_draws_of_dropped_units_differ_and_leave_the_network_as_it_was(network: Any) -> None:
    films = [torch.rand(2, 1, 28, 28), torch.rand(3, 1, 28, 28)]
    before = network.logits(network.features(films[0]))
    said = rows.monte_carlo(network, films, passes=20)
    assert said.shape == (5, 20, 3)
    assert (np.ptp(said, axis=1) > 0).all()
    assert not any(module.training for module in network.modules())
    assert torch.equal(network.logits(network.features(films[0])), before)
    # The mean over draws is near the answer of the whole network: dropout keeps the mean.
    assert said[:2].mean(axis=1) == pytest.approx(before.detach().numpy(), abs=0.5)


def test_draws_are_the_same_on_every_run(network: Any) -> None:
    films = [torch.rand(2, 1, 28, 28)]
    first, second = (rows.monte_carlo(network, films, passes=4) for _ in range(2))
    assert np.array_equal(first, second)


def test_a_network_that_drops_nothing_has_nothing_to_draw(network: Any) -> None:
    assert len(rows.dropouts(network)) == 1
    assert rows.dropouts(ARCHITECTURES["resnet18"](THREE_CLASS)) == []


def test_a_run_is_found_by_its_weights_and_remembered_when_its_folder_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "checkpoints" / "cnn3-0"
    run.mkdir(parents=True)
    save_file({"w": torch.ones(2)}, run / "best.safetensors")
    epoch = {"seconds": 30.0, "auroc_reweighted": 0.9}
    (run / "history.json").write_text(json.dumps([epoch, epoch]))
    config = {
        "init": "none",
        "stages": [[28, 2]],
        "seed": 3,
        "made_with": {"threads": 1},
        "architecture": "cnn3",
    }
    (run / "config.json").write_text(json.dumps(config))
    monkeypatch.setattr(rows, "CHECKPOINTS", run.parent)
    sha256 = record.sha256_of(run / "best.safetensors")
    found = rows.trained(sha256)
    assert found is not None
    assert (found["epochs"], found["minutes"], found["from_imagenet"]) == (2, 1.0, False)
    assert found["command"] == "python -m train.fit --stages 28 2 --seed 3 --architecture cnn3"
    assert rows.trained("another") is None

    saved = tmp_path / "rows.json"
    record.write(saved, {"rows": {"cnn3": {"weights_sha256": sha256, "trained": found}}})
    again = {"cnn3": {"weights_sha256": sha256, "trained": None}}
    assert rows.with_earlier(again, saved)["cnn3"]["trained"] == record.plain(found)
    other = {"cnn3": {"weights_sha256": "another", "trained": None}}
    assert rows.with_earlier(other, saved)["cnn3"]["trained"] is None


def test_every_rows_command_is_a_line_of_the_whole_chain() -> None:
    told = (ROOT / "train" / "README.md").read_text().partition("```bash")[2].partition("```")[0]
    lines = [line.split() for line in told.replace("\\\n", " ").splitlines()]
    chain = [sorted(line) for line in lines if line[:3] == ["python", "-m", "train.fit"]]
    usual = ["--geometry", "centre_crop"]
    for name, row in json.loads((RESULTS / "rows.json").read_text())["rows"].items():
        if row["trained"]:
            words = row["trained"]["command"].replace("0.002", "2e-3").split()
            assert sorted(words + usual) in chain, name


def test_rows_and_experiments_have_no_empty_cell_and_no_single_seed() -> None:
    experiments = report.load("experiments")
    if experiments is None:
        pytest.skip("no experiments yet: run python -m train.experiments")
    holdout, audit = report.load("holdout"), report.load("audit")
    text = page(report.load("rows"), experiments, [], holdout, audit)
    tables = [line for line in text.splitlines() if line.startswith("|") and "---" not in line]
    assert len(tables) > 40
    for line in tables:
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        assert all(cells[1:]), line
    for answer in experiments["answers"]:
        for line in answer.get("variants", []):
            own_only = answer["name"] == "ensembling" and len(line["by_seed"]) == 1
            assert len(line["by_seed"]) >= 2 or own_only  # all five together are one ensemble


@pytest.mark.weights
def test_the_rows_measured_are_the_rows_shipped() -> None:
    manifest = json.loads((ROOT / "weights" / "manifest.json").read_text())
    found = json.loads((RESULTS / "rows.json").read_text())["rows"]
    shipped = {
        row["member"]["name"]: row["member"]["weights"]["sha256"] for row in manifest["rows"]
    }
    assert {name: row["weights_sha256"] for name, row in found.items()} == shipped
    for row in found.values():
        drops = row["monte_carlo_dropout"] is not None
        network = ARCHITECTURES[row["architecture"]](THREE_CLASS)
        assert drops == bool(rows.dropouts(network))
        assert row["parameters"] == sum(p.numel() for p in network.parameters())
