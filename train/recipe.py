"""The recipe of one member: everything that ``python -m train.fit`` can be told."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pneumo.geometry import GEOMETRIES
from pneumo.networks import ARCHITECTURES, BINARY, THREE_CLASS
from train.augment import Jitter


@dataclass(frozen=True)
class Config:
    """What decides the weights. Two runs of one config on one machine give the same tensors."""

    name: str  # folder below checkpoints/, and the member's file name
    data: Path = Path(os.environ.get("PNEUMO_DATA", "data"))  # holds train/NORMAL, train/PNEUMONIA
    architecture: str = "resnet18"  # resnet18, densenet121, or another in pneumo/networks
    geometry: str = "centre_crop"  # centre_crop and lung_box hide the frame; squash shows it
    init: str = "none"  # imagenet (downloads), none, or a safetensors file with torchvision's names
    seed: int = 0  # initial weights, order of films, augmentation
    stages: tuple[tuple[int, int], ...] = ((128, 6), (192, 4))  # (pixels, epochs): small is cheap
    share: float = 1.0  # of the films of fit, evenly spread: less for what need not be good

    # hierarchical asks for pneumonia first, then for the type given pneumonia
    task: Literal["three_class", "hierarchical", "binary"] = "three_class"
    # cross_entropy; bce weighs pneumonia only (not for three_class); focal dwells on hard films
    loss: Literal["cross_entropy", "bce", "focal"] = "cross_entropy"
    # inverse gives every class the same total weight; ranks alike, but calibrates to a prevalence
    # that nobody has
    class_weights: Literal["none", "inverse"] = "none"
    focal_gamma: float = 2.0  # focal only; 0 is cross-entropy
    type_weight: float = 1.0  # hierarchical only: the second question beside the first
    label_smoothing: float = 0.05  # keeps logits small where the hold-out saturates

    batch: int = 32  # films per step, over all processes together
    peak_rate: float = 1e-3  # AdamW; 2e-3 from scratch
    weight_decay: float = 0.02
    # one_cycle and cosine end at 0 with the last epoch; plateau needs patience and more epochs
    schedule: Literal["one_cycle", "cosine", "plateau"] = "one_cycle"
    plateau: int = 2  # plateau only: epochs without a better select NLL before the rate falls
    patience: int = 0  # stop after so many epochs at the last size that are no better; 0: never
    average: float = 0.99  # per-step decay of the weight average that is judged and shipped; 0: off

    # Share of units dropped before the head, in architectures that drop; -1: the architecture's own
    dropout: float = -1.0

    head_epochs: int = 0  # train the head alone first; 1 or 2 spare pretrained weights a shock
    frozen: tuple[str, ...] = ()  # parts that then stay frozen, by name: stem stages.0
    frozen_epochs: int = 0  # until this epoch, counted from the start; 999: for good

    mixup: float = 0.3  # Beta(alpha, alpha); 0 switches mixing off
    cutmix: float = 0.3  # share of batches that use cutmix instead of mixup
    jitter: Jitter = field(default_factory=Jitter)

    device: Literal["auto", "cpu", "cuda"] = "auto"  # auto takes CUDA where there is one
    # bfloat16 forward passes: twice as fast on GPUs and on CPUs that have them, slower on other
    # CPUs; None asks the processor
    bf16: bool | None = None
    channels_last: bool = True  # memory layout that convolutions prefer
    tensorboard: bool = True  # logs below checkpoints/NAME/tensorboard where it is installed

    def __post_init__(self) -> None:
        for value, known in ((self.architecture, ARCHITECTURES), (self.geometry, GEOMETRIES)):
            if value not in known:
                raise ValueError(f"{value} is not known; choose one of {', '.join(known)}")
        if self.loss == "bce" and self.task == "three_class":
            raise ValueError("bce answers yes-or-no questions: use task binary or hierarchical")
        if not self.sizes or min(self.sizes) < 1 or self.batch < 2:
            raise ValueError("a recipe needs at least one epoch, and batches of at least two films")
        if not 0 < self.share <= 1:
            raise ValueError("share is the part of the films that is learnt from, in (0, 1]")
        if not 0 <= self.average < 1 or not 0 <= self.label_smoothing < 1:
            raise ValueError("average and label smoothing lie in [0, 1)")
        if self.head_epochs >= len(self.sizes):
            raise ValueError("head epochs leave no epoch for the whole network")

    @property
    def classes(self) -> tuple[str, ...]:
        """What the head's logits stand for."""
        return BINARY if self.task == "binary" else THREE_CLASS

    @property
    def sizes(self) -> tuple[int, ...]:
        """The side in pixels of every epoch."""
        return tuple(size for size, epochs in self.stages for _ in range(epochs))


MACHINE = ("data", "device", "bf16", "channels_last", "tensorboard")  # of a recipe: not the weights


def command(saved: Mapping[str, Any]) -> str:
    """The command of a run, from its config.json; initial weights of a file as ``imagenet``."""
    usual = vars(Config(name=""))
    given = {k: v for k, v in saved.items() if k in usual and k not in MACHINE}
    if given.get("init", "none") != "none":
        given["init"] = "imagenet"
    return " ".join(["python -m train.fit", *_options(given, usual, prefix="--")])


def _options(given: Mapping[str, Any], usual: Mapping[str, Any], *, prefix: str) -> Iterator[str]:
    """Whatever differs from what is usual, as options."""
    for name, value in given.items():
        option = f"{prefix}{name.replace('_', '-')}"
        if isinstance(value, dict):
            yield from _options(value, vars(usual[name]), prefix=f"{option}.")
        elif name == "stages":
            flat = [str(number) for stage in value for number in stage]
            yield from [option, *flat] if tuple(map(tuple, value)) != usual[name] else ()
        elif isinstance(value, list):
            yield from [option, *map(str, value)] if tuple(value) != usual[name] else ()
        elif value != usual[name]:
            yield from (option, f"{value:g}" if isinstance(value, float) else str(value))
