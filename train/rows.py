"""What every row is and costs, and what its dropout knows: train/results/rows.json.

    python -m train.rows --data DIR

For each row of weights/: parameters, size, how long it trained, how long one film takes, where its
Grad-CAM looks, its calibration; and for networks that drop units before the head, whether Monte
Carlo dropout tells wrong verdicts from right ones (Gal and Ghahramani 2016, arXiv:1506.02142) on
the held-out films. Run it after train.calibrate; about a minute a row on 2 cores. Epochs and
minutes are read from checkpoints/, or kept from an earlier run where those are gone.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pneumo import stopwatch
from pneumo.bundle import Row
from pneumo.calibration import Estimate, MemberCalibration
from pneumo.comparison import Comparison
from pneumo.geometry import corners_of
from pneumo.networks import Network
from train import metrics, record
from train.data import add_data_argument, load_role
from train.ensemble import CHECKPOINTS, Suitable, suitable
from train.metrics import Bootstrap, Floats
from train.recipe import command
from train.shipped import open_reader
from train.squares import squares

RESULT = record.RESULTS / "rows.json"
SCHEMA = "pneumo.rows/1"
POINT = "balanced"  # the operating point whose verdicts are right or wrong
PASSES = 30  # of Monte Carlo dropout; more change the third digit
TIMED = 20  # films, one after another
LAYER = "the last feature map"  # of every architecture: what the head pools


def dropouts(network: Network) -> list[nn.Dropout]:
    """The layers that drop units; none where Monte Carlo dropout has nothing to draw."""
    return [m for m in network.modules() if isinstance(m, nn.Dropout) and m.p > 0]


def drawn(network: Network, features: Tensor, *, passes: int) -> Tensor:
    """Logits (T, B, K) of one feature map (B, C, h, w) under T draws of dropped units.

    The network is as before afterwards: in evaluation mode.
    """
    layers = dropouts(network)
    for layer in layers:
        layer.train()
    try:
        return torch.stack([network.logits(features) for _ in range(passes)])
    finally:
        for layer in layers:
            layer.eval()


@torch.no_grad()
def monte_carlo(network: Network, batches: list[Tensor], *, passes: int = PASSES) -> Floats:
    """Logits (N, T, K) of all films, the same on every run."""
    torch.manual_seed(0)
    said = [drawn(network, network.features(x), passes=passes) for x in batches]
    return torch.cat(said, dim=1).transpose(0, 1).double().numpy()


def uncertainty(
    logits: Floats, calibration: MemberCalibration, threshold: float, chosen: Suitable
) -> dict[str, object]:
    """What the mean over draws is worth, and whether draws disagree where the verdict is wrong."""
    estimates = [Estimate.from_members(film, [calibration] * len(film)) for film in logits]
    probability = np.array([e.probability for e in estimates])
    disagreement = np.array([e.disagreement for e in estimates])
    sick = np.asarray(chosen.films.label.numpy() > 0)
    wrong = (probability >= threshold) != sick
    bootstrap = Bootstrap(chosen.films.patients)
    return {
        "passes": logits.shape[1],
        "auroc": bootstrap.measure(metrics.auroc(sick, probability)),
        "ece": bootstrap.measure(metrics.ece(sick, probability)),
        "spread_mean": float(np.mean([np.ptp(e.members) for e in estimates])),
        "wrong": int(wrong.sum()),
        "auroc_of_disagreement_for_wrong": bootstrap.measure(metrics.auroc(wrong, disagreement))
        if wrong.any() and not wrong.all()
        else None,
    }


@torch.no_grad()
def milliseconds(network: Network, size_px: int) -> float:
    """Median time of one film's forward pass, warm, on this machine's CPU in float32."""
    film = torch.zeros(1, 1, size_px, size_px)
    forward = {"forward": lambda: network.logits(network.features(film))}
    return stopwatch.medians(forward, rounds=TIMED)["forward"]


def trained(weights_sha256: str) -> dict[str, object] | None:
    """How the run with these weights was trained; None where its folder is not there any more."""
    for path in sorted(CHECKPOINTS.glob("*/best.safetensors")):
        history = path.with_name("history.json")
        if record.sha256_of(path) == weights_sha256 and history.exists():
            epochs = json.loads(history.read_text())
            config = json.loads(path.with_name("config.json").read_text())
            return {
                "command": command(config),
                "epochs": len(epochs),
                "minutes": sum(epoch["seconds"] for epoch in epochs) / 60,
                "threads": config["made_with"]["threads"],
                "from_imagenet": config["init"] != "none",
                "stages": config["stages"],
                "seed": config["seed"],
                "auroc_reweighted_on_select": epochs[-1]["auroc_reweighted"],
            }
    return None


def measure(row: Row, network: Network, chosen: Suitable, *, folder: Path) -> dict[str, object]:
    """One row."""
    member = row.member
    corners = torch.stack([corners_of(box) for box in chosen.boxes(member.geometry)])
    threshold = {p.name: p.threshold for p in row.operating_points}[POINT]
    with torch.no_grad():
        grid = network.features(torch.zeros(1, 1, member.size_px, member.size_px)).shape
    draws = None
    if dropouts(network):
        seen = list(squares(chosen.films, corners, member.size_px, 64))
        draws = uncertainty(monte_carlo(network, seen), member.calibration, threshold, chosen)
    return {
        "title": row.title,
        "architecture": member.architecture,
        "geometry": member.geometry,
        "size_px": member.size_px,
        "weights_sha256": member.weights.sha256,
        "parameters": sum(p.numel() for p in network.parameters()),
        "megabytes": (folder / member.weights.file).stat().st_size / 1e6,
        "milliseconds": milliseconds(network, member.size_px),
        "grad_cam": {"layer": LAYER, "channels": grid[1], "grid": list(grid[2:])},
        "calibration": member.calibration,
        "trained": trained(member.weights.sha256),
        "monte_carlo_dropout": draws,
    }


def with_earlier(rows: dict[str, Any], path: Path) -> dict[str, Any]:
    """Rows whose checkpoints are gone keep what an earlier run knew of the same weights."""
    earlier = json.loads(path.read_text())["rows"] if path.exists() else {}
    for name, row in rows.items():
        known = earlier.get(name, {})
        if row["trained"] is None and known.get("weights_sha256") == row["weights_sha256"]:
            row["trained"] = known["trained"]
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_data_argument(parser)
    arguments = parser.parse_args()
    reader = open_reader(None, device=torch.device("cpu"))
    chosen = suitable(reader.lung_network, load_role(arguments.data, "test"))
    rows: dict[str, Any] = {}
    for row, network in Comparison(reader).rows:
        print(row.member.name, flush=True)
        rows[row.member.name] = measure(row, network, chosen, folder=reader.bundle.folder)
    record.write(
        RESULT,
        {
            "schema": SCHEMA,
            "rows_sha256": record.rows_sha256(reader.manifest),
            "films": len(chosen.films),
            "verdicts_at": POINT,
            "threads": torch.get_num_threads(),
            "rows": with_earlier(rows, RESULT),
        },
    )
    print(f"wrote {RESULT}")


if __name__ == "__main__":
    main()
