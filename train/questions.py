"""The questions that the experiments ask, each as changes to one base recipe.

They are the questions that earlier work on these films asked or only planned, and the ablations
that go with them. A variant differs from its question's first in what its name says and in nothing
else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from train.augment import Jitter

SEEDS = (0, 1)
STILL = Jitter(**dict.fromkeys((f.name for f in fields(Jitter)), 0.0))  # nothing moves
BASE: dict[str, object] = {
    "architecture": "mobilenet_v2",
    "geometry": "centre_crop",
    "stages": ((48, 5),),  # this and a third of the films one core can afford eighty times
    "share": 1 / 3,
    "average": 0.95,  # over fewer steps than the shipped runs take
    "tensorboard": False,
}
EARLY = tuple(f"body.{i}" for i in range(7))  # of MobileNetV2: down to an eighth of the side
SCRATCH: dict[str, object] = {"init": "none", "peak_rate": 2e-3}
SMALL: dict[str, Any] = {"architecture": "cnn3", "stages": ((28, 6),), **SCRATCH}


@dataclass(frozen=True)
class Question:
    """One question: the variants that answer it, the first of which the others are held against."""

    name: str
    asks: str
    variants: Mapping[str, Mapping[str, object]]  # name -> changes to BASE
    seeds: tuple[int, ...] = SEEDS

    def __post_init__(self) -> None:
        if len(self.variants) < 2 or len(self.seeds) < 2:
            raise ValueError(f"{self.name}: a question needs two variants and two seeds")


def only(**jitter: float) -> dict[str, object]:
    """Films that stay as they are but for one kind of augmentation; no mixing."""
    return {"jitter": Jitter(**{**vars(STILL), **jitter}), "mixup": 0.0}


EVERY = vars(Jitter())
GEOMETRIC = ("zoom", "aspect", "shift", "rotate", "shear", "flip")
GREY = ("exposure", "contrast", "gamma", "blur", "noise")

QUESTIONS: tuple[Question, ...] = (
    Question(
        "transfer",
        "Does ImageNet help?",
        {
            "from ImageNet at 1e-3": {},
            "from random weights at 2e-3": SCRATCH,
            "from random weights, four times as long": {**SCRATCH, "stages": ((48, 20),)},
        },
    ),
    Question(
        "loss",
        "Which loss, and do class weights help?",
        {
            "cross-entropy": {},
            "weighted cross-entropy": {"class_weights": "inverse"},
            "focal": {"loss": "focal"},
            "weighted focal": {"loss": "focal", "class_weights": "inverse"},
        },
    ),
    Question(
        "heads",
        "Two classes, three, or one after the other?",
        {
            "three classes": {},
            "two classes": {"task": "binary"},
            "two classes, BCE with pos_weight": {
                "task": "binary",
                "loss": "bce",
                "class_weights": "inverse",
            },
            "hierarchical": {"task": "hierarchical"},
        },
    ),
    Question(
        "augmentation",
        "Which augmentation earns its place?",
        {
            "all": {},
            "none": only(),
            "mirrored only": only(flip=0.5),
            "moved only": only(**{name: EVERY[name] for name in GEOMETRIC}),
            "exposed only": only(**{name: EVERY[name] for name in GREY}),
            "erased only": only(erase=EVERY["erase"]),
            "collimated only": only(collimate=EVERY["collimate"]),
            "mixed only": {"jitter": STILL},
        },
    ),
    Question(
        "learning rate",
        "How fast may it learn?",
        {
            "1e-3": {},
            "1e-5": {"peak_rate": 1e-5},
            "1e-4": {"peak_rate": 1e-4},
            "1e-2": {"peak_rate": 1e-2},
        },
    ),
    Question(
        "batch size",
        "How many films a step?",
        {"32": {}, "8": {"batch": 8}, "64": {"batch": 64}},
    ),
    Question(
        "dropout",
        "How much dropout before a small network's head?",
        {
            "0.5": SMALL,
            "none": {**SMALL, "dropout": 0.0},
            "0.75": {**SMALL, "dropout": 0.75},
        },
    ),
    Question(
        "normalisation",
        "Does a small network need BatchNorm?",
        {"with BatchNorm": SMALL, "without": {**SMALL, "architecture": "cnn3_plain"}},
    ),
    Question(
        "depth and width",
        "How deep and wide must a network without ImageNet be?",
        {
            "three blocks": SMALL,
            "three blocks, half as wide": {**SMALL, "architecture": "cnn3_narrow"},
            "three blocks, twice as wide": {**SMALL, "architecture": "cnn3_wide"},
            "two blocks": {**SMALL, "architecture": "cnn2"},
            "five blocks": {**SMALL, "architecture": "cnn5"},
        },
    ),
    Question(
        "freezing",
        "What should learn, and when?",
        {
            "everything at once": {},
            "head only": {"frozen": ("body",), "frozen_epochs": 999},
            "head first, then all": {"head_epochs": 1},
            "early stages frozen": {"frozen": EARLY, "frozen_epochs": 999},
            "early stages released": {"frozen": EARLY, "frozen_epochs": 1},
        },
    ),
    Question(
        "geometry",
        "What of the frame may a network see?",
        {
            "centre crop": {},
            "lung box": {"geometry": "lung_box"},
            "squashed whole film": {"geometry": "squash"},
            "whole film with bars": {"geometry": "letterbox"},
        },
    ),
)
