"""The systems that this project absorbs, each a row of the evidence table.

What they reported on the official test folder is their own: they split, select and choose
thresholds each in their way, and nothing of it was measured by this project.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class System:
    """One row: what it is, and what such a system reported of itself."""

    title: str
    reported: Mapping[str, float] = field(default_factory=dict)  # on the official test folder


SYSTEMS: dict[str, System] = {
    "cnn3": System(
        "CNN of three blocks",
        {"accuracy": 0.896, "sensitivity": 0.941, "specificity": 0.821, "auroc": 0.948},
    ),
    "cnn3_28px": System(
        "CNN of three blocks on 28 pixel films",
        {"balanced_accuracy": 0.840, "sensitivity": 0.987, "specificity": 0.692},
    ),
    "cnn5": System("CNN of five blocks", {"accuracy": 0.780, "sensitivity": 0.997, "auroc": 0.948}),
    "resnet18": System(
        "ResNet-18, from ImageNet",
        {
            "accuracy": 0.925,
            "sensitivity": 0.979,
            "specificity": 0.821,
            "auroc": 0.962,
            "three_class_accuracy": 0.799,  # of another such system, asked for three classes
            "three_class_macro_f1": 0.784,
        },
    ),
    "resnet50": System(
        "ResNet-50 with a dense head, from ImageNet", {"accuracy": 0.829, "auroc": 0.960}
    ),
    "densenet121": System(
        "DenseNet-121, from random weights",
        {"accuracy": 0.841, "sensitivity": 0.997, "auroc": 0.966},
    ),
    "mobilenet_v2": System("MobileNetV2, from ImageNet"),
    "resnet18_cbam": System(
        "ResNet-18 with CBAM, from ImageNet",
        {"accuracy": 0.849, "sensitivity": 0.964, "specificity": 0.658, "auroc": 0.928},
    ),
    "resnet18_cbam_scratch": System(
        "ResNet-18 with CBAM, from random weights",
        {"accuracy": 0.817, "sensitivity": 0.987, "specificity": 0.534, "auroc": 0.933},
    ),
    "hierarchical": System(
        "MobileNetV2 asked for pneumonia first, then for its type",
        {"three_class_accuracy": 0.790, "three_class_macro_f1": 0.774},
    ),
}
SYSTEMS["ensemble"] = System(
    "The ensemble",
    {
        "f1": 0.896,
        "sensitivity": 0.997,
        "specificity": 0.620,
        "auroc": 0.963,
        "three_class_accuracy": 0.822,
        "three_class_macro_f1": 0.808,
    },
)
