"""Train one member.

    python -m train.fit --name resnet18-crop-0 --geometry centre_crop --init FILE --data DIR

Fits on role ``fit``; keeps the epoch with the best select score; nothing else is read. A run
checkpoints every epoch below checkpoints/NAME and resumes from there, with the same data order.
About 12 minutes on 2 cores for a ResNet18; AUROC on ``select`` 0.99.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn
from torch.nn import functional as F

from pneumo.geometry import GEOMETRIES, corners_of, sample
from pneumo.lungs import LungNetwork, find_lungs
from pneumo.networks import ARCHITECTURES, THREE_CLASS, Network
from pneumo.networks.base import log_odds
from train.augment import Jitter, augment, mix
from train.checkpoint import save_half
from train.data import CACHE, Films, load_role
from train.pretrained import initialise, restore_batch_statistics

# Grey level of canonical films, role fit; standardises every member's input.
MEAN, STD = 0.48, 0.23


@dataclass(frozen=True)
class Config:
    name: str  # folder below checkpoints/, and the member's file name
    data: Path = Path(os.environ.get("PNEUMO_DATA", "data"))  # holds train/NORMAL, train/PNEUMONIA
    architecture: str = "resnet18"
    geometry: str = "centre_crop"  # centre_crop and lung_box hide the frame; squash shows it
    init: str = "none"  # imagenet (downloads), none, or a safetensors file with torchvision's names
    seed: int = 0
    stages: tuple[tuple[int, int], ...] = ((128, 6), (192, 4))  # (pixels, epochs): small is cheap
    batch: int = 32
    peak_rate: float = 1e-3  # AdamW, one cycle over all stages; 2e-3 from scratch
    weight_decay: float = 0.02
    label_smoothing: float = 0.05  # keeps logits small where the hold-out saturates
    mixup: float = 0.3  # Beta(alpha, alpha); 0 switches mixing off
    cutmix: float = 0.3  # share of batches that use cutmix instead of mixup
    average: float = 0.99  # per-step decay of the weight average that is evaluated and shipped
    jitter: Jitter = field(default_factory=Jitter)


@torch.no_grad()
def corners_for(films: Films, geometry: str, lungs: Path) -> Tensor:
    """The box of every film as an affine map (N, 2, 3), from the lung network's own masks; cached."""
    key = hashlib.sha256(lungs.read_bytes() + "\n".join([geometry, *films.paths]).encode())
    cached = CACHE / f"boxes-{key.hexdigest()[:16]}.pt"
    if cached.exists():
        corners: Tensor = torch.load(cached, weights_only=True)
        return corners
    network = LungNetwork()
    network.load_state_dict(load_file(lungs), strict=True)
    network.eval()
    boxes = []
    for film, aspect in zip(films.pixels, films.aspect, strict=True):
        mask = find_lungs(network, film[None].float() / 255).mask
        boxes.append(corners_of(GEOMETRIES[geometry](float(aspect), mask)))
    corners = torch.stack(boxes)
    torch.save(corners, cached)
    return corners


def standardise(x: Tensor) -> Tensor:
    return ((x - MEAN) / STD).contiguous(memory_format=torch.channels_last)


def squares(films: Films, corners: Tensor, size_px: int, batch: int = 128) -> list[Tensor]:
    """Unaugmented squares, as reading cuts them, in batches (B, 1, S, S)."""
    return [
        standardise(sample(x.float() / 255, c, size_px))
        for x, c in zip(films.pixels.split(batch), corners.split(batch), strict=True)
    ]


@torch.no_grad()
def predict(network: Network, batches: list[Tensor]) -> Tensor:
    """Logits (N, K) in evaluation mode."""
    network.eval()
    with torch.autocast("cpu", torch.bfloat16):
        return torch.cat([network(x).float() for x in batches])


def aspect_weights(films: Films) -> np.ndarray:
    """Weights under which aspect ratio says nothing about the label.

    Within each tenth of the aspect ratios, normal and pneumonia films get equal total weight.
    """
    aspect, sick = films.aspect.numpy(), films.label.numpy() > 0
    tenth = np.digitize(aspect, np.quantile(aspect, np.linspace(0, 1, 11)[1:-1]))
    weight = np.zeros(len(films))
    for t in range(10):
        for kind in (False, True):
            here = (tenth == t) & (sick == kind)
            both = ((tenth == t) & sick).any() and ((tenth == t) & ~sick).any()
            if here.any() and both:
                weight[here] = 1 / here.sum()
    return weight


def score(films: Films, logits: Tensor) -> dict[str, float]:
    """AUROC for pneumonia plain and re-weighted for aspect; three-class accuracy."""
    sick, odds = films.label.numpy() > 0, log_odds(logits).numpy()
    return {
        "auroc": float(roc_auc_score(sick, odds)),
        "auroc_reweighted": float(roc_auc_score(sick, odds, sample_weight=aspect_weights(films))),
        "accuracy_three_class": float((logits.argmax(1) == films.label).float().mean()),
        "nll": float(F.cross_entropy(logits, films.label)),
    }


def main(config: Config) -> None:
    folder = Path("checkpoints") / config.name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(asdict(config), indent=1, default=str) + "\n")
    torch.manual_seed(config.seed)
    generator = torch.Generator().manual_seed(config.seed)

    fit, select = load_role(config.data, "fit"), load_role(config.data, "select")
    lungs = Path("weights/lungs.safetensors")
    fit_corners = corners_for(fit, config.geometry, lungs)
    select_corners = corners_for(select, config.geometry, lungs)

    network = ARCHITECTURES[config.architecture](THREE_CLASS)
    random = initialise(network, config.init)
    if config.init != "none":
        restore_batch_statistics(network, squares(fit, fit_corners, config.stages[0][0], 64)[:8])
        print(f"random at the start: {random}")
    network = network.to(memory_format=torch.channels_last)
    average = torch.optim.swa_utils.AveragedModel(
        network,
        multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(config.average),
        use_buffers=True,
    )
    optimizer = torch.optim.AdamW(
        network.parameters(), weight_decay=config.weight_decay, fused=True
    )
    per_epoch = len(fit) // config.batch
    sizes = [size for size, epochs in config.stages for _ in range(epochs)]
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, config.peak_rate, total_steps=per_epoch * len(sizes), pct_start=0.2
    )
    history: list[dict[str, float]] = []
    resume = folder / "last.pt"
    if resume.exists():
        saved = torch.load(resume, weights_only=True)
        for part, state in zip((network, average, optimizer, schedule), saved["states"], strict=True):
            part.load_state_dict(state)
        generator.set_state(saved["generator"])
        torch.set_rng_state(saved["torch"])
        history = saved["history"]

    for epoch in range(len(history), len(sizes)):
        started = time.perf_counter()
        size_px = sizes[epoch]
        network.train()
        order = torch.randperm(len(fit), generator=generator)
        total = 0.0
        for index in order[: per_epoch * config.batch].split(config.batch):
            x = augment(fit.pixels[index], fit_corners[index], size_px, config.jitter, generator)
            target = F.one_hot(fit.label[index], len(THREE_CLASS)).float()
            x, target = mix(x, target, generator, alpha=config.mixup, cutmix=config.cutmix)
            with torch.autocast("cpu", torch.bfloat16):
                logits = network(standardise(x))
            loss = F.cross_entropy(
                logits.float(), target, label_smoothing=config.label_smoothing
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            average.update_parameters(network)
            total += loss.item()
        scores = score(select, predict(average.module, squares(select, select_corners, size_px)))
        seconds = time.perf_counter() - started
        history.append({"size_px": size_px, "loss": total / per_epoch, "seconds": seconds, **scores})
        print(f"{epoch + 1}/{len(sizes)} {json.dumps({k: round(v, 4) for k, v in history[-1].items()})}", flush=True)
        if math.isnan(total):
            raise FloatingPointError("the loss is not a number; lower --peak-rate")
        if size_px == sizes[-1] and scores["nll"] <= min(h["nll"] for h in history if h["size_px"] == size_px):
            save_half(average.module, folder / "best.safetensors")
        (folder / "history.json").write_text(json.dumps(history, indent=1) + "\n")
        torch.save(
            {
                "states": [p.state_dict() for p in (network, average, optimizer, schedule)],
                "generator": generator.get_state(),
                "torch": torch.get_rng_state(),
                "history": history,
            },
            resume,
        )


if __name__ == "__main__":
    import tyro

    main(tyro.cli(Config, description=__doc__))
