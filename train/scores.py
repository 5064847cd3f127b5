"""What every model said of every film of a role: all that a curve or a threshold needs.

No file and no patient is named. A patient is a number, counted within the role.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train.data import Films
from train.metrics import Bootstrap, Floats

DIGITS = 5  # of a probability: far below what a thousand films can tell apart


@dataclass(frozen=True, eq=False)
class Scores:
    """Class probabilities of every model on the same N films."""

    patient: NDArray[np.int64]  # (N,), 0, 1, ... in the order of the patients' names
    label: NDArray[np.int64]  # (N,), index into CLASSES
    classes: dict[str, Floats]  # per model (N, K)

    def __post_init__(self) -> None:
        lengths = {len(self.patient), len(self.label), *map(len, self.classes.values())}
        if len(lengths) != 1:
            raise ValueError(f"scores of unequal length: {sorted(lengths)}")

    @classmethod
    def of(cls, films: Films, said: Mapping[str, Floats]) -> Scores:
        """Number the patients of some films and keep what each model said of them (N, K)."""
        _, patient = np.unique(films.patients, return_inverse=True)
        rounded = {name: np.round(classes, DIGITS) for name, classes in said.items()}
        return cls(patient.astype(np.int64), films.label.numpy().astype(np.int64), rounded)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Scores:
        """Read what ``as_json`` wrote. Raises KeyError or ValueError."""
        classes = {name: np.array(rows, dtype=float) for name, rows in value["classes"].items()}
        return cls(np.array(value["patient"]), np.array(value["label"]), classes)

    def as_json(self) -> dict[str, object]:
        return {
            "patient": self.patient.tolist(),
            "label": self.label.tolist(),
            "classes": {name: classes.tolist() for name, classes in self.classes.items()},
        }

    @property
    def sick(self) -> NDArray[np.bool_]:
        return np.asarray(self.label > 0)

    @property
    def patients(self) -> list[str]:
        """Names that sort as the numbers do, so that a bootstrap draws the same children."""
        return [f"{number:06d}" for number in self.patient]

    def probability(self, model: str) -> Floats:
        """Probability of pneumonia by one model (N,)."""
        return np.asarray(1 - self.classes[model][:, 0])

    def bootstrap(self) -> Bootstrap:
        return Bootstrap(self.patients)
