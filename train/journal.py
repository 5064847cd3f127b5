"""What a training tells while it runs: progress bar, history.json, curve.png, TensorBoard.

The bar, the figure and TensorBoard appear where their packages are installed; a machine that only
trains needs none of them.
"""

from __future__ import annotations

import json
import platform
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchvision

from train import record, split
from train.checkpoint import Epoch
from train.processes import Place
from train.recipe import Config

IRRELEVANT = ("data", "tensorboard")  # where the films lie, what is logged: free to change

COSTS = {"loss": "training loss", "nll": "select NLL"}
RANKS = {"auroc": "select AUROC", "auroc_reweighted": "re-weighted for aspect"}


def made_with(config: Config, place: Place) -> dict[str, object]:
    """Everything beside the config that the weights depend on."""
    init = Path(config.init)
    processor = platform.processor() or platform.machine()
    cuda = place.device.type == "cuda"
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "numpy": np.__version__,
        "device": torch.cuda.get_device_name(place.device) if cuda else processor,
        "threads": torch.get_num_threads(),
        "processes": place.world,
        "init_sha256": record.sha256_of(init) if init.is_file() else None,
        "split_sha256": record.sha256_of(split.SPLIT_CSV),
        "code_sha256": record.code_sha256(),
    }


def open_folder(config: Config, place: Place) -> Path:
    """The run's folder with config.json; ends the program where another recipe began there."""
    folder = Path("checkpoints") / config.name
    path = folder / "config.json"
    recipe = json.loads(json.dumps(asdict(config), default=str))
    if (folder / "last.pt").exists():
        began = json.loads(path.read_text())
        other = [k for k in recipe if k not in IRRELEVANT and recipe[k] != began.get(k)]
        if other:
            raise SystemExit(
                f"{folder} was begun with another {', '.join(other)}; choose another --name, or "
                "delete the folder to begin again."
            )
    elif place.leads:
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps({**recipe, "made_with": made_with(config, place)}, indent=1)
        path.write_text(text + "\n")
    return folder


class Journal:
    """The record of one run, kept by the first process; the others keep an empty one."""

    def __init__(self, folder: Path, config: Config, place: Place, *, epochs_done: int) -> None:
        self.folder, self.epochs = folder, len(config.sizes)
        self.bar: Any = None
        self.writer: Any = None
        self.leads = place.leads
        if self.leads and find_spec("tqdm"):
            from tqdm import tqdm

            # Counted in pixels, so that the time left is right although later epochs cost more.
            costs = [size * size for size in config.sizes]
            self.bar = tqdm(
                total=sum(costs),
                initial=sum(costs[:epochs_done]),
                bar_format="{desc} {percentage:3.0f}% |{bar}| {elapsed} gone, {remaining} left",
                disable=None,  # no bar in a log file
            )
        if self.leads and config.tensorboard and find_spec("tensorboard"):
            from torch.utils.tensorboard import SummaryWriter

            self.writer = SummaryWriter(folder / "tensorboard", purge_step=epochs_done + 1)

    def step(self, epoch: int, size_px: int, *, steps: int) -> None:
        """One of an epoch's steps is done."""
        if self.bar is not None:
            self.bar.set_description_str(f"epoch {epoch + 1}/{self.epochs}", refresh=False)
            self.bar.update(size_px * size_px / steps)

    def epoch(self, history: list[Epoch]) -> None:
        """An epoch is done: print it, plot it, write it down."""
        if not self.leads:
            return
        done, last = len(history), history[-1]
        line = f"{done}/{self.epochs} {json.dumps({k: round(v, 4) for k, v in last.items()})}"
        if self.bar is not None and not self.bar.disable:
            self.bar.write(line)
        else:
            print(line, flush=True)
        if self.writer is not None:
            for name, value in last.items():
                self.writer.add_scalar(name, value, done)
            self.writer.flush()
        record.write(self.folder / "history.json", history)
        if find_spec("matplotlib"):
            draw_curve(history, self.folder / "curve.png")

    def close(self) -> None:
        for keeper in (self.bar, self.writer):
            if keeper is not None:
                keeper.close()


def draw_curve(history: list[Epoch], path: Path) -> None:
    """Training loss, select NLL and AUROC over the epochs, with a line where the size changes."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(8, 3.5), layout="constrained")
    cost, rank = figure.subplots(1, 2)
    epochs = range(1, len(history) + 1)
    for axes, lines in ((cost, COSTS), (rank, RANKS)):
        for name, label in lines.items():
            axes.plot(epochs, [h[name] for h in history], marker="o", markersize=3, label=label)
        for i in range(1, len(history)):
            if history[i]["size_px"] != history[i - 1]["size_px"]:
                axes.axvline(i + 0.5, color="grey", linewidth=0.8)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("epoch")
        axes.legend(frameon=False)
    cost.set_ylabel("nats per film")
    figure.savefig(path, dpi=120)
