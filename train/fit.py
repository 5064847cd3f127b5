"""Train one member.

    python -m train.fit --name resnet18-crop-0 --geometry centre_crop --init FILE --data DIR
    torchrun --nproc-per-node 4 -m train.fit --name ...       # the same on several GPUs

Fits on role ``fit``; keeps the epoch with the best select score; nothing else is read. A run
checkpoints every epoch below checkpoints/NAME and, started again, goes on after the last one with
the same data order. About 12 minutes on 2 cores for a ResNet18; AUROC on ``select`` 0.99.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from pneumo.networks import ARCHITECTURES, Network
from train.augment import augment, mix
from train.checkpoint import Epoch, load_progress, save_half, save_progress
from train.data import Films, load_role
from train.journal import Journal, open_folder
from train.loss import answer_weights, loss
from train.pretrained import frozen_at, initialise, restore_batch_statistics, train_mode
from train.processes import Place, joined
from train.recipe import Config
from train.schedule import Schedule
from train.selection import predict, score
from train.squares import corners_for, squares, standardise

STATISTICS_FILMS = 512  # that restore folded BatchNorm layers


@dataclass(frozen=True, eq=False)
class Role:
    """The films of one role, where a geometry looks at them, and what is true of them."""

    films: Films  # pixels on the device where they fit; the rest on the CPU
    corners: Tensor  # (N, 2, 3)
    target: Tensor  # (N, K), one-hot
    weights: list[Tensor]  # of the answers to each question


@dataclass(frozen=True, eq=False)
class Learner:
    """What a step changes."""

    network: Network
    average: AveragedModel  # of the weights; evaluated and shipped
    optimizer: torch.optim.AdamW
    schedule: Schedule

    @property
    def parts(self) -> tuple[nn.Module | torch.optim.Optimizer | Schedule, ...]:
        return self.network, self.average, self.optimizer, self.schedule


def fit(config: Config, place: Place) -> nn.Module:
    """Train one member; returns the weight average after the last epoch."""
    folder = open_folder(config, place)
    train, select = load(config, "fit", place), load(config, "select", place)
    torch.manual_seed(config.seed)  # not before: finding boxes that are not cached draws numbers
    generator = place.generator(config.seed)
    learner = begin(config, train, place)
    history = load_progress(folder / "last.pt", learner.parts, generator, place)
    journal = Journal(folder, config, place, epochs_done=len(history))

    for epoch in range(len(history), len(config.sizes)):
        if config.patience and epochs_since_best(config, history) >= config.patience:
            break
        started = time.perf_counter()
        size_px = config.sizes[epoch]
        train_mode(learner.network, frozen_at(config, learner.network, epoch))
        steps = len(train.films) // config.batch
        told = partial(journal.step, epoch, size_px, steps=steps)
        cost = learn(learner, train, epoch, config, generator, place, after_step=told)
        scores = examine(learner.average.module, select, size_px, config, place)
        learner.schedule.after_epoch(scores["nll"])
        seconds = time.perf_counter() - started
        history.append({"size_px": size_px, "loss": cost, "seconds": seconds, **scores})
        if place.leads and epochs_since_best(config, history) == 0:
            save_half(learner.average.module, folder / "best.safetensors")
        save_progress(folder / "last.pt", learner.parts, generator, history, place)
        journal.epoch(history)
    journal.close()
    return learner.average.module


def learn(
    learner: Learner,
    train: Role,
    epoch: int,
    config: Config,
    generator: torch.Generator,
    place: Place,
    *,
    after_step: Callable[[], None] = lambda: None,
) -> float:
    """One epoch over all full batches; returns its mean cost. Raises FloatingPointError."""
    size_px, steps = config.sizes[epoch], len(train.films) // config.batch
    parallel = place.parallel(learner.network)
    total = torch.zeros((), dtype=torch.float64, device=place.device)
    bf16 = place.bf16(config.bf16)
    order = place.agreed(torch.randperm(len(train.films), generator=generator, device=place.device))
    for index in order[: steps * config.batch].split(config.batch):
        x, target = draw(train, index[place.rank :: place.world], size_px, config, generator, place)
        with torch.autocast(place.device.type, torch.bfloat16, enabled=bf16):
            logits = parallel(standardise(x))
        cost = loss(config, logits.float(), target, train.weights)
        learner.optimizer.zero_grad()
        cost.backward()
        learner.optimizer.step()
        learner.schedule.after_step()
        learner.average.update_parameters(learner.network)
        total += cost.detach()
        after_step()
    mean = float(place.mean(total)) / steps
    if not math.isfinite(mean):
        raise FloatingPointError("the loss is not a number; lower --peak-rate")
    return mean


def draw(
    train: Role,
    index: Tensor,
    size_px: int,
    config: Config,
    generator: torch.Generator,
    place: Place,
) -> tuple[Tensor, Tensor]:
    """Augmented and mixed squares (B, 1, S, S) in [0, 1], and their class probabilities (B, K)."""
    films, corners = place.take(train.films.pixels, index), place.take(train.corners, index)
    x = augment(films, corners, size_px, config.jitter, generator)
    target = place.take(train.target, index)
    return mix(x, target, generator, alpha=config.mixup, cutmix=config.cutmix)


def load(config: Config, role: str, place: Place) -> Role:
    """Decode a role's films, find their boxes, and put both where they are used."""
    with place.leader_first():
        films = load_role(config.data, role)
        corners = corners_for(films, config.geometry)
    if role == "fit" and config.share < 1:
        last, count = len(films) - 1, max(round(config.share * len(films)), 1)
        chosen = torch.linspace(0, last, count).round().long()  # films of a class lie together
        films, corners = films.subset(chosen), corners[chosen]
    label = films.label.clamp(max=len(config.classes) - 1)  # both types are pneumonia
    target = F.one_hot(label, len(config.classes)).float().to(place.device)
    films = dataclasses.replace(films, pixels=place.resident(films.pixels))
    return Role(films, corners.to(films.pixels.device), target, answer_weights(config, target))


def begin(config: Config, train: Role, place: Place) -> Learner:
    """The network with its initial weights, and everything that will change it."""
    network = ARCHITECTURES[config.architecture](config.classes)
    for layer in network.modules():
        if isinstance(layer, nn.Dropout) and config.dropout >= 0:
            layer.p = config.dropout
    random = initialise(network, config.init, config.architecture)
    network = network.to(place.device)
    if config.init not in ("none", "imagenet"):
        # A file's BatchNorm layers may be folded; torchvision's own never are.
        first = torch.arange(min(STATISTICS_FILMS, len(train.films)))
        seen = squares(train.films.subset(first), train.corners[first], config.sizes[0], 64)
        restore_batch_statistics(network, [x.to(place.device) for x in seen])
    if config.init != "none" and place.leads:
        print(f"random at the start: {random}")
    if config.channels_last:
        network = network.to(memory_format=torch.channels_last)
    average = AveragedModel(
        network, multi_avg_fn=get_ema_multi_avg_fn(config.average), use_buffers=True
    )
    optimizer = torch.optim.AdamW(
        network.parameters(), config.peak_rate, weight_decay=config.weight_decay, fused=True
    )
    steps = len(train.films) // config.batch * len(config.sizes)
    schedule = Schedule(config, optimizer, steps)
    if not place.leads:
        torch.manual_seed(place.seed(config.seed))  # the weights are alike; dropout is not
    return Learner(network, average, optimizer, schedule)


def examine(
    network: nn.Module, select: Role, size_px: int, config: Config, place: Place
) -> dict[str, float]:
    """Scores of the weight average on ``select``; all processes go by the first one's."""
    seen = squares(select.films, select.corners, size_px)
    logits = predict(network, seen, bf16=place.bf16(config.bf16))
    scores = score(select.films, logits)
    values = torch.tensor(list(scores.values()), dtype=torch.float64, device=place.device)
    return dict(zip(scores, place.agreed(values).tolist(), strict=True))


def epochs_since_best(config: Config, history: list[Epoch]) -> int:
    """How many epochs ago the last size had its best select NLL; -1 at another size."""
    last = config.sizes[-1]
    if not history or history[-1]["size_px"] != last:
        return -1
    nll = [h["nll"] for h in history if h["size_px"] == last]
    return nll[::-1].index(min(nll))


def main(config: Config) -> None:
    with joined(config.device) as place:
        if config.batch % place.world:
            raise SystemExit(f"--batch {config.batch} cannot be shared by {place.world} processes")
        fit(config, place)


if __name__ == "__main__":
    import tyro

    main(tyro.cli(Config, description=__doc__))
